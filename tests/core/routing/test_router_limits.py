"""What one wild forecast or actual can do to a router's answers."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_panels import policy_of
from support.routers import NAMES, OFFLINE, ONLINE

from elpa_core.routing import Router, Validation


def test_divergence_does_not_reach_the_output() -> None:
    rng = np.random.default_rng(1)
    y = 10 + rng.normal(size=60)
    validation = Validation.of(y, {n: y + rng.normal(size=60) for n in NAMES})
    served = Router(policy_of(ONLINE, OFFLINE), validation)
    plain = served.predict({"a": [10.0], "b": [10.2], "c": [9.9]})[0]
    assert served.predict({"a": [10.0], "b": [10.2], "c": [9.9], "d": [1e22]})[0] == plain
    told = served.explain()
    assert (told["missing"], told["limited"], told["left_out"]) == ([], [], ["d"])
    wild = served.predict({"a": [10.0], "b": [10.2], "c": [9.9], "d": [100.0]})[0]
    assert wild == pytest.approx(plain, abs=0.2)
    told = served.explain()
    assert (told["limited"], told["left_out"]) == (["d"], ["d"])
    assert served.predict({"a": [1e300], "d": [-1e300]})[0] == pytest.approx(y.mean(), abs=3 * np.ptp(y))
    assert served.explain()["limited"] == ["a", "d"]


def test_as_long_as_all_actuals_were_zero_no_forecast_is_beyond_them() -> None:
    served = Router(policy_of(ONLINE, OFFLINE, scores=dict.fromkeys(NAMES, 1.0)))
    for actual in (0.0, 1.0):
        served.predict({"a": [5.0], "b": [5.0], "c": [5.0], "d": [0.0]})
        assert served.explain()["left_out"] == []
        served.update(actual)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_forecast_beyond_all_actuals_is_left_out_sooner(side: float) -> None:
    rng = np.random.default_rng(2)
    y = side * 50 * np.sin(np.arange(200) / 9)
    validation = Validation.of(y, {n: y + rng.normal(size=200) for n in NAMES})
    served = Router(policy_of(ONLINE, OFFLINE), validation)
    usual, (low, high) = served.to_json()["state"]["usual_error"][0], served.policy.range
    bounds = {1.0: high + 0.1 * (high - low), -1.0: low - 0.1 * (high - low)}
    for beyond, times, left_out in [(0.01, 5, ["d"]), (-0.01, 9, []), (-0.01, 11, ["d"]), (0.01, 3, [])]:
        far = bounds[side] + side * beyond
        near = far - side * times * usual
        served.predict({"a": [near], "b": [near], "c": [near], "d": [far]})
        assert served.explain()["left_out"] == left_out


@pytest.mark.parametrize("actuals", [[100.0], [0.0, 0.0, 100.0], [-3.0, 100.0]])
def test_of_a_policy_without_a_range_the_actuals_tell_the_size(actuals: list[float]) -> None:
    served = Router(policy_of(["a"], ["b"]))
    for actual in actuals:
        served.predict({"a": [actual], "b": [actual]})
        served.update(actual)
    for wild in (1e22, -1e22, 1e9):
        assert served.predict({"a": [101.0], "b": [wild]})[0] == pytest.approx(101.0, abs=3.0)
    assert served.predict({"a": [101.0], "b": [99.0]})[0] == pytest.approx(100.0, abs=3.0)


@pytest.mark.parametrize(("before", "after"), [(0.0, 10.0), (100.0, 2000.0), (100.0, -7e6)])
def test_where_the_series_has_moved_the_limits_follow(before: float, after: float) -> None:
    noise = np.random.default_rng(3).normal(size=(200, 5))
    y = np.repeat([before, after], 100) + np.where(before, noise[:, 4], 0.0)
    rows = y[:, None] + np.where(before, noise[:, :4], 0.0)
    served = Router(
        policy_of(ONLINE, OFFLINE), Validation.of(y[:100], dict(zip(NAMES, rows[:100].T, strict=True)))
    )
    errors = []
    for row, actual in zip(rows[100:], y[100:], strict=True):
        errors.append(abs(served.predict(row[None])[0] - actual))
        served.update(float(actual))
    assert max(errors[6:]) < 3
    wild = served.predict({"a": [after], "b": [after], "c": [1e9 * after]})[0]
    assert wild == pytest.approx(after, abs=3)


def test_one_wild_actual_opens_the_limits_for_one_step() -> None:
    y = np.linspace(10.0, 12.0, 50)
    validation = Validation.of(y, dict.fromkeys(NAMES, y))
    served = Router(policy_of(ONLINE, OFFLINE), validation, parts=("median",))
    for actual, low, high in ((1e9, 8, 14), (11.0, 10 - 64, 14 + 64), (11.0, 8, 16)):
        for wild, limit in ((1e5, high), (-1e5, low)):
            assert served.predict({"a": [wild]})[0] == pytest.approx(limit)
        served.update(actual)


@pytest.mark.parametrize("wild", [1e4, -1e8, 1e150])
@pytest.mark.parametrize("row", [72, 100])
def test_one_wild_actual_does_not_spoil_what_follows(row: int, wild: float) -> None:
    rng = np.random.default_rng(8)
    y = 10 + rng.normal(size=400)
    rows = y[:, None] + rng.normal(size=(400, 4)) * [0.2, 0.5, 1.0, 2.0]

    def error(actuals: np.ndarray) -> float:
        validation = Validation.of(actuals[:96], dict(zip(NAMES, rows[:96].T, strict=True)), horizon=24)
        served = Router(policy_of(ONLINE, OFFLINE), validation, horizon=24)
        errors = []
        for first in range(96, 384, 24):
            block = slice(first, first + 24)
            errors.append(np.abs(served.predict(rows[block]) - y[block]).mean())
            served.update(actuals[block])
        return float(np.mean(errors))

    spoilt = y.copy()
    spoilt[row] = wild
    assert error(spoilt) < 1.15 * error(y)
