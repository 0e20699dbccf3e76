"""All ways of combining get the same forecasts, under the limits of the router."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.made_panels import make_panel

from elpa_core.backtest.comparison import BEST_SINGLE, REFERENCE, all_ways, backtest, served_test_rows
from elpa_core.backtest.limits import limited_forecasts
from elpa_core.backtest.panels import Panel


def wild_panel(seed: int, horizon: int) -> Panel:
    """A series that leaves its limits by far, and models near and far from it, some with gaps."""
    rng = np.random.default_rng(seed)
    panel = make_panel(seed, horizon)
    actuals = panel.actuals.copy()
    after = np.arange(len(actuals)) - panel.validation_rows
    actuals[after >= 20] *= 50.0
    actuals[after >= 60] *= -1000.0
    actuals[rng.integers(0, len(actuals), 5)] *= 100.0
    forecasts = actuals[:, None] * rng.choice([0.5, 1, 1.1, -3, 1e3, 1e9, np.nan], (len(actuals), 5))
    forecasts[:, 0] = np.where(np.isfinite(forecasts[:, 0]), forecasts[:, 0], 0.0)
    return Panel("wild", panel.models[:3] + panel.models[-2:], actuals, forecasts, panel.blocks,
                 panel.validation_rows)  # fmt: skip


@pytest.mark.parametrize("horizon", [1, 6])
@pytest.mark.parametrize("seed", range(6))
def test_limits_are_those_of_the_router(seed: int, horizon: int) -> None:
    panel = wild_panel(seed, horizon)
    medians = np.median(panel.limited(), axis=1)[panel.validation_rows :]
    assert served_test_rows(panel, parts=("median",)) == pytest.approx(medians, rel=1e-12)
    assert np.abs(medians).max() > 1e4  # they have widened


def test_limits_know_only_the_blocks_before() -> None:
    panel = wild_panel(1, 6)
    changed = panel.actuals.copy()
    row = panel.validation_rows + 60
    changed[row:] = -changed[row:]
    other = dataclasses.replace(panel, actuals=changed).limited()
    assert (other[: row + 6] == panel.limited()[: row + 6]).all()
    assert (other[row + 6 :] != panel.limited()[row + 6 :]).any()


def test_missing_forecasts_become_the_median_and_only_wild_ones_are_clipped() -> None:
    forecasts = np.array([[1.0, np.nan, 2.0, 1e9], [np.nan, np.inf, 1e9, -1e9]])
    limited = limited_forecasts(np.array([1.0, 1.0]), forecasts, [0, 1], (0.0, 2.0))
    assert limited.tolist() == [[1.0, 1.5, 2.0, 1.5], [1.0, 1.0, 4.0, -2.0]]


@pytest.mark.parametrize("horizon", [1, 6])
def test_no_way_is_handicapped_when_the_series_moves_far_away(horizon: int) -> None:
    """One model follows a series that doubles its size again and again: any learner must find it."""
    panel = make_panel(2, horizon, validation=96, test=240)
    growth = 1.05 ** np.maximum(np.arange(336) - 96, 0)
    actuals = panel.actuals * growth
    forecasts = panel.forecasts * growth[:, None]
    ways = all_ways(dataclasses.replace(panel, actuals=actuals, forecasts=forecasts))
    test = actuals[96:]
    for name, served in ways.items():
        assert np.abs(test - served).mean() < 0.5 * np.abs(test).mean(), name


def test_best_single_model_and_reference_are_limited_like_all_others() -> None:
    panel = make_panel(3, 1)
    forecasts = panel.forecasts.copy()
    best = int(np.abs(panel.actuals[:96, None] - forecasts[:96]).mean(axis=0).argmin())
    forecasts[150, best] = 1e12
    mae = backtest([dataclasses.replace(panel, forecasts=forecasts)])["panels"][panel.name]["mae"]
    healthy = backtest([panel])["panels"][panel.name]["mae"]
    for way in (BEST_SINGLE, REFERENCE):
        assert mae[way] < healthy[way] + 2.0
