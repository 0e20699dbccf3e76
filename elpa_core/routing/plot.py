"""Draw a mutation as SVG, with nothing but text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from elpa_core.backtest.evaluation import suggested_epsilon
from elpa_core.backtest.panels import Array, Panel
from elpa_core.errors import InputError, Problem
from elpa_core.routing.router import Router

_WIDTH, _HEIGHT, _LEFT, _TOP = 820, 360, 80, 50
_BEFORE, _AFTER = 24, 36


def mutation_svg(panel: Panel, epsilon: float | None = None) -> str:
    """Return an SVG of the largest mutation in the test rows of a panel.

    Shown are the actuals, what was served with detection and without, and the dirty steps.

    Raises
    ------
    InputError
        If no step is a mutation.
    """
    if epsilon is None:
        first = panel.blocks[1]
        warm_up = Router(panel.policy(), panel.validation, horizon=panel.horizon).warm_up
        rows = panel.validation_rows
        epsilon = suggested_epsilon(panel.actuals[first:rows], np.array(warm_up)[first:])
    served, errors, dirty = _replay(panel, epsilon)
    plain, _, _ = _replay(panel, None)
    if epsilon is None or not errors.max() > epsilon:
        expected = f"a test row with a relative error above {epsilon}"
        raise InputError(Problem(panel.name, "", "no mutation", expected))
    actuals = panel.actuals[panel.validation_rows :]
    worst = int(np.argmax(errors))
    shown = slice(max(0, worst - _BEFORE), min(len(actuals), worst + _AFTER))
    series = {"actual": actuals[shown], "served, detection on": served[shown], "served, off": plain[shown]}
    return _draw(panel.name, epsilon, series, dirty[shown], worst - shown.start)


def _replay(panel: Panel, epsilon: float | None) -> tuple[Array, Array, Array]:
    policy = {**panel.policy(), "mutant_epsilon": epsilon}
    router = Router(policy, panel.validation, horizon=panel.horizon)
    phi = 0.05 * router.policy.mean_abs
    served, dirty = [], []
    ends = (*panel.blocks[1:], len(panel.actuals))
    for first, end in zip(panel.blocks, ends, strict=True):
        if first < panel.validation_rows:
            continue
        block = {name: panel.forecasts[first:end, j] for j, name in enumerate(panel.names)}
        served.append(router.predict(block))
        dirty += [float(router.explain(step)["dirty"]) for step in range(end - first)]
        router.update(panel.actuals[first:end])
    values, actuals = np.concatenate(served), panel.actuals[panel.validation_rows :]
    size = np.maximum(np.maximum(np.abs(actuals), np.abs(values)), max(phi, np.finfo(np.float64).tiny))
    return values, np.abs(actuals - values) / size, np.array(dirty)


def _draw(name: str, epsilon: float, series: dict[str, Array], dirty: Array, worst: int) -> str:
    low = min(float(values.min()) for values in series.values())
    high = max(float(values.max()) for values in series.values())
    spread = (high - low) or 1.0
    rows = len(dirty)
    step = (_WIDTH - _LEFT - 20) / max(rows - 1, 1)

    def x(row: float) -> float:
        return _LEFT + row * step

    def y(value: float) -> float:
        return _TOP + (high - value) / spread * (_HEIGHT - _TOP - 40)

    def line(values: Sequence[float], colour: str, width: float, dash: str) -> str:
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(values))
        return (
            f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-dasharray="{dash}" points="{points}"/>'
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">A mutation in {escape(name)}: relative error above '
        f"{epsilon:.3g}; dirty steps shaded</text>",
    ]
    parts += [
        f'<rect x="{x(i - 0.5):.1f}" y="{_TOP}" width="{step:.1f}" height="{_HEIGHT - _TOP - 40}" '
        'fill="#f3d9b1"/>'
        for i in np.flatnonzero(dirty).tolist()
    ]
    colours = (("#222222", 2.0, "none"), ("#c0392b", 1.8, "none"), ("#2e6da4", 1.5, "5,4"))
    for place, ((label, values), (colour, width, dash)) in enumerate(
        zip(series.items(), colours, strict=True)
    ):
        parts.append(line(values.tolist(), colour, width, dash))
        left = _LEFT + 190 * place
        parts.append(
            f'<line x1="{left}" x2="{left + 24}" y1="34" y2="34" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{left + 30}" y="38">{label}</text>')
    parts.append(
        f'<line x1="{x(worst):.1f}" x2="{x(worst):.1f}" y1="{_TOP}" y2="{_HEIGHT - 40}" '
        'stroke="#888888" stroke-dasharray="2,3"/>'
    )
    for value in np.linspace(low, high, 5).tolist():
        parts.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for row in range(0, rows, 6):
        parts.append(f'<text x="{x(row):.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{row - worst}</text>')
    parts.append(
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">steps from the mutation</text>'
    )
    return "\n".join([*parts, "</svg>", ""])
