"""The evaluation in the policy is what one gets by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.made_panels import make_panel

from elpa_core.backtest.evaluation import (
    evaluate,
    recommended_weights,
    suggested_epsilon,
)
from elpa_core.backtest.panels import Panel
from elpa_core.routing import Router, Validation


def test_numbers_by_hand(panel: Panel) -> None:
    policy = panel.policy()
    routing, told = (part.to_json() for part in evaluate(policy, panel.validation, panel.horizon)[:2])
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


def test_suggestions() -> None:
    y = np.full(1000, 100.0)
    served = y.copy()
    served[:30] = 50.0
    assert suggested_epsilon(y, served) == pytest.approx(0.5)
    assert suggested_epsilon(y, y) is None
    assert recommended_weights(np.array([[0.0, 1.0]] * 5)).tolist() == pytest.approx([1.0, 0.0])
    errors = np.array([[1.0, 3.0], [3.0, 1.2]])  # their order does not count
    expected = np.array([2.0**-12, 2.1**-12])
    for rows in (errors, errors[::-1]):
        assert recommended_weights(rows) == pytest.approx(expected / expected.sum())
