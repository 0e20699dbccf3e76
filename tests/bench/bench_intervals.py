"""Measure prediction intervals on panels: how many actuals are inside, and how wide they are.

python tests/bench/bench_intervals.py PANEL.csv ...

Beside the router's intervals stand those of the same method around static weights (ELPA's, pooled over both
groups). Both learn from the validation rows; the test rows count, as soon as there is an interval.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from elpa_core.backtest.baselines import pooled_elpa
from elpa_core.backtest.comparison import replay
from elpa_core.backtest.panels import Array, Panel, read_panel
from elpa_core.routing.intervals import Intervals, Prediction, around

LEVELS = (80.0, 95.0)


def around_static_weights(panel: Panel) -> Prediction:
    """Return intervals around static weights for the test rows."""
    scores = panel.policy()["scores"]
    served = panel.limited() @ pooled_elpa([scores[name] for name in panel.names])
    intervals, given = Intervals(panel.horizon, 1), []
    for first, end in zip(panel.blocks, (*panel.blocks[1:], len(served)), strict=True):
        radii = intervals.radii(LEVELS, end - first)
        given.append(around(served[first:end], radii, LEVELS))
        for step, row in enumerate(range(first, end)):
            intervals.learn(step, radii[step], np.abs(panel.actuals[[row]] - served[row]))
    parts = [np.concatenate(part, axis=-1) for part in zip(*given, strict=True)]
    return Prediction(*(part[..., panel.validation_rows :] for part in parts))


def measured(panel: Panel, given: Prediction) -> Array:
    """Return, by level, the share of actuals inside and the mean width."""
    actuals = panel.actuals[panel.validation_rows :]
    known = np.isfinite(given.low)
    inside = (given.low <= actuals) & (actuals <= given.high)
    widths = np.where(known, given.high - given.low, 0.0).sum(axis=1)
    return np.stack([inside.sum(axis=1), widths], axis=1) / known.sum(axis=1, keepdims=True)


def main() -> None:
    """Print a row per panel, and one over all."""
    panels = [read_panel(Path(name)) for name in sys.argv[1:]]
    rows = np.array(
        [
            [measured(panel, given) for given in (replay(panel, levels=LEVELS), around_static_weights(panel))]
            for panel in panels
        ]
    )  # panel, way, level, (inside, width)
    width = max((len(panel.name) for panel in panels), default=5)
    print("actuals inside, in percent, of the router and of static weights; its width relative to theirs")
    print(
        f"{'panel':<{width}}" + "".join(f"{f'{level:g} %':>8}{'static':>8}{'width':>8}" for level in LEVELS)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = rows[:, 0, :, 1] / rows[:, 1, :, 1]
    for panel, row, ratio in zip(panels, rows, ratios, strict=True):
        cells = [
            f"{100 * a:>8.1f}{100 * b:>8.1f}{r:>8.3f}" for a, b, r in zip(*row[:, :, 0], ratio, strict=True)
        ]
        print(f"{panel.name:<{width}}" + "".join(cells))
    for horizon in sorted({panel.horizon for panel in panels}):
        which = [panel.horizon == horizon for panel in panels]
        inside = rows[which, :, :, 0].mean(axis=0)
        usable = np.where(np.isfinite(ratios[which]) & (ratios[which] > 0.0), ratios[which], np.nan)
        mean = np.exp(np.nanmean(np.log(usable), axis=0))
        cells = [f"{100 * a:>8.1f}{100 * b:>8.1f}{r:>8.3f}" for a, b, r in zip(*inside, mean, strict=True)]
        print(f"{f'mean of {sum(which)}, blocks of {horizon}':<{width}}" + "".join(cells))
    print(f"fewest inside for {LEVELS[0]:g} %: {100 * rows[:, 0, 0, 0].min():.1f} of the router")


if __name__ == "__main__":
    main()
