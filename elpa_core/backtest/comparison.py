"""Compare the router with other ways of combining forecasts, on panels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from elpa_core.backtest.baselines import (
    BernsteinAggregation,
    ExponentialAverage,
    PolynomialPotential,
    SecondOrderAggregation,
    greedy_selection,
    nonnegative_least_squares,
    pooled_elpa,
    run_online,
)
from elpa_core.backtest.limits import block_rows
from elpa_core.backtest.panels import Array, Panel
from elpa_core.backtest.rolling_power import run_rolling_power
from elpa_core.routing.intervals import Prediction
from elpa_core.routing.router import Router
from elpa_core.routing.settings import PARTS
from elpa_core.schema.limits import BOUND

REFERENCE = "static ELPA, pooled"
ROUTER = "router"
BEST_SINGLE = "best single model"
_LARGE = 1e4
_ROUNDING = 1e-9


def served_test_rows(
    panel: Panel, policy: Mapping[str, Any] | None = None, parts: Collection[str] = PARTS
) -> Array:
    """Return the router's forecasts of the test rows; see `replay`."""
    return replay(panel, policy, parts).served


def replay(
    panel: Panel,
    policy: Mapping[str, Any] | None = None,
    parts: Collection[str] = PARTS,
    levels: Collection[float] = (),
) -> Prediction:
    """Return the router's forecasts of the test rows, after a warm-up on the validation rows.

    Parameters
    ----------
    policy : mapping, optional
        Default: the contract's policy of the panel's validation rows.
    parts, levels : collection
        See `Router`.
    """
    policy, horizon = policy or panel.policy(), panel.horizon
    router = Router(policy, panel.validation, horizon=horizon, parts=parts, levels=levels)
    names, none = panel.names, np.empty((0, 0))
    given = []
    for first, end in block_rows(panel.blocks, len(panel.actuals)):
        if first < panel.validation_rows:
            continue
        block = panel.forecasts[first:end]
        answer = router.predict({name: block[:, j] for j, name in enumerate(names)}, levels)
        given.append(answer if isinstance(answer, Prediction) else Prediction(answer, none, none))
        router.update(panel.actuals[first:end])
    return Prediction(*(np.concatenate(part, axis=-1) for part in zip(*given, strict=True)))


def all_ways(panel: Panel) -> dict[str, Array]:
    """Return the forecasts of the test rows by way; the router comes last.

    All ways choose and warm up on the validation rows only. All get the same forecasts: those of
    `Panel.limited`; the router limits them in the same way itself.
    """
    n = panel.validation_rows
    actuals, forecasts = panel.actuals, panel.limited()
    seen, known = actuals[:n], forecasts[:n]
    best = int(np.argmin(np.abs(seen[:, np.newaxis] - known).mean(axis=0)))
    models = forecasts.shape[1]
    scores = panel.policy()["scores"]
    fixed = {
        "equal weights": np.full(models, 1.0 / models),
        REFERENCE: pooled_elpa([scores[name] for name in panel.names]),
        "greedy ensemble selection": greedy_selection(seen, known),
        "non-negative least squares": nonnegative_least_squares(seen, known),
    }
    ways = {BEST_SINGLE: forecasts[n:, best]}
    ways |= {name: forecasts[n:] @ weights for name, weights in fixed.items()}
    ways["median of forecasts"] = np.median(forecasts[n:], axis=1)
    for name, learner in (
        ("exponentially weighted average", ExponentialAverage(models)),
        ("BOA", BernsteinAggregation(models)),
        ("BOA of opera 1.2.2", SecondOrderAggregation(models)),
        ("ML-Poly", PolynomialPotential(models)),
    ):
        ways[name] = run_online(learner, actuals, forecasts, panel.blocks)[n:]
    ways["rolling power"] = run_rolling_power(actuals, forecasts, panel.blocks, n, panel.horizon)[n:]
    ways[ROUTER] = served_test_rows(panel)
    return ways


def backtest(panels: Sequence[Panel]) -> dict[str, Any]:
    """Return the comparison of all ways on the panels, as a JSON object.

    Returns
    -------
    dict
        ``panels``: by name, ``horizon``, ``rows`` (test) and ``mae`` by way. ``horizons``: by
        horizon and way, ``ratio`` (geometric mean over the panels of its MAE relative to static
        pooled ELPA), ``rank`` (mean rank among the ways; ties, up to rounding, get the mean
        rank) and ``worst``
        (largest MAE relative to the best single model).
    """
    table: dict[str, Any] = {}
    for panel in panels:
        actuals = panel.actuals[panel.validation_rows :]
        mae = {name: float(np.abs(actuals - served).mean()) for name, served in all_ways(panel).items()}
        table[panel.name] = {"horizon": panel.horizon, "rows": len(actuals), "mae": mae}
    horizons = sorted({entry["horizon"] for entry in table.values()})
    return {
        "reference": REFERENCE,
        "panels": table,
        "horizons": {
            str(h): _summary([e["mae"] for e in table.values() if e["horizon"] == h]) for h in horizons
        },
    }


def _summary(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    names = list(rows[0])
    mae = np.array([[row[name] for name in names] for row in rows])
    ratio = np.exp(np.log(_relative(mae, names.index(REFERENCE))).mean(axis=0))
    worse = mae[:, :, None] > mae[:, None, :] * (1.0 + _ROUNDING)
    ties = ~worse & ~worse.transpose(0, 2, 1)
    ranks = worse.sum(axis=2) + 0.5 * (ties.sum(axis=2) + 1)
    worst = _relative(mae, names.index(BEST_SINGLE)).max(axis=0)
    return {
        name: {"ratio": float(ratio[j]), "rank": float(ranks[:, j].mean()), "worst": float(worst[j])}
        for j, name in enumerate(names)
    }


def _relative(mae: Array, reference: int) -> Array:
    tiny = 1.0 / BOUND  # the ratio of two zero errors is 1
    return np.maximum(mae, tiny) / np.maximum(mae[:, [reference]], tiny)


def table_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the comparison as plain lines, with the best way first."""
    lines = []
    for horizon, ways in result["horizons"].items():
        count = sum(str(entry["horizon"]) == horizon for entry in result["panels"].values())
        lines += [
            f"blocks of {horizon}, {count} panels: MAE relative to {result['reference']} (geometric mean),",
            "mean rank, and the worst panel relative to the best single model",
            f"{'way':<32} {'ratio':>7} {'rank':>6} {'worst':>7}",
        ]
        for name, row in sorted(ways.items(), key=lambda item: item[1]["ratio"]):
            ratio, worst = _shown(row["ratio"], 4), _shown(row["worst"], 3)
            lines.append(f"{name:<32} {ratio:>7} {row['rank']:>6.2f} {worst:>7}")
        lines.append("")
    names = list(result["panels"])
    width = max(map(len, names), default=5)
    lines.append(f"{'panel':<{width}} {'router':>8} {'ratio':>7} {'to best single':>15}")
    for name, entry in result["panels"].items():
        mae = entry["mae"]
        maes = np.array([[mae[ROUTER], mae[REFERENCE], mae[BEST_SINGLE]]])
        ratio, single = (_shown(_relative(maes, j)[0, 0], 4) for j in (1, 2))
        lines.append(f"{name:<{width}} {mae[ROUTER]:>8.4g} {ratio:>7} {single:>15}")
    return lines


def _shown(ratio: float, places: int) -> str:
    return f"{ratio:.{places}f}" if ratio < _LARGE else f"{ratio:.0e}"
