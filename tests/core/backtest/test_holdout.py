"""What is compared with the best single model knows the same rows as it."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_panels import make_panel, policy_of

from elpa_core.backtest.evaluation import evaluate
from elpa_core.backtest.holdout import ROUNDING, gain_of, verdict_of
from elpa_core.backtest.panels import Panel
from elpa_core.routing import Router, Validation
from elpa_core.schema.policy import Gain

WAYS = ("contract_weights", "recommended_weights", "router")


@pytest.mark.parametrize("horizon", [1, 6])
def test_gains_by_hand(horizon: int) -> None:
    panel = make_panel(5, horizon)
    policy = panel.policy()
    told = evaluate(policy, panel.validation, horizon)[1].to_json()
    rows = panel.validation_rows
    y, forecasts = panel.actuals[:rows], panel.forecasts[:rows]
    errors = np.abs(y[:, None] - forecasts)
    start = {1: 32, 6: 36}[horizon]  # of 96 rows
    best = []
    for row in range(start, rows):
        known = row - row % horizon
        best.append(errors[row, int(errors[:known].mean(axis=0).argmin())])
    scores = []
    for column in errors[:start].T:
        score = column[0]
        for error in column[1:]:
            score = 0.7 * score + 0.3 * error
        scores.append(score)
    contract = 1 / np.array(scores)
    recommended = errors[:start].mean(axis=0) ** -12
    holdout = told["holdout"]
    assert holdout["rows"] == rows - start
    assert holdout["best_single_so_far"] == pytest.approx(np.mean(best))
    for way, weights in (("contract_weights", contract), ("recommended_weights", recommended)):
        served = forecasts @ (weights / weights.sum())
        assert holdout[way] == pytest.approx(np.abs(y - served)[start:].mean())
    served = Router(policy, panel.validation, horizon=horizon).warm_up
    assert holdout["router"] == pytest.approx(np.abs(y - served)[start:].mean())
    for way in WAYS:
        gain = told["gain_over_best_single"][way]
        assert gain["gain"] == pytest.approx(holdout["best_single_so_far"] - holdout[way])
        if horizon == 1:
            assert gain["low"] <= gain["gain"] <= gain["high"]
            assert gain["no_interval"] is None
    assert len(told["verdict"]) == 3


def test_nothing_in_the_holdout_knows_its_block_or_a_later_one() -> None:
    panel = make_panel(6, 6, validation=120)
    holdout = evaluate(panel.policy(), panel.validation, 6)[1].holdout
    actuals = panel.actuals[:120].copy()
    actuals[114:] += 3.0
    changed = Validation(actuals, panel.validation.forecasts, panel.names, panel.validation.blocks)
    other = evaluate(panel.policy(), changed, 6)[1].holdout
    assert holdout is not None
    assert other is not None
    for way in ("best_single_so_far", *WAYS):
        moved = 80 * abs(getattr(other, way) - getattr(holdout, way))
        assert moved <= 6 * 3.0 + 1e-9, way  # the last six rows alone, each by as much as its actual


def of_models(y: np.ndarray, forecasts: dict[str, np.ndarray], horizon: int = 1) -> list[str]:
    names = list(forecasts)
    policy = policy_of(names[:1], names[1:])
    return evaluate(policy, Validation.of(y, forecasts, horizon=horizon), horizon)[1].verdict


def test_verdicts_in_words() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=120)
    bad = {"good": y, "bad": y + 3 + rng.normal(size=120)}
    assert "the contract weights do not beat the best single model so far" in of_models(y, bad)
    assert "the router does not beat the best single model so far" in of_models(y, bad)
    better = {"good": y + 1, "bad": y - 1 + 0.1 * rng.normal(size=120)}
    assert "the contract weights beat the best single model so far" in of_models(y, better)
    short = of_models(y[:60], {name: forecasts[:60] for name, forecasts in better.items()})
    assert (
        "the contract weights beat the best single model so far, maybe by chance: "
        "40 rows to compare on, fewer than 64" in short
    )


def test_the_interval_knows_the_blocks_also_where_the_config_gives_no_horizon() -> None:
    panel = make_panel(7, 24, validation=240)
    gains = evaluate(panel.policy(), panel.validation, horizon=1)[1].gain_over_best_single
    assert gains["router"].no_interval == "6 blocks to compare on, fewer than 8"


@pytest.mark.parametrize("size", [1.0, 1e-9, 1e12])
def test_equal_models_make_no_difference(size: float) -> None:
    """Weights are rounded, so their mean of equal forecasts differs from them by a few bits.

    The router is not as they are: it moves the median by its latest error.
    """
    rng = np.random.default_rng(2)
    y = size * rng.normal(10.0, 1.0, size=200)
    same = y + size * rng.normal(size=200)
    forecasts = dict.fromkeys(("a", "b", "c"), same)
    assert of_models(y, forecasts)[:2] == [
        "no difference between the contract weights and the best single model so far",
        "no difference between the recommended weights and the best single model so far",
    ]


def test_a_small_gain_that_is_no_rounding_is_one() -> None:
    single = np.random.default_rng(3).uniform(1, 2, size=100)
    gain = gain_of(single, single - 1e-6, 1, largest=10.0)
    assert gain.gain == pytest.approx(1e-6)
    assert verdict_of("the router", gain, plural=False) == "the router beats the best single model so far"
    assert gain_of(single, single - 5 * ROUNDING, 1, largest=10.0) == Gain(gain=0.0, low=0.0, high=0.0)


def test_weights_that_were_fitted_to_these_rows_get_no_credit_for_it() -> None:
    """Models without merit: in hindsight one looks best, and weights fitted to all rows look better."""
    rng = np.random.default_rng(4)
    beats = []
    for _ in range(20):
        y = rng.normal(size=96)
        panel = Panel("noise", tuple(("online" if j < 2 else "offline", f"m{j}") for j in range(6)),
                      y, y[:, None] + rng.normal(size=(96, 6)), tuple(range(96)), 95)  # fmt: skip
        gains = evaluate(panel.policy(), panel.validation)[1].gain_over_best_single
        beats.append(gains["recommended_weights"].gain > 0)
    assert np.mean(beats) > 0.8  # they average, so they do beat a single one that only looks good
