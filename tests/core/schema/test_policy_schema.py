"""The one schema of a policy, for what builds, stores and routes it. About 3 s.

The two JSON files beside this one were written by ELPA 0.1.0: a policy as a store published it, with
``routing`` and ``evaluation``, and one of scores alone.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from elpa_core.errors import InputError
from elpa_core.files.atomic import json_bytes
from elpa_core.policy.table import model_lines
from elpa_core.routing import Router
from elpa_core.schema.policy import (
    ErrorSource,
    Evaluation,
    Gain,
    MissingModel,
    Policy,
    Routing,
    RunReference,
    ScoredPolicy,
    SingleModel,
    WeightedPolicy,
)
from elpa_core.schema.reading import read
from elpa_core.schema.routable_policy import RoutablePolicy
from elpa_core.store import PolicyStore

HERE = Path(__file__).parent
PUBLISHED = (HERE / "published_by_0_1_0.json").read_bytes()
SCORED = (HERE / "scored_by_0_1_0.json").read_bytes()
SERVED = {  # by this version, for the blocks of `served_by`
    "published": [
        [10.71223782827015, 10.822237828270149, 10.932237828270148],
        [12.028282853925537, 12.138282853925537, 12.24828285392554],
        [13.289282795097716, 13.399282795097715, 13.509282795097716],
        [14.47972548335254, 14.58972548335254, 14.699725483352543],
    ],
    "scored": [
        [11.200000000000001, 11.31, 11.420000000000002],
        [12.259400000000001, 12.369400000000002, 12.479400000000002],
        [13.292600543651353, 13.402600543651353, 13.512600543651356],
        [14.499959979056351, 14.60995997905635, 14.719959979056354],
    ],
}
CONTRACT = [
    "skill", "created_at", "beta", "dirty_interval", "amplitude_window", "mutant_epsilon",
    "online_models", "offline_models", "scores", "online_weights", "offline_weights",
    "best_online_model", "best_offline_model",
]  # fmt: skip


def published(**changes):
    """Return the policy that 0.1.0 published, without what its store added."""
    policy = json.loads(PUBLISHED)
    del policy["record"], policy["publication"]
    return policy | changes


def scored():
    return json.loads(SCORED)


def bare():
    """Return the policy as it was before policies spoke of routing."""
    policy = published()
    del policy["routing"], policy["evaluation"]
    return policy


def served_by(policy):
    router = Router(policy)
    blocks = []
    for block in range(4):
        forecasts = {
            name: [10.0 + i * 0.7 + block * 1.3 + step * 0.11 for step in range(3)]
            for i, name in enumerate(router.policy.names)
        }
        blocks.append(router.predict(forecasts).tolist())
        router.update([10.4 + block, 10.9 + block, 11.2 + block])
    return blocks


def store_with(tmp_path, data):
    """Return a store in which 0.1.0 has left the published policy ``data``."""
    store = PolicyStore(tmp_path / "store", "pool")
    store.folder.path.mkdir(parents=True)
    store.folder.current.write_bytes(data)
    policy = json.loads(data)
    del policy["publication"]
    numbered = store.folder.policy("run1", 1)
    numbered.parent.mkdir(parents=True)
    numbered.write_bytes(json_bytes(policy))
    return store


def refused(model, policy):
    with pytest.raises(InputError) as caught:
        read(model, policy, "p.json")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("policy", [published(), scored()], ids=["published", "scored"])
def test_a_policy_of_0_1_0_is_written_again_with_all_that_it_had(policy):
    later = {"evaluation_reason": None, "comparison": None, "warnings": []}
    written = read(Policy, policy, "p.json").to_json()
    _leave_out_files(written)
    if written["routing"]:
        assert written["routing"].pop("state") is None
    if evaluation := written["evaluation"]:
        assert evaluation.pop("holdout") is None
        for gain in evaluation["gain_over_best_single"].values():
            assert gain.pop("no_interval") is None
    assert json_bytes(written) == json_bytes({**policy, **later})
    assert list(read(Policy, policy, "p.json").to_json())[: len(CONTRACT)] == CONTRACT


def _leave_out_files(written):
    for source in written["errors"].values():
        assert (source.pop("artifacts"), source.pop("warm_started_from")) == ([], None)


def test_the_files_are_what_0_1_0_wrote():
    assert json_bytes(scored()) == SCORED
    assert json_bytes(json.loads(PUBLISHED)) == PUBLISHED


@pytest.mark.parametrize("policy", [published(), scored(), bare()], ids=["published", "scored", "bare"])
def test_a_policy_of_0_1_0_has_its_weights_to_the_bit(policy):
    contents = read(WeightedPolicy, policy, "p.json")
    written = contents.to_json()
    _leave_out_files(written)
    assert written == {name: policy[name] for name in WeightedPolicy.model_fields}
    for group in ("online", "offline"):
        assert list(contents.weights(group)) == contents.models(group) == policy[f"{group}_models"]
        assert contents.best_score(group) == policy["scores"][policy[f"best_{group}_model"]]


@pytest.mark.parametrize(("name", "policy"), [("published", published()), ("scored", scored())])
def test_a_policy_of_0_1_0_is_served(name, policy):
    assert served_by(policy) == SERVED[name]


def test_a_policy_without_routing_serves():
    assert Router(bare()).policy.range is None


def test_a_store_of_0_1_0_is_read(tmp_path):
    store = store_with(tmp_path, PUBLISHED)
    current, numbered = store.current(), store.policy("run1")
    assert current.raw == json.loads(PUBLISHED)
    assert current.contents == read(type(current.contents), current.raw, "p.json")
    assert (current.record, numbered.publication) == (numbered.record, None)
    assert model_lines(numbered.contents) == model_lines(read(Policy, published(), "p.json"))


def with_more(value):
    """Return a JSON value with a field of a later version in every object that is not keyed by names."""
    named = ("scores", "errors", "mae", "chosen", "gain_over_best_single")
    if isinstance(value, list):
        return [with_more(member) for member in value]
    if not isinstance(value, dict):
        return value
    more = {}
    for name, member in value.items():
        if name in named or name.endswith("_weights"):
            is_plain = not isinstance(member, dict)
            more[name] = member if is_plain else {key: with_more(one) for key, one in member.items()}
        else:
            more[name] = with_more(member)
    return {**more, "of_a_later_version": {"any": ["thing"]}}


def test_fields_of_later_versions_are_let_through_everywhere(tmp_path):
    later = with_more(published())
    assert "of_a_later_version" in later["evaluation"]["gain_over_best_single"]["router"]
    assert read(Policy, later, "p.json") == read(Policy, published(), "p.json")
    assert served_by(later) == SERVED["published"]
    data = json_bytes(with_more(json.loads(PUBLISHED)))
    store = store_with(tmp_path, data)
    assert store.current().raw == json.loads(data)
    assert store.current().contents == store_with(tmp_path / "old", PUBLISHED).current().contents


def test_a_store_keeps_blocks_that_a_later_version_has_changed(tmp_path):
    later = json.loads(PUBLISHED) | {"routing": {"version": 2, "models": []}, "evaluation": ["other"]}
    current = store_with(tmp_path, json_bytes(later)).current()
    assert current.raw["routing"] == {"version": 2, "models": []}
    assert refused(RoutablePolicy, current.raw) == ["p.json: $.routing.version: found 2; expected version 1"]


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (Policy, published()),
        (WeightedPolicy, bare()),
        (ScoredPolicy, {name: published()[name] for name in ScoredPolicy.model_fields}),
        (MissingModel, published()["missing"][0]),
        (ErrorSource, published()["errors"]["a"]),
        (RunReference, published()["run"]),
        (Routing, published()["routing"]),
        (Evaluation, published()["evaluation"]),
        (SingleModel, published()["evaluation"]["best_single"]),
        (Gain, published()["evaluation"]["gain_over_best_single"]["router"]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_is_built_has_no_unknown_field(part, fields):
    part(**fields)
    with pytest.raises(ValidationError, match="of_a_later_version") as caught:
        part(**fields, of_a_later_version=1)
    assert [error["type"] for error in caught.value.errors()] == ["extra_forbidden"]


CONTRACT_FAULTS = [
    ({"skill": "other"}, '$.skill: found "other"; expected "ELPA"'),
    ({"dirty_interval": "3"}, '$.dirty_interval: found "3"; expected an integer'),
    ({"dirty_interval": True}, "$.dirty_interval: found true; expected an integer"),
    ({"mutant_epsilon": float("inf")}, "$.mutant_epsilon: found inf; expected a finite number"),
    ({"online_models": "a"}, '$.online_models: found "a"; expected an array'),
    ({"online_models": []}, "$.online_models: found []; expected one or more model names, each once"),
    (
        {"offline_models": ["b", "b"]},
        '$.offline_models: found ["b", "b"]; expected one or more model names, each once',
    ),
    ({"online_models": ["a", 3]}, "$.online_models[1]: found 3; expected a string"),
    (
        {"offline_models": ["a", "b"]},
        '$.offline_models: found "a"; expected names that no online model has',
    ),
    ({"scores": []}, "$.scores: found an array; expected an object"),
    ({"scores": {"a": 1, "b": 1}}, "$.scores.c: found null; expected a number"),
    ({"scores": {"a": 1, "b": 1, "c": float("nan")}}, "$.scores.c: found nan; expected a finite number"),
    ({"scores": {"a": 1, "b": 1, "c": "1"}}, '$.scores.c: found "1"; expected a number'),
]


@pytest.mark.parametrize("model", [Policy, WeightedPolicy, RoutablePolicy])
@pytest.mark.parametrize(("changes", "words"), CONTRACT_FAULTS, ids=lambda value: str(value)[:40])
def test_the_same_is_refused_whoever_reads(model, changes, words):
    assert f"p.json: {words}" in refused(model, published(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"created_at": None}, "$.created_at: found null; expected a string"),
        ({"beta": float("nan")}, "$.beta: found nan; expected a finite number"),
        (
            {"online_weights": {}},
            "$.online_weights: found weights of no model; expected those of the online models",
        ),
        (
            {"online_weights": {"a": 0.4, "c": 0.3, "d": 0.3}},
            "$.online_weights: found weights of a, c, d; expected those of the online models",
        ),
        (
            {"best_offline_model": "a"},
            "$.offline_weights: found weights of b; expected those of the offline models",
        ),
        ({"offline_weights": {"b": None}}, "$.offline_weights.b: found null; expected a number"),
        ({"missing": [{}]}, "$.missing[0].name: found nothing; expected a value: the field is required"),
        ({"errors": {"a": None}}, "$.errors.a: found null; expected an object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_policy_is_not_stored(changes, words):
    assert f"p.json: {words}" in refused(WeightedPolicy, published(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "$.version: found 2; expected version 1"),
        ({"dirty_interval": -1}, "$.dirty_interval: found -1; expected a number of at least 0"),
        ({"amplitude_window": 0}, "$.amplitude_window: found 0; expected a number of at least 1"),
        ({"mutant_epsilon": 0}, "$.mutant_epsilon: found 0; expected a number greater than 0"),
        (
            {"scores": {"a": -1, "b": 1, "c": 1}},
            "$.scores.a: found -1; expected a number of at least 0",
        ),
        ({"routing": 3}, "$.routing: found 3; expected an object"),
        ({"routing": {"horizon": 0}}, "$.routing.horizon: found 0; expected a number of at least 1"),
        (
            {"routing": {"range": [2, 1]}},
            "$.routing.range: found [2.0, 1.0]; expected [smallest, largest], numbers within ±1e+150",
        ),
        ({"routing": {"range": [1]}}, "$.routing.range[1]: found nothing; expected a value: the field is"),
        ({"routing": {"mean_abs": -1}}, "$.routing.mean_abs: found -1; expected a number from 0 to 1e+150"),
        ({"routing": {"best_mae": -1}}, "$.routing.best_mae: found -1; expected a number from 0 to 1e+150"),
        ({"routing": {"best_model": "x"}}, '$.routing.best_model: found "x"; expected a model of the policy'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_no_router_takes_is_refused(changes, words):
    with pytest.raises(InputError) as caught:
        Router(published(**changes))
    assert f"policy: {words}" in str(caught.value)


def test_all_problems_are_reported_at_once():
    policy = published(
        skill="x", dirty_interval=-1, scores={"a": -1, "b": 1}, routing={"version": 9, "best_model": "z"}
    )
    assert refused(RoutablePolicy, policy) == [
        'p.json: $.skill: found "x"; expected "ELPA"',
        "p.json: $.dirty_interval: found -1; expected a number of at least 0",
        "p.json: $.scores.a: found -1; expected a number of at least 0.0",
        "p.json: $.scores.c: found null; expected a number",
        "p.json: $.routing.version: found 9; expected version 1",
    ]
    both = published(online_weights={}, offline_weights={})
    assert [line.partition(": found")[0] for line in refused(WeightedPolicy, both)] == [
        "p.json: $.online_weights",
        "p.json: $.offline_weights",
    ]


def test_what_routes_starts_without_pydantic():
    program = "import sys, elpa_core.routing; print('numpy' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_the_schema_starts_without_numpy():
    program = "import sys, elpa_core.schema.policy; print({'numpy', 'elpa_core.config'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
