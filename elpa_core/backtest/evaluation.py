"""Evaluate the weights of a policy and a router on the validation rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elpa_core.backtest.baselines import pooled_elpa
from elpa_core.routing.router import Router
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import VERSION
from elpa_core.routing.validation import Array, Validation, limited, limits
from elpa_core.schema.policy import Evaluation, Gain, Routing, SingleModel
from elpa_core.scores.weights import MIN_SCORE

POWER = 4
RESAMPLES = 2000
LEVEL = 0.95
_ROUNDING = 1e-12  # of the size of actuals and forecasts: a sum of some hundred products
_ROUTER = "router"


@dataclass(frozen=True)
class Replay:
    """What a router would have served on the validation rows, and from what.

    Parameters
    ----------
    facts : RoutingPolicy
        What the router takes from the policy and the rows.
    span : tuple of float
        Smallest and largest actual.
    actuals, served : ndarray, shape (rows,)
        Actuals, and the served values: in the first block the median, before any feedback.
    forecasts : ndarray, shape (rows, models)
        Limited, the median of the row in the place of a missing one; models as in ``facts.names``.
    first_block : int
        Number of rows of the first block.
    """

    facts: RoutingPolicy
    span: tuple[float, float]
    actuals: Array
    forecasts: Array
    served: Array
    first_block: int


def replay(policy: Mapping[str, Any], validation: Validation, horizon: int = 1) -> Replay:
    """Serve the validation rows by a router that sees each block after it has served the block.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.
    """
    router = Router(policy, validation, horizon=horizon)
    facts = router.policy
    span = facts.range or (0.0, 0.0)
    actuals = validation.actuals
    forecasts = limited(validation.columns(facts.names), span)
    medians = np.nanmedian(forecasts, axis=1)
    forecasts = np.where(np.isfinite(forecasts), forecasts, medians[:, np.newaxis])
    served = np.array(router.warm_up)
    first_block = validation.blocks[1] if len(validation.blocks) > 1 else len(actuals)
    served[:first_block] = medians[:first_block]  # before the first feedback, serve the median
    return Replay(facts, span, actuals, forecasts, served, first_block)


def evaluate(
    policy: Mapping[str, Any], validation: Validation, horizon: int = 1, *, seed: int = 0
) -> tuple[Routing, Evaluation]:
    """Return the fields ``routing`` and ``evaluation`` of a policy.

    Forecasts are limited to `limits`; the median of the row replaces a missing forecast.

    Parameters
    ----------
    policy : mapping
        The policy without these fields.
    validation : Validation
    horizon : int
        Number of steps that are forecast together.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.
    """
    run = replay(policy, validation, horizon)
    facts, actuals, forecasts, served, span = run.facts, run.actuals, run.forecasts, run.served, run.span
    recommended = recommended_weights(np.abs(actuals[:, np.newaxis] - forecasts))
    ways = {
        "equal_weights": forecasts.mean(axis=1),
        "contract_weights": forecasts @ pooled_elpa([max(s, MIN_SCORE) for s in facts.scores]),
        "recommended_weights": forecasts @ recommended,
        _ROUTER: served,
    }
    errors = {name: np.abs(actuals - way) for name, way in ways.items()}
    single = np.abs(actuals[:, np.newaxis] - forecasts)
    maes = single.mean(axis=0)
    best = int(np.argmin(maes))
    sizes = np.maximum(np.abs(actuals), np.abs(forecasts).max(axis=1))
    rounding = _ROUNDING * float(sizes.mean())
    gains = {
        name: _gain(single[:, best], errors[name], horizon, seed)
        for name in ("contract_weights", "recommended_weights", _ROUTER)
    }
    routing = Routing(
        version=VERSION,
        horizon=horizon,
        range=span,
        limits=limits(span),
        mean_abs=facts.mean_abs,
        best_model=facts.names[facts.best],
        best_mae=facts.best_mae,
        recommended_weights=dict(zip(facts.names, recommended.tolist(), strict=True)),
        mutant_epsilon_suggested=suggested_epsilon(actuals[run.first_block :], served[run.first_block :]),
    )
    evaluation = Evaluation(
        rows=len(actuals),
        mae=dict(zip(facts.names, maes.tolist(), strict=True)),
        best_single=SingleModel(model=facts.names[best], mae=float(maes[best])),
        **{name: float(error.mean()) for name, error in errors.items()},
        gain_over_best_single=gains,
        interval=f"{LEVEL:.0%}, paired moving-block bootstrap of the difference of absolute errors, "
        f"percentiles of {RESAMPLES} resamples of blocks of {_block_length(len(actuals), horizon)} rows, "
        f"seed {seed}",
        note="static weights were computed from these rows; the router saw each block only after it "
        "had served it; the best single model is the best in hindsight",
        verdict=[_verdict(name, gain, facts.names[best], rounding) for name, gain in gains.items()],
    )
    return routing, evaluation


def recommended_weights(errors: Array) -> Array:
    """Return better static weights: scores to the power -4, with a half-life of a quarter of the rows.

    Parameters
    ----------
    errors : ndarray, shape (rows, models)
        Absolute validation errors in time order.

    Returns
    -------
    ndarray, shape (models,)
        Weights over all models of both groups; sum 1.

    Examples
    --------
    >>> recommended_weights(np.array([[1.0, 2.0]] * 8)).round(4).tolist()
    [0.9412, 0.0588]
    """
    keep = 0.5 ** (4.0 / len(errors))
    scores = errors[0].copy()
    for row in errors[1:]:
        scores = keep * scores + (1.0 - keep) * row
    scores = np.maximum(scores, MIN_SCORE)
    weights = (scores.min() / scores) ** POWER
    return np.asarray(weights / weights.sum(), np.float64)


def suggested_epsilon(actuals: Array, served: Array) -> float | None:
    """Return the 99th percentile of the relative errors, the suggested ``mutant_epsilon``.

    The relative error is ``|y - served| / max(|y|, |served|, phi)``; phi is 5 % of the mean ``|y|``.
    None if that percentile is zero.

    >>> suggested_epsilon(np.array([10.0, 10.0]), np.array([9.0, 9.0]))
    0.1
    """
    phi = 0.05 * float(np.abs(actuals).mean()) if len(actuals) else 0.0
    size = np.maximum(np.maximum(np.abs(actuals), np.abs(served)), phi)
    relative = np.abs(actuals - served)[size > 0.0] / size[size > 0.0]
    value = float(np.percentile(relative, 99.0)) if len(relative) else 0.0
    return value if value > 0.0 else None


def moving_block_interval(
    differences: Array, block: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the mean of a time series, by the moving-block bootstrap.

    Parameters
    ----------
    differences : ndarray, shape (rows,)
    block : int
        Rows of a block. Blocks may overlap and start at any row; the last one is truncated.

    References
    ----------
    Kunsch: The jackknife and the bootstrap for general stationary observations, Annals of
    Statistics 17, 1989.

    Examples
    --------
    >>> moving_block_interval(np.full(10, 2.0), block=3)
    (2.0, 2.0)
    """
    rows = len(differences)
    block = min(block, rows)
    count = math.ceil(rows / block)
    starts = np.random.default_rng(seed).integers(0, rows - block + 1, size=(resamples, count))
    steps = np.arange(block)
    means = [differences[np.add.outer(first, steps).ravel()[:rows]].mean() for first in starts]
    low, high = np.percentile(means, [50 - 50 * LEVEL, 50 + 50 * LEVEL])
    return float(low), float(high)


def _block_length(rows: int, horizon: int) -> int:
    return max(horizon, math.ceil(math.pow(rows, 1.0 / 3.0)))


def _gain(single: Array, ensemble: Array, horizon: int, seed: int) -> Gain:
    differences = single - ensemble
    low, high = moving_block_interval(differences, _block_length(len(differences), horizon), seed=seed)
    return Gain(gain=float(differences.mean()), low=low, high=high)


def _verdict(name: str, gain: Gain, best: str, rounding: float) -> str:
    """Return a sentence; a gain up to ``rounding`` says nothing of the models."""
    way = name.replace("_", " ")
    subject, verb, do = ("the router", "beats", "does") if name == _ROUTER else (f"the {way}", "beat", "do")
    if abs(gain.gain) <= rounding:
        return f"no difference between {subject} and the best single model, {best}"
    if gain.low > rounding:
        return f"{subject} {verb} the best single model, {best}"
    if gain.gain > 0.0:
        return f"{subject} {verb} the best single model, {best}, but not by more than chance may give"
    return f"{subject} {do} not beat the best single model, {best}"
