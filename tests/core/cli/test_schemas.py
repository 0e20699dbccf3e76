"""The JSON Schemas accept what the code accepts, and refuse what it refuses. Under 1 s."""

import jsonschema
import pytest
from support.pools import block, pool

from elpa_core.cli.schemas import SCHEMAS, json_schema
from elpa_core.config.integration import check_integration_config
from elpa_core.config.loading import check_training_config
from elpa_core.errors import ConfigError
from elpa_core.policy.build import ScoredModel, build_policy


def scored_pool(**source):
    models = [{"name": "a", "group": "online", **source}, {"name": "b", "group": "offline", "ewma_score": 1}]
    return {"models": models}


@pytest.fixture(params=["schema", "code"])
def accepts(request, tmp_path):
    """Tell whether a config is accepted, by the schema and by the code."""

    def by_schema(kind, config):
        return jsonschema.Draft202012Validator(json_schema(kind)).is_valid(config)

    def by_code(kind, config):
        try:
            if kind == "train":
                check_training_config(config, b"", tmp_path / "pool.json")
            else:
                check_integration_config(config, tmp_path / "pool.json")
        except ConfigError:
            return False
        return True

    return by_schema if request.param == "schema" else by_code


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one(kind):
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


GOOD = {
    "least": ("train", pool({"name": "a", "train_cmd": "true"})),
    "extras": ("train", pool(project_root="/x", rate=0.1, count=3, flag=False, nothing=None)),
    "context": ("train", pool(context={"a": "x", "b": 1, "c": 1.5, "d": True, "e": None})),
    "env": ("train", pool(block(env={"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}))),
    "ranges": (
        "train",
        pool(horizon=1, beta=0, dirty_interval=0, amplitude_window=1, mutant_epsilon=None),
    ),
    "airflow": (
        "train",
        pool(block(airflow={"pool": "gpu", "retries": 0}), airflow={"schedule": "@daily", "tags": ["x"]}),
    ),
    "members for editors": (
        "train",
        {**pool(block(airflow={"$comment": "x"}, **{"$comment": {}})), "$schema": "x", "$comment": ["y"]},
    ),
    "a comment in a block": ("integrate", {**scored_pool(ewma_score=0, **{"$comment": [1]}), "$schema": "x"}),
    "score": ("integrate", scored_pool(ewma_score=0)),
    "values": ("integrate", scored_pool(error_values=[1, -2.5])),
    "csv": ("integrate", {**scored_pool(error_csv="e.csv"), "beta": 0.5}),
}
BAD = {
    "no models": ("train", {}),
    "empty models": ("train", {"models": []}),
    "a string for an integer": ("train", pool(horizon="24")),
    "a boolean for a number": ("train", pool(beta=True)),
    "beta of 1": ("train", pool(beta=1)),
    "mutant_epsilon of 0": ("train", pool(mutant_epsilon=0)),
    "a top-level object": ("train", pool(pools={})),
    "an array in the context": ("train", pool(context={"a": []})),
    "an object in env": ("train", pool(block(env={"a": {}}))),
    "no command": ("train", pool({"name": "a"})),
    "an unknown field": ("train", pool(block(retries=1))),
    "an unknown group": ("train", pool(block(group="both"))),
    "an unknown airflow field": ("train", pool(airflow={"retry": 1})),
    "negative retries": ("train", pool(block(airflow={"retries": -1}))),
    "a negative score": ("integrate", scored_pool(ewma_score=-1)),
    "no values": ("integrate", scored_pool(error_values=[])),
    "a text among the values": ("integrate", scored_pool(error_values=["1"])),
    "an unknown source": ("integrate", scored_pool(ewma_score=1, error_cvs="x")),
    "an array at the top": ("integrate", {**scored_pool(ewma_score=1), "betas": [1]}),
}


@pytest.mark.parametrize(("kind", "config"), GOOD.values(), ids=GOOD)
def test_good_configs_are_accepted(accepts, kind, config):
    assert accepts(kind, config)


@pytest.mark.parametrize(("kind", "config"), BAD.values(), ids=BAD)
def test_bad_configs_are_refused(accepts, kind, config):
    assert not accepts(kind, config)


def test_a_policy_fits_its_schema_and_a_torn_one_does_not(load):
    scored = [ScoredModel("a", "online", 1.0, 2, "ab"), ScoredModel("b", "offline", 2.0)]
    policy = build_policy(
        load(pool()).config, scored, created_at="2026-01-31T00:00:00Z", source="x"
    ).to_json()
    jsonschema.validate(policy, json_schema("policy"))
    for field in ("scores", "online_weights", "best_offline_model"):
        torn = {name: value for name, value in policy.items() if name != field}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(torn, json_schema("policy"))
