"""The evaluation in the policy is what one gets by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.made_panels import make_panel

from elpa_core.backtest.evaluation import (
    evaluate,
    moving_block_interval,
    recommended_weights,
    suggested_epsilon,
)
from elpa_core.backtest.panels import Panel
from elpa_core.routing import Router, Validation


def test_numbers_by_hand(panel: Panel) -> None:
    policy = panel.policy()
    routing, told = (part.to_json() for part in evaluate(policy, panel.validation, panel.horizon))
    json.dumps([routing, told], allow_nan=False)
    rows = panel.validation_rows
    y, forecasts = panel.actuals[:rows], panel.forecasts[:rows]
    assert told["rows"] == rows
    maes = np.abs(y[:, None] - forecasts).mean(axis=0)
    assert [told["mae"][name] for name in panel.names] == pytest.approx(maes)
    assert told["best_single"] == {"model": panel.names[int(maes.argmin())], "mae": pytest.approx(maes.min())}
    assert told["equal_weights"] == pytest.approx(np.abs(y - forecasts.mean(axis=1)).mean())
    inverse = 1 / np.array([policy["scores"][name] for name in panel.names])
    pooled = forecasts @ (inverse / inverse.sum())
    assert told["contract_weights"] == pytest.approx(np.abs(y - pooled).mean())
    weights = np.array([routing["recommended_weights"][name] for name in panel.names])
    assert weights.sum() == pytest.approx(1)
    assert told["recommended_weights"] == pytest.approx(np.abs(y - forecasts @ weights).mean())
    for way, gain in told["gain_over_best_single"].items():
        assert gain["gain"] == pytest.approx(maes.min() - told[way])
        assert gain["low"] <= gain["gain"] <= gain["high"]
    served = np.array(Router(policy, panel.validation, horizon=panel.horizon).warm_up)
    served[: panel.horizon] = np.median(forecasts[: panel.horizon], axis=1)
    assert told["router"] == pytest.approx(np.abs(y - served).mean())
    assert told == evaluate(policy, panel.validation, panel.horizon)[1].to_json()
    low, high = y.min(), y.max()
    assert routing["range"] == [low, high]
    assert routing["limits"] == pytest.approx([2 * low - high, 2 * high - low])


def test_the_router_in_it_saw_nothing_in_advance(panel: Panel) -> None:
    validation = panel.validation
    first = validation.blocks[2]
    changed = validation.actuals.copy()
    changed[first:] = changed[first:][::-1]
    other = Validation(changed, validation.forecasts, validation.names, validation.blocks)
    one, two = (Router(panel.policy(), v, horizon=panel.horizon).warm_up for v in (validation, other))
    seen = slice(validation.blocks[1], validation.blocks[3])
    assert one is not None
    assert two is not None
    assert (one[seen] == two[seen]).all()


def test_routing_block_starts_a_router_without_the_rows() -> None:
    panel = make_panel(4)
    policy = panel.policy()
    policy["routing"] = evaluate(policy, panel.validation)[0].to_json()
    bare, warmed = Router(policy), Router(panel.policy(), panel.validation)
    for field in ("range", "mean_abs", "best", "best_mae", "horizon"):
        assert getattr(bare.policy, field) == getattr(warmed.policy, field)


def test_an_ensemble_that_does_not_pay_is_said_so_in_words() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=120)
    rows = {"good": y, "bad": y + 3 + rng.normal(size=120)}
    validation = Validation.of(y, rows)
    policy = {
        "skill": "ELPA", "dirty_interval": 3, "amplitude_window": 6, "mutant_epsilon": None,
        "online_models": ["good"], "offline_models": ["bad"], "scores": {"good": 1.0, "bad": 1.0},
    }  # fmt: skip
    verdict = evaluate(policy, validation)[1].verdict
    assert "the contract weights do not beat the best single model, good" in verdict
    assert "the router does not beat the best single model, good" in verdict
    better = {"good": y + 1, "bad": y - 1 + 0.1 * rng.normal(size=120)}
    verdict = evaluate(policy, Validation.of(y, better))[1].verdict
    assert any(text.startswith("the contract weights beat the best single model") for text in verdict)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e9])
def test_equal_models_make_no_difference_whatever_is_rounded(size: float) -> None:
    rng = np.random.default_rng(2)
    y = size * (10 + rng.normal(size=90))
    forecast = y + 0.1 * size * rng.normal(size=90)
    policy = {
        "skill": "ELPA", "dirty_interval": 3, "amplitude_window": 6, "mutant_epsilon": None,
        "online_models": ["a", "b"], "offline_models": ["c"], "scores": {"a": 0.3, "b": 0.7, "c": 0.9},
    }  # fmt: skip
    rows = Validation.of(y, dict.fromkeys(("a", "b", "c"), forecast))
    evaluation = evaluate(policy, rows)[1]
    assert evaluation.verdict[:2] == [
        f"no difference between the {way} weights and the best single model, a"
        for way in ("contract", "recommended")
    ]


def test_the_interval_covers_and_is_wider_for_dependent_rows() -> None:
    rng = np.random.default_rng(3)
    hits, wide, narrow = 0, 0.0, 0.0
    for seed in range(60):
        noise = rng.normal(size=401)
        series = noise[1:] + 0.8 * noise[:-1]
        low, high = moving_block_interval(series, 12, resamples=400, seed=seed)
        hits += low <= 0 <= high
        wide += high - low
        low, high = moving_block_interval(series, 1, resamples=400, seed=seed)
        narrow += high - low
    assert hits >= 50
    assert wide > 1.15 * narrow


def test_blocks_of_the_bootstrap_keep_neighbours_together() -> None:
    assert moving_block_interval(np.tile([1.0, -1.0], 30), 2) == (0.0, 0.0)
    low, high = moving_block_interval(np.tile([1.0, -1.0], 30), 1)
    assert low < -0.1 < 0.1 < high


def test_suggestions() -> None:
    y = np.full(1000, 100.0)
    served = y.copy()
    served[:30] = 50.0
    assert suggested_epsilon(y, served) == pytest.approx(0.5)
    assert suggested_epsilon(y, y) is None
    assert recommended_weights(np.array([[0.0, 1.0]] * 5)).tolist() == pytest.approx([1.0, 0.0])
