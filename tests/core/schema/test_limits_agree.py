"""Whatever number a config may hold, a router accepts it in the policy that is made of the config."""

import json
import math

import pytest

from elpa_core.config.integration import IntegrationConfig, ScoredBlock, check_integration_config
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import PolicyFields, RunFields
from elpa_core.errors import InputError
from elpa_core.files.strict_json import parse_object
from elpa_core.policy.build import ScoredModel, build_policy
from elpa_core.policy.integration import integrate_config
from elpa_core.routing import Router
from elpa_core.schema.limits import BOUND, MOST

LARGEST = 1.7976931348623157e308
NUMBERS = [
    *(sign * number for sign in (1, -1) for number in (0.0, 5e-324, 1e-9, 0.5, 1.0, 1.5, 1e9, LARGEST)),
    *(sign * number for sign in (1, -1) for number in (0, 1, 2, 10**9, 2**31, 2**63, 2**64, 10**30)),
    *(limit + step for limit in (MOST, MOST // 2) for step in (-1, 0, 1)),
    *(math.nextafter(BOUND, other) for other in (0, math.inf)),
    BOUND,
    None,
]
FIELDS = [*PolicyFields.model_fields, "horizon"]
SOURCES = {"ewma_score": lambda n: n, "error_values": lambda n: [n, n]}


def served(policy):
    """Return what a router makes of a policy, for a block as long as the policy's horizon, at most 3."""
    router = Router(policy)
    steps = min(router.policy.horizon, 3)
    answers = router.predict({"a": [1.0] * steps, "b": [3.0] * steps}).tolist()
    router.update([2.0] * steps)
    return answers


def models(**source):
    return [{"name": "a", "ewma_score": 1} | source, {"name": "b", "group": "offline", "ewma_score": 2}]


def numbers_in(model):
    """Return the fields of a model that hold numbers."""
    fields = model.model_json_schema()["properties"]
    return {name for name, field in fields.items() if "integer" in str(field) or "'number'" in str(field)}


def test_each_field_with_numbers_is_tried():
    assert numbers_in(IntegrationConfig) == {*FIELDS}
    assert numbers_in(ScoredBlock) == {*SOURCES}
    no_policy_has = {"period", "seed", "context"}
    assert numbers_in(RunFields) - no_policy_has == {*FIELDS}


@pytest.mark.parametrize("field", FIELDS)
def test_what_an_integration_config_may_hold_is_routed(field, tmp_path):
    taken = 0
    for number in NUMBERS:
        raw = parse_object(json.dumps({"models": models(), field: number}).encode(), "c.json")
        try:
            loaded = check_integration_config(raw, tmp_path / "c.json")
        except InputError:
            continue
        taken += 1
        assert all(map(math.isfinite, served(integrate_config(loaded).policy.to_json())))
    assert taken


@pytest.mark.parametrize("field", FIELDS)
def test_a_training_config_takes_what_an_integration_config_takes(field, tmp_path):
    blocks = [{"name": "a", "train_cmd": "true"}, {"name": "b", "group": "offline", "train_cmd": "true"}]
    for number in NUMBERS:
        taken = []
        for check, config in (
            (lambda data: check_integration_config(parse_object(data, "c"), tmp_path), {"models": models()}),
            (lambda data: parse_training_config(data, tmp_path), {"models": blocks}),
        ):
            try:
                check(json.dumps({**config, field: number}).encode())
                taken.append(True)
            except InputError:
                taken.append(False)
        assert taken in ([True, True], [False, False]), number


@pytest.mark.parametrize("source", SOURCES)
def test_whatever_the_errors_are_they_are_routed(source, tmp_path):
    taken = 0
    for number in NUMBERS:
        raw = parse_object(json.dumps({"models": models(**{source: SOURCES[source](number)})}).encode(), "c")
        try:
            policy = integrate_config(check_integration_config(raw, tmp_path / "c.json")).policy.to_json()
        except InputError:
            continue
        taken += 1
        assert all(map(math.isfinite, served(policy)))
    assert taken > 5


def test_a_score_beyond_the_bound_counts_as_the_bound():
    def policy(score):
        scored = [ScoredModel("a", "online", score), ScoredModel("b", "offline", 1.0)]
        return build_policy(PolicyFields(), scored, created_at="", source="").to_json()

    assert served(policy(1e200)) == served(policy(BOUND))
    assert Router(policy(1e200)).policy.scores == (BOUND, 1.0)
