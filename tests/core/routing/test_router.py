"""One router: what it serves, and why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import FEW
from support.made_panels import policy_of
from support.routers import NAMES, OFFLINE, ONLINE, router, trained

from elpa_core.backtest.comparison import served_test_rows
from elpa_core.backtest.panels import Panel
from elpa_core.routing import Router, RouterPanel


@FEW
@given(rows=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5), min_size=1, max_size=12))
def test_convex_experts_stay_between_their_members(rows: list[list[float]]) -> None:
    policy = policy_of(ONLINE, OFFLINE, routing={"range": [-1e6, 1e6]})
    served = Router(policy, parts=("recent", "median", "steady"))
    for *forecasts, actual in rows:
        value = served.predict(np.array([forecasts]))[0]
        slack = 1e-9 * max(map(abs, forecasts)) + 1e-12
        assert min(forecasts) - slack <= value <= max(forecasts) + slack
        served.update(actual)


@pytest.mark.parametrize(("horizon", "without"), [(1, []), (3, ["d", "e"])])
def test_bad_models_have_no_vote_in_the_median_of_a_horizon(horizon: int, without: list[str]) -> None:
    names, errors = list("abcde"), np.array([1.0, -2.0, 3.0, 40.0, 50.0])
    policy = policy_of(names[:2], names[2:], routing={"range": [-100.0, 100.0]})
    one, many = Router(policy, horizon=horizon), RouterPanel(policy, 2, horizon=horizon)
    rng = np.random.default_rng(0)
    for _ in range(30):
        actuals = rng.normal(size=horizon)
        forecasts = actuals[:, None] + errors
        served = one.predict(forecasts)
        assert (many.predict(np.stack([forecasts, forecasts], axis=1)) == served[:, None]).all()
        told = one.explain(horizon - 1)
        one.update(actuals)
        many.update(np.stack([actuals, actuals], axis=1))
    assert told["no_vote"] == without
    expected = 1.0 if without else 3.0  # the middle of 1, -2 and 3, or of all
    assert told["experts"]["median"]["forecast"] == pytest.approx(actuals[-1] + expected)


def test_where_no_voter_has_a_forecast_the_others_are_the_median() -> None:
    policy = policy_of(["a", "b"], ["c", "d", "e"], scores=dict(zip("abcde", [1, 1, 1, 9, 9], strict=True)))
    one, many = Router(policy, horizon=2), RouterPanel(policy, 1, horizon=2)
    gaps = np.array([[np.nan, np.nan, np.nan, 5.0, 7.0], [1.0, np.nan, np.nan, 5.0, 7.0]])
    served = one.predict(gaps)
    assert (many.predict(gaps[:, None])[:, 0] == served).all()
    assert [one.explain(step)["experts"]["median"]["forecast"] for step in (0, 1)] == [6.0, 1.0]


def test_weights_favour_the_better_and_sum_to_one() -> None:
    told = trained()
    told.predict({name: [100.0] for name in NAMES})
    told = told.explain()
    weights = list(told["model_weights"].values())
    assert sum(weights) == pytest.approx(1)
    assert weights == sorted(weights, reverse=True)
    assert sum(expert["say"] for expert in told["experts"].values()) == pytest.approx(1)
    assert sum(told["steady_weights"].values()) == pytest.approx(1)


def test_scale_does_not_matter() -> None:
    def run(scale: float) -> np.ndarray:
        result = Router(policy_of(ONLINE, OFFLINE, scores={n: (i + 1) * scale for i, n in enumerate(NAMES)}))
        rng = np.random.default_rng(5)
        served = []
        for y in 100 + rng.normal(size=50).cumsum():
            served.append(result.predict(scale * (y + rng.normal(size=(1, 4))))[0] / scale)
            result.update(float(scale * y))
        return np.array(served)

    assert run(1024.0) == pytest.approx(run(1.0), rel=1e-12)


@pytest.mark.parametrize("absent", [None, np.nan, np.inf, -np.inf])
def test_a_missing_forecast_is_as_if_the_model_were_not_asked(absent: float | None) -> None:
    one, other = trained(), trained()
    rest = {"a": [101.0], "b": [99.0], "d": [104.0]}
    value = one.predict({**rest, "c": None if absent is None else [absent]})
    assert value == other.predict(rest)
    assert np.isfinite(value).all()
    told = one.explain()
    assert (told["missing"], told["left_out"]) == (["c"], [])
    assert told["model_weights"]["c"] == 0
    assert sum(told["model_weights"].values()) == pytest.approx(1)
    before = one.to_json()["state"]["scores"]
    one.update(100.0)
    after = one.to_json()["state"]["scores"]
    keep = 0.5 ** (1 / 8)
    learned = [(a[0] - keep * b[0]) / (1 - keep) for a, b in zip(after, before, strict=True)]
    recent = abs(told["experts"]["recent"]["forecast"] - 100.0)
    assert learned == pytest.approx([1.0, 1.0, recent, 4.0], abs=1e-4)


def test_a_missing_model_has_no_weight_where_forecasts_are_near_zero() -> None:
    served = router()
    served.predict({"a": [0.1], "b": [-0.1], "d": [0.0]})
    assert served.explain()["model_weights"]["c"] == served.explain()["steady_weights"]["c"] == 0


def test_a_whole_group_may_be_missing() -> None:
    served = trained()
    for group in (ONLINE, OFFLINE):
        assert served.predict({name: [100.0] for name in group}) == pytest.approx(100.0, abs=1.0)
        told = served.explain()
        assert sum(told["model_weights"][name] for name in group) == pytest.approx(1)


def test_a_mutation_makes_the_next_steps_dirty() -> None:
    served = trained(mutant_epsilon=0.3, dirty_interval=2)
    calm = {"a": [100.0], "b": [101.0], "c": [102.0], "d": [103.0]}
    served.predict(calm)
    served.update(300.0)
    offline_scores = served.to_json()["state"]["scores"][2:]
    expert_gains = served.to_json()["state"]["expert_gains"]
    high = {"a": [101.0], "b": [103.0], "c": [97.0], "d": [96.0]}
    for left in (2, 1):
        value = served.predict(high)[0]
        told = served.explain()
        assert (told["mutation"], told["dirty"], told["dirty_steps_left"]) == (left == 2, True, left)
        assert 101.0 <= value == told["mixed"] <= 103.0  # of the online models alone
        served.update(value)
        assert served.to_json()["state"]["scores"][2:] == offline_scores
        assert served.to_json()["state"]["expert_gains"] == expert_gains
    served.predict(high)
    assert served.explain()["dirty"] is False
    served.update(300.0)
    assert served.to_json()["state"]["scores"][2:] != offline_scores


def test_without_epsilon_nothing_is_a_mutation() -> None:
    served = trained()
    served.predict(np.full((1, 4), 100.0))
    served.update(1e9)
    served.predict(np.full((1, 4), 100.0))
    assert (served.explain()["mutation"], served.explain()["dirty"]) == (False, False)


def test_only_the_dirty_steps_of_a_block_are_dirty() -> None:
    served = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.3, dirty_interval=2), horizon=4)
    served.predict(np.full((4, 4), 100.0))
    served.update([100.0, 100.0, 100.0, 300.0])
    served.predict(np.full((4, 4), 100.0))
    assert [served.explain(step)["dirty"] for step in range(4)] == [True, True, False, False]


def test_the_amplitude_factor_moves_half_way() -> None:
    served = Router(policy_of(ONLINE, OFFLINE))
    for _ in range(3):
        served.predict(np.full((1, 4), 10.0))
        assert served.explain()["amplitude_factor"] == 1
        served.update(12.0)
    served.predict(np.full((1, 4), 10.0))
    served.update(12.0)
    served.predict(np.full((1, 4), 10.0))
    assert served.explain()["amplitude_factor"] == pytest.approx(1.1)
    for _ in range(4):
        served.predict(np.full((1, 4), 10.0))
        served.update(90.0)
    served.predict(np.full((1, 4), 10.0))
    assert served.explain()["amplitude_factor"] == 1.5


def test_gains_and_losses_are_trusted_by_their_size_relative_to_chance() -> None:
    """One, no, minus one and three times what chance gives: a trust of 2, 1, 1/2 and 4."""
    state = trained().to_json()
    gains = [[2.0], [0.0], [-2.0], [6.0]]
    state["state"] |= {"gains": gains, "expert_gains": gains, "expert_squares": [[4.0]] * 4}
    state["state"] |= {"usual_error": [2.0 / (0.25 * 512**0.5)], "scores": [[1.0]] * 3 + [[2.0]]}
    served, rows = Router.from_json(state), np.array([[100.0, 101.0, 102.0, 103.0]])
    answer = served.predict(rows)
    told = served.explain()
    assert list(told["steady_weights"].values()) == pytest.approx(np.divide([2, 1, 0.5, 4 / 2**4], 3.75))
    says = [expert["say"] for expert in told["experts"].values()]
    assert says == pytest.approx(np.divide([4, 1, 0.25, 16], 21.25))
    assert RouterPanel.from_json(state).predict(rows[:, np.newaxis]).tolist() == [answer.tolist()]


@pytest.mark.parametrize("block", [1, 3, 6])
def test_no_value_knows_an_actual_of_its_own_block_or_later(panel: Panel, block: int) -> None:
    starts = [first for first in panel.blocks if first >= panel.validation_rows]
    first, after = starts[block], starts[block + 1] if block + 1 < len(starts) else len(panel.actuals)
    changed = panel.actuals.copy()
    changed[first:] = 1e3 * np.random.default_rng(0).normal(size=len(changed) - first)
    policy = {**panel.policy(), "mutant_epsilon": 0.2}
    other = Panel(panel.name, panel.models, changed, panel.forecasts, panel.blocks, panel.validation_rows)
    one, two = served_test_rows(panel, policy), served_test_rows(other, policy)
    seen = after - panel.validation_rows
    assert one[:seen].tobytes() == two[:seen].tobytes()
    assert (one[seen:] != two[seen:]).any()
