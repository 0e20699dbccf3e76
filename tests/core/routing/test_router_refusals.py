"""What a router refuses, in which words, and that nothing is changed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.made_panels import policy_of
from support.routers import OFFLINE, ONLINE, router, trained

from elpa_core.errors import InputError
from elpa_core.routing import CallOrderError, Router


def unchanged_after(served: Router, call: object, error: type[Exception], text: str) -> None:
    before = json.dumps(served.to_json())
    with pytest.raises(error, match=text):
        call()  # type: ignore[operator]
    assert json.dumps(served.to_json()) == before


def test_bad_forecasts_are_refused_and_nothing_changes() -> None:
    served = trained()
    served.predict({"a": [1.0]})
    for forecasts, text in (
        ({"x": [1.0], "a": [1.0]}, r'"x".*a model that the policy does not have'),
        ({}, "no forecast at all"),
        ({"a": None}, "no forecast at all"),
        ({"a": []}, r"shape \(0,\)"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "2 steps; expected 1, as a has"),
        ({"a": [[1.0]]}, r"shape \(1, 1\)"),
        ({"a": ["much"]}, "numbers"),
        ({"a": [10**400], "b": [1], "c": [1], "d": [1]}, "numbers"),
        (np.zeros((1, 3)), r"expected shape \(steps, 4\)"),
        (np.zeros(4), r"expected shape \(steps, 4\)"),
        (np.zeros((0, 4)), "at least one step"),
        ({"a": [1.0, np.nan], "b": [2.0, np.inf]}, "step 1: found no finite forecast"),
    ):
        unchanged_after(served, lambda forecasts=forecasts: served.predict(forecasts), InputError, text)


def test_bad_actuals_are_refused_and_nothing_changes() -> None:
    served = trained()
    unchanged_after(served, lambda: served.update(1.0), CallOrderError, "none waits for an actual")
    served.predict({"a": [1.0, 2.0]})
    unchanged_after(served, lambda: served.update([1.0, 2.0, 3.0]), CallOrderError, "2 wait for actuals")
    unchanged_after(served, lambda: served.update([1.0, np.nan]), InputError, "row 1: found nan")
    unchanged_after(served, lambda: served.update(np.inf), InputError, "row 0: found inf")
    unchanged_after(served, lambda: served.update(10**400), InputError, "expected numbers")
    unchanged_after(served, lambda: served.update([]), InputError, r"shape \(0,\)")
    unchanged_after(served, lambda: served.update([[1.0]]), InputError, r"shape \(1, 1\)")
    served.update([1.0, 2.0])
    unchanged_after(served, lambda: served.update([1.0, 2.0]), CallOrderError, "none waits")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"skill": "other"}, r"\$\.skill"),
        ({"version": 2}, r"\$\.version: found 2; expected version 1"),
        ({"routing": {"version": 9}}, r"\$\.routing\.version: found 9"),
        ({"routing": {"range": [2, 1]}}, r"\$\.routing\.range"),
        ({"dirty_interval": -1}, r"\$\.dirty_interval: found -1"),
        (
            {"dirty_interval": 10**30},
            r"\$\.dirty_interval: found 1000.*expected a number of at most 1000000",
        ),
        ({"amplitude_window": 10**9}, r"\$\.amplitude_window: found 1000000000"),
        ({"scores": {"a": 10**400, "b": 1, "c": 1, "d": 1}}, r"\$\.scores\.a"),
        ({"amplitude_window": 0}, r"\$\.amplitude_window"),
        ({"mutant_epsilon": 0}, r"\$\.mutant_epsilon: found 0; expected a number greater than 0"),
        ({"online_models": []}, r"\$\.online_models"),
        ({"offline_models": ["a"]}, r"\$\.offline_models"),
        ({"scores": {"a": 1, "b": 1, "c": 1}}, r"\$\.scores\.d: found null"),
        ({"scores": {"a": 1, "b": 1, "c": 1, "d": -1}}, r"\$\.scores\.d: found -1"),
    ],
)
def test_what_is_no_policy_of_this_version_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        router(**fields)


@pytest.mark.parametrize("policy", [None, [], "policy"])
def test_a_policy_is_an_object(policy: object) -> None:
    with pytest.raises(InputError, match="expected a policy: an object"):
        Router(policy)  # type: ignore[arg-type]


@pytest.mark.parametrize("horizon", [0, -3, 1.5, True, 10**9])
def test_a_horizon_is_a_positive_whole_number(horizon: int) -> None:
    with pytest.raises(InputError, match="horizon: found"):
        Router(policy_of(ONLINE, OFFLINE), horizon=horizon)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match='"medain"'):
        Router(policy_of(ONLINE, OFFLINE), parts=("medain",))
    with pytest.raises(InputError, match="no expert"):
        Router(policy_of(ONLINE, OFFLINE), parts=("guard",))


def test_explain_needs_a_step() -> None:
    served = router()
    with pytest.raises(CallOrderError, match="no step 0"):
        served.explain()
    served.predict({"a": [1.0]})
    with pytest.raises(CallOrderError, match="no step 1"):
        served.explain(1)
