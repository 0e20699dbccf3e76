"""The policy as an object; its numbers are tested in test_cli_integrate. Under 1 s."""

import json

import pytest
from support.pools import pool

from elpa_core.errors import InputError
from elpa_core.policy.build import ScoredModel, build_policy
from elpa_core.policy.evaluation import EvaluatedPolicy, write_policy
from elpa_core.policy.table import policy_lines
from elpa_core.schema.policy import MissingModel, RunReference

CREATED_AT = "2026-01-31T06:00:00Z"
SCORED = [
    ScoredModel("b", "offline", 2.0, 7, "ab"),
    ScoredModel("a", "online", 1.0),
    ScoredModel("c", "online", 3.0),
]


@pytest.fixture
def fields(load):
    return load(pool(beta=0.5)).config


def test_models_keep_their_order_in_each_group(fields):
    policy = build_policy(fields, SCORED[::-1], created_at=CREATED_AT, source="x").to_json()
    assert (policy["online_models"], policy["offline_models"]) == (["c", "a"], ["b"])
    assert list(policy["online_weights"]) == ["c", "a"]
    assert list(policy["scores"]) == ["c", "a", "b"]
    assert policy["online_weights"] == {"c": 0.25, "a": 0.75}


@pytest.mark.parametrize(
    ("intended", "degraded"), [([], False), ([True], False), ([False], True), ([True, False], True)]
)
def test_a_policy_is_degraded_if_a_model_is_missing_that_should_be_there(fields, intended, degraded):
    missing = [
        MissingModel(name=f"m{n}", group="online", reason="r", intended=i) for n, i in enumerate(intended)
    ]
    policy = build_policy(fields, SCORED, created_at=CREATED_AT, source="x", missing=missing)
    assert policy.degraded is degraded
    assert [m.name for m in policy.missing] == [f"m{n}" for n in range(len(intended))]


@pytest.mark.parametrize("lacking", [["online"], ["offline"], ["online", "offline"]])
def test_each_group_needs_a_model(fields, lacking):
    scored = [model for model in SCORED if model.group not in lacking]
    with pytest.raises(InputError) as caught:
        build_policy(fields, scored, created_at=CREATED_AT, source="pool.json")
    assert str(caught.value).splitlines() == [
        f"pool.json: $.models: found no scored {group} model; expected at least one in each group"
        for group in lacking
    ]


def test_a_written_policy_reads_back_the_same(fields, tmp_path):
    run = RunReference(dag_id="d", run_id="r", run_dir="/x", as_of=CREATED_AT, config_sha256="ab")
    policy = build_policy(fields, SCORED, created_at=CREATED_AT, source="x", run=run)
    path = tmp_path / "new" / "policy.json"
    write_policy(path, EvaluatedPolicy(policy))
    assert json.loads(path.read_bytes()) == policy.to_json()
    assert policy.to_json()["run"]["run_id"] == "r"
    assert [file.name for file in path.parent.iterdir()] == ["policy.json"]


def test_the_table_shows_best_models_and_missing_ones(fields):
    missing = [MissingModel(name="gone", group="offline", reason="its command failed", intended=False)]
    policy = build_policy(fields, SCORED, created_at=CREATED_AT, source="x", missing=missing)
    assert policy_lines(policy) == [
        "group    model          score   weight",
        "online   a                  1   0.7500  best",
        "online   c                  3   0.2500",
        "offline  b                  2   1.0000  best",
        "offline  gone         missing           its command failed",
    ]
