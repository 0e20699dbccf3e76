"""The belt: the promise to the best single model, where it holds, and where it lets go."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_panels import policy_of

from elpa_core.routing import Router, Validation
from elpa_core.routing.belt import BELT_SHARE, BELT_STEPS
from elpa_core.routing.settings import PARTS

ONLINE, OFFLINE = ["a", "b"], ["c", "d"]
NAMES = ONLINE + OFFLINE


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_it_never_loses_more_to_the_best_model_than_promised(horizon: int, scale: float) -> None:
    """On validation ``a`` is best, but lately the others were; then every block is as ``a`` said."""
    rng = np.random.default_rng(2)
    y = 20 * rng.normal(size=300)
    others = y + np.where(np.arange(300) < 120, rng.choice([-5.0, 5.0], size=300), 0.1)
    rows = np.column_stack([y + rng.choice([-1.0, 1.0], size=300), *[others] * 3])
    rows[120:150, 0] = y[120:150] + 3
    rows[150:, 0], rows[150:, 1:] = y[150:], y[150:, np.newaxis] + 3
    y, rows = scale * y, scale * rows
    validation = Validation.of(y[:150], dict(zip(NAMES, rows[:150].T, strict=True)), horizon=horizon)
    policy = policy_of(ONLINE, OFFLINE, scores=dict.fromkeys(NAMES, scale))
    lost = {}
    for parts in (PARTS, [part for part in PARTS if part != "belt"]):
        served = Router(policy, validation, horizon=horizon, parts=parts)
        assert served.predict(rows[150 : 150 + horizon]).shape == (horizon,)
        assert served.explain()["best_model"] == "a"
        allowed, lost[len(parts)] = BELT_STEPS * served.policy.best_mae, 0.0
        for first in range(150, 300, horizon):
            block = slice(first, first + horizon)
            values = served.predict(rows[block])
            served.update(y[block])
            lost[len(parts)] += np.abs(values - y[block]).sum()
            allowed += (1 + BELT_SHARE) * np.abs(rows[block, 0] - y[block]).sum()
            assert parts != PARTS or lost[len(parts)] <= allowed * (1 + 1e-9)
    assert lost[len(PARTS) - 1] > 1.5 * allowed  # without the belt


def validated(horizon: int) -> Router:
    """A router whose model ``a`` is best on validation by far; its belt has no earnings yet."""
    rng = np.random.default_rng(2)
    y = 10 + rng.normal(size=100)
    rows = {n: y + (0.1 if n == "a" else 0.5) * rng.normal(size=100) for n in NAMES}
    return Router(policy_of(ONLINE, OFFLINE), Validation.of(y, rows), horizon=horizon)


def test_a_block_keeps_to_the_best_model_as_a_whole() -> None:
    served = validated(24)
    room = BELT_STEPS * served.policy.best_mae
    rows = np.tile([10.0, 10.7, 10.6, 10.4], (60, 1))
    rows[30:, 1:] -= 0.4
    assert np.abs(served.predict(rows) - 10.0).sum() == pytest.approx(room)
    told = [served.explain(step) for step in range(60)]
    (share,) = {step["belt"] for step in told}
    assert 0 < share < 1
    for step in told:
        assert step["best_model"] == "a"
        assert step["served"] == pytest.approx(10.0 + share * (step["mixed"] - 10.0))
    served.predict(rows[:1])  # one step alone has room enough
    assert (served.explain()["belt"], served.explain()["served"]) == (1.0, served.explain()["mixed"])


def test_the_best_model_does_not_hold_it_where_it_is_missing_or_far_out() -> None:
    served = validated(24)
    others = {"b": [10.7], "c": [10.6], "d": [10.4]}
    for forecasts in (others, {"a": [-1e6], **others}):
        value = served.predict(forecasts)[0]
        assert served.explain()["belt"] is None
        assert value == served.explain()["mixed"] > 10.3


@pytest.mark.parametrize("horizon", [1, 12])
def test_a_best_model_that_was_left_and_right_is_not_left_again(horizon: int) -> None:
    served, lost, allowed = validated(horizon), 0.0, 0.0
    low, high = served.policy.range or (0.0, 0.0)
    usual = high + np.array([0.1, 0.5, -0.5, 0.6])
    for turn in range(40):
        alone = turn % 4 == 3  # it says that the series goes where it has not been for long
        values = served.predict(np.tile([low, high, high, high] if alone else usual, (horizon, 1)))
        actual = low if alone else high
        served.update(np.full(horizon, actual))
        if turn == 3:
            assert values.min() > low + 0.9 * (high - low)  # for all it knew, that model alone had failed
        else:
            lost += np.abs(values - actual).sum()
            allowed += 0.0 if alone else horizon * 0.1
    assert lost <= (1 + BELT_SHARE) * allowed + BELT_STEPS * served.policy.best_mae


@pytest.mark.parametrize("horizon", [1, 12])
def test_where_best_model_and_median_disagree_by_far_the_last_actual_is_the_referee(horizon: int) -> None:
    served = validated(horizon)
    served.predict(np.full((horizon, 4), 10.0))
    served.update(np.full(horizon, 10.0))
    right = np.tile([10.0, 25.0, 25.0, 25.0], (horizon, 1))
    values = served.predict(right)
    assert served.explain()["belt"] is not None
    lost = np.abs(values - 10.0).sum() / served.policy.best_mae
    assert 0.9 * BELT_STEPS < lost <= (1 + BELT_SHARE) * BELT_STEPS
    served.predict(right[:, [1, 0, 0, 0]])
    assert served.explain()["belt"] is None


def foreseeing(horizon: int, jumps: slice) -> tuple[Router, np.ndarray, np.ndarray]:
    """A router whose model ``a`` alone foresees jumps; actuals and forecasts of the rows after validation."""
    rng = np.random.default_rng(2)
    y = 10 + rng.normal(size=480)
    rows = y[:, np.newaxis] + 0.5 * rng.normal(size=(480, 4))
    y[jumps] += 90
    rows[jumps, 0] += 90
    validation = Validation.of(y[:240], dict(zip(NAMES, rows[:240].T, strict=True)), horizon=horizon)
    return Router(policy_of(ONLINE, OFFLINE), validation, horizon=horizon), y[240:], rows[240:]


EACH_DAY = slice(5, None, 24)


@pytest.mark.parametrize("horizon", [1, 12, 24])
def test_a_best_model_that_alone_foresaw_jumps_on_validation_is_followed(horizon: int) -> None:
    served, y, rows = foreseeing(horizon, EACH_DAY)
    values = []
    for first in range(0, len(y), horizon):
        values.append(served.predict(rows[first : first + horizon]))
        served.update(y[first : first + horizon])
    lost = np.abs(np.concatenate(values) - y).sum()
    allowed = (1 + BELT_SHARE) * np.abs(rows[:, 0] - y).sum()
    assert lost <= allowed + BELT_STEPS * served.policy.best_mae


@pytest.mark.parametrize("steps", [1, 4])
def test_it_is_followed_no_farther_than_what_it_gained_by_that(steps: int) -> None:
    served, _, _ = foreseeing(24, EACH_DAY)
    alarm = np.tile([10.0, 10.0, 10.1, 9.9], (24, 1))
    alarm[5 : 5 + steps, 0] = 100.0
    credit, lost, followed = np.inf, 0.0, 0
    for _ in range(40):
        values = served.predict(alarm)
        credit = min(credit, served.explain()["credit"])
        followed += served.explain(5)["belt"] is not None
        lost += np.abs(values[5 : 5 + steps] - 10.0).sum()
        served.update(np.full(24, 10.0))
    gained = 9 * 90  # on ten days of validation, but for one
    assert 0 < followed <= gained // (90 * steps)
    assert lost <= gained
    assert credit == 0.0


@pytest.mark.parametrize("horizon", [1, 12])
def test_one_upheaval_gives_no_credit(horizon: int) -> None:
    served, _, rows = foreseeing(horizon, slice(24, 24 + horizon))
    served.predict(rows[:1])
    assert np.max(served.to_json()["state"]["credit"][1:]) > 80.0
    assert served.explain()["credit"] < 20.0


def test_dirty_steps_give_no_credit() -> None:
    served, _, rows = foreseeing(1, EACH_DAY)
    state = served.to_json()
    state["state"]["dirty"] = [100]
    served = Router.from_json(state)
    served.predict(rows[:1])
    before = served.explain()["credit"]
    for _ in range(30):
        served.predict([[100.0, 10.0, 10.1, 9.9]])
        served.update(100.0)
    assert served.explain()["dirty"]
    assert served.explain()["credit"] == before


@pytest.mark.parametrize("wild", [1e6, -1e6])
def test_a_wild_actual_is_no_referee(wild: float) -> None:
    served = validated(24)
    for actuals in (np.full(24, 10.0), np.append(np.full(23, 10.0), wild)):
        served.predict(np.full((24, 4), 10.0))
        served.update(actuals)
    values = served.predict(np.tile([10.0 + np.sign(wild) * 8, 10.0, 10.1, 9.9], (24, 1)))
    assert served.explain()["belt"] is None
    assert np.abs(values - 10.0).max() < 2
    repeated = served.predict(np.tile([10.0, *[10.0 + np.sign(wild) * 60] * 3], (24, 1)))
    assert served.explain()["belt"] is not None
    assert np.abs(repeated - 10.0).max() < 1


@pytest.mark.parametrize("wild", [0.0, 500.0])
def test_before_the_first_actual_a_best_model_that_is_far_out_does_not_hold_it(wild: float) -> None:
    policy = policy_of(ONLINE, OFFLINE, routing={"range": [90, 110], "best_model": "a", "best_mae": 0.9})
    values = Router(policy, horizon=24).predict(np.tile([wild, 99.0, 100.0, 101.0], (24, 1)))
    assert np.abs(values - 100.0).max() < 1.5


@pytest.mark.parametrize("horizon", [1, 12])
def test_a_best_model_that_fails_is_left_each_time(horizon: int) -> None:
    served = validated(horizon)
    for turn in range(40):
        failed = turn % 4 == 3
        rows = np.tile([-40.0 if failed else 10.1, 10.5, 9.5, 10.6], (horizon, 1))
        assert np.abs(served.predict(rows) - 10.0).max() < 1.0
        served.update(np.full(horizon, 10.0))
