"""Draw what a router does at the largest mutation in the test rows of a panel, with detection and without.

``python tests/bench/mutation_plot.py PANEL OUTPUT.svg [--epsilon E]``; needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from elpa_core.backtest.evaluation import suggested_epsilon
from elpa_core.backtest.panels import Array, Panel, read_panel
from elpa_core.errors import InputError, Problem
from elpa_core.routing import Router

BEFORE, AFTER = 24, 36  # steps that are shown


def main() -> int:
    """Draw a picture and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("panel", type=Path, help="a panel as elpa backtest reads it (CSV)")
    parser.add_argument("output", type=Path, help="picture to write (SVG)")
    parser.add_argument("--epsilon", type=float, help="mutant_epsilon (default: as suggested by validation)")
    options = parser.parse_args()
    try:
        panel = read_panel(options.panel)
        epsilon = suggestion(panel) if options.epsilon is None else options.epsilon
        figure = picture(panel, epsilon)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    with mpl.rc_context({"svg.hashsalt": "elpa"}):  # and no date: the same panel gives the same file
        figure.savefig(options.output, format="svg", metadata={"Date": None})
    return 0


def suggestion(panel: Panel) -> float | None:
    """Return the ``mutant_epsilon`` that the validation rows suggest."""
    first, rows = panel.blocks[1], panel.validation_rows
    warm_up = Router(panel.policy(), panel.validation, horizon=panel.horizon).warm_up
    return suggested_epsilon(panel.actuals[first:rows], np.array(warm_up)[first:])


def picture(panel: Panel, epsilon: float | None) -> Figure:
    """Return the picture of the largest mutation.

    Raises
    ------
    InputError
        If no step is a mutation.
    """
    served, errors, dirty = replay(panel, epsilon)
    plain, _, _ = replay(panel, None)
    if epsilon is None or not errors.max() > epsilon:
        expected = f"a test row with a relative error above {epsilon}"
        raise InputError(Problem(panel.name, "", "no mutation", expected))
    actuals = panel.actuals[panel.validation_rows :]
    worst = int(np.argmax(errors))
    shown = slice(max(0, worst - BEFORE), min(len(actuals), worst + AFTER))
    steps = np.arange(shown.start, shown.stop) - worst
    figure = Figure(figsize=(8.2, 3.6), layout="constrained")
    axes = figure.subplots()
    for step in steps[dirty[shown]]:
        axes.axvspan(step - 0.5, step + 0.5, color="#f3d9b1", linewidth=0)
    axes.axvline(0, color="#888888", linestyle=":")
    axes.plot(steps, actuals[shown], color="#222222", label="actual")
    axes.plot(steps, served[shown], color="#c0392b", label="served, detection on")
    axes.plot(steps, plain[shown], color="#2e6da4", linestyle="--", label="served, off")
    axes.set_title(f"A mutation in {panel.name}: relative error above {epsilon:.3g}; dirty steps shaded")
    axes.set_xlabel("steps from the mutation")
    axes.legend()
    return figure


def replay(panel: Panel, epsilon: float | None) -> tuple[Array, Array, Array]:
    """Return what is served in the test rows, its relative errors, and which steps are dirty."""
    router = Router({**panel.policy(), "mutant_epsilon": epsilon}, panel.validation, horizon=panel.horizon)
    phi = 0.05 * router.policy.mean_abs
    served, dirty = [], []
    ends = (*panel.blocks[1:], len(panel.actuals))
    for first, end in zip(panel.blocks, ends, strict=True):
        if first < panel.validation_rows:
            continue
        block = {name: panel.forecasts[first:end, j] for j, name in enumerate(panel.names)}
        served.append(router.predict(block))
        dirty += [bool(router.explain(step)["dirty"]) for step in range(end - first)]
        router.update(panel.actuals[first:end])
    values, actuals = np.concatenate(served), panel.actuals[panel.validation_rows :]
    size = np.maximum(np.maximum(np.abs(actuals), np.abs(values)), max(phi, np.finfo(np.float64).tiny))
    return values, np.abs(actuals - values) / size, np.array(dirty)


if __name__ == "__main__":
    sys.exit(main())
