"""Simulations that say how often the interval of a gain holds the true gain."""

from __future__ import annotations

import numpy as np

from elpa_core.backtest.baselines import contract_scores, pooled_elpa
from elpa_core.backtest.evaluation import evaluate, recommended_weights
from elpa_core.backtest.holdout import holdout_start
from elpa_core.backtest.intervals import mean_interval
from elpa_core.routing.validation import Validation
from support.made_panels import policy_of

KINDS = ("independent", "AR .5", "AR .9", "of one block alike")
Array = np.ndarray
_WARM = 100


def simulated(kind: str, shape: tuple[int, int], horizon: int, rng: np.random.Generator) -> Array:
    """Return series of mean zero, shape (series, rows).

    "AR .5" and "AR .9" are autoregressions of that coefficient over the rows; "of one block alike" sums
    up inside each block and is independent between blocks.
    """
    series, rows = shape
    noise = rng.normal(size=(series, rows + _WARM))
    if kind == "independent":
        return noise[:, _WARM:]
    if kind == "of one block alike":
        ends = range(_WARM, rows + _WARM, horizon)
        return np.concatenate([noise[:, k : k + horizon].cumsum(axis=1) for k in ends], axis=1)
    phi = float(kind.removeprefix("AR "))
    for row in range(1, rows + _WARM):
        noise[:, row] += phi * noise[:, row - 1]
    return noise[:, _WARM:]


def coverage(kind: str, rows: int, horizon: int, *, series: int, seed: int) -> tuple[float, float]:
    """Return how many of the intervals hold the true mean, and how many series have an interval.

    ``rows`` are the validation rows; the interval is that of the last two thirds.
    """
    differences = simulated(kind, (series, rows), horizon, np.random.default_rng(seed))
    start = holdout_start(range(0, rows, horizon), rows)
    intervals = [mean_interval(each[start:], horizon) for each in differences]
    hits = [low <= 0.0 <= high for low, high in (i for i in intervals if not isinstance(i, str))]
    return float(np.mean(hits)) if hits else np.nan, len(hits) / series


def coverage_of_evaluation(kind: str, rows: int, horizon: int, *, runs: int, seed: int) -> dict[str, float]:
    """Return how many of the intervals in the policy hold the true gain of static weights.

    Four models with equally large errors; the gain of weights ``w`` over any of them is then the mean
    absolute error of one, less that of a normal variable with their variance times ``sum w^2``.
    """
    rng = np.random.default_rng(seed)
    policy = policy_of(["a", "b"], ["c", "d"])
    hits: dict[str, list[bool]] = {"contract_weights": [], "recommended_weights": []}
    mean = np.abs(simulated(kind, (2000, horizon), horizon, np.random.default_rng(0))).mean()
    for _ in range(runs):
        errors = simulated(kind, (4, rows), horizon, rng).T
        actuals = rng.normal(size=rows) * 10.0
        forecasts = dict(zip("abcd", (actuals[:, None] + errors).T, strict=True))
        validation = Validation.of(actuals, forecasts, horizon=horizon)
        gains = evaluate(policy, validation, horizon)[1].gain_over_best_single
        first = np.abs(errors[: holdout_start(validation.blocks, rows)])
        weights = {
            "contract_weights": pooled_elpa(contract_scores(first, policy["beta"])),
            "recommended_weights": recommended_weights(first),
        }
        for way, chosen in weights.items():
            true = mean * (1.0 - np.sqrt((chosen**2).sum()))
            if gains[way].no_interval is None:
                hits[way].append(gains[way].low <= true <= gains[way].high)
    return {way: float(np.mean(each)) for way, each in hits.items()}
