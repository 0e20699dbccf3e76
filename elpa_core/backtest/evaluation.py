"""Evaluate the weights of a policy and a router on the validation rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from elpa_core.backtest.baselines import contract_scores, pooled_elpa
from elpa_core.backtest.holdout import best_single_so_far, gain_of, holdout_start, verdict_of
from elpa_core.backtest.intervals import INTERVAL
from elpa_core.backtest.limits import block_rows, limited_forecasts
from elpa_core.routing.router import Router
from elpa_core.routing.validation import Array, Validation, limits
from elpa_core.schema.policy import Evaluation, Holdout, Routing, SingleModel
from elpa_core.schema.routable_policy import VERSION
from elpa_core.scores.weights import MIN_SCORE

POWER = 12
LEVELS = (80.0, 95.0)
"""Of prediction intervals, in percent: the router keeps the errors that they need, for any level."""
_ROUTER = "router"


class Evaluated(NamedTuple):
    """Fields of a policy, and the router that has seen its validation rows."""

    routing: Routing
    evaluation: Evaluation
    router: Router


class Replay(NamedTuple):
    """A router that has seen the validation rows, the limited forecasts, and what it served, by row."""

    router: Router
    forecasts: Array
    served: Array


def replay(
    policy: Mapping[str, Any], validation: Validation, horizon: int = 1, levels: Collection[float] = ()
) -> Replay:
    """Serve the validation rows by a router that sees each block after it has served the block.

    It learns the prediction intervals of the ``levels``, too.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.
    """
    router = Router(policy, validation, horizon=horizon, levels=levels)
    facts, blocks = router.policy, validation.blocks
    given = validation.columns(facts.names)
    forecasts = limited_forecasts(validation.actuals, given, blocks, facts.range or (0.0, 0.0))
    served = np.array(router.warm_up)
    begin = first_block(validation)
    served[:begin] = np.median(forecasts[:begin], axis=1)  # no feedback before
    return Replay(router, forecasts, served)


def first_block(validation: Validation) -> int:
    """Return how many rows the first block has."""
    return validation.blocks[1] if len(validation.blocks) > 1 else len(validation.actuals)


def evaluate(policy: Mapping[str, Any], validation: Validation, horizon: int = 1) -> Evaluated:
    """Evaluate the weights of a policy, and replay a router.

    Forecasts are those of `limited_forecasts`. What is compared with the best single model knows the same
    as it: on the last two thirds of the rows, the router and the model with the lowest error *so far* each
    know the blocks before; static weights are those of the first third.

    Parameters
    ----------
    policy : mapping
        The policy without these fields.
    validation : Validation
        At least two blocks.
    horizon : int
        Number of steps that are forecast together.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.
    """
    router, forecasts, served = replay(policy, validation, horizon, LEVELS)
    facts, blocks, actuals = router.policy, validation.blocks, validation.actuals
    span = facts.range or (0.0, 0.0)
    given = validation.columns(facts.names)
    single = np.abs(actuals[:, np.newaxis] - forecasts)
    learned_from = first_block(validation)
    static = {
        "contract_weights": pooled_elpa(facts.scores),
        "recommended_weights": recommended_weights(single),
    }
    errors = {
        "equal_weights": np.abs(actuals - forecasts.mean(axis=1)),
        **{name: np.abs(actuals - forecasts @ weights) for name, weights in static.items()},
        _ROUTER: np.abs(actuals - served),
    }
    start = holdout_start(blocks, len(actuals))
    raw = np.abs(actuals[:start, np.newaxis] - given[:start])
    first_third = {
        "contract_weights": pooled_elpa(contract_scores(raw, policy["beta"])),
        "recommended_weights": recommended_weights(single[:start]),
    }
    tried = {
        **{name: np.abs(actuals - forecasts @ weights)[start:] for name, weights in first_third.items()},
        _ROUTER: errors[_ROUTER][start:],
    }
    best_so_far = best_single_so_far(single, blocks, start)
    largest = float(np.abs(forecasts).max())
    longest = max(end - first for first, end in block_rows(blocks, len(actuals)))
    gains = {name: gain_of(best_so_far, error, longest, largest) for name, error in tried.items()}
    maes = single.mean(axis=0)
    best = int(np.argmin(maes))
    routing = Routing(
        version=VERSION,
        horizon=horizon,
        range=span,
        limits=limits(span),
        mean_abs=facts.mean_abs,
        best_model=facts.names[facts.best],
        best_mae=facts.best_mae,
        recommended_weights=dict(zip(facts.names, static["recommended_weights"].tolist(), strict=True)),
        mutant_epsilon_suggested=suggested_epsilon(actuals[learned_from:], served[learned_from:]),
    )
    evaluation = Evaluation(
        rows=len(actuals),
        mae=dict(zip(facts.names, maes.tolist(), strict=True)),
        best_single=SingleModel(model=facts.names[best], mae=float(maes[best])),
        **{name: float(error.mean()) for name, error in errors.items()},
        holdout=Holdout(
            rows=len(best_so_far),
            best_single_so_far=float(best_so_far.mean()),
            **{name: float(error.mean()) for name, error in tried.items()},
        ),
        gain_over_best_single=gains,
        interval=INTERVAL,
        note="mae, best_single and the static weights know all rows; the router saw each block only after"
        " it had served it; holdout: nothing knows the block that it is tried on, or a later one",
        verdict=[
            verdict_of(f"the {name.replace('_', ' ')}", gain, plural=name != _ROUTER)
            for name, gain in gains.items()
        ],
    )
    return Evaluated(routing, evaluation, router)


def recommended_weights(errors: Array) -> Array:
    """Return better static weights: mean absolute errors to the power -12.

    Parameters
    ----------
    errors : ndarray, shape (rows, models)
        Absolute validation errors.

    Returns
    -------
    ndarray, shape (models,)
        Weights over all models of both groups; sum 1.

    Examples
    --------
    >>> recommended_weights(np.array([[1.0, 1.2]] * 8)).round(4).tolist()
    [0.8992, 0.1008]
    """
    scores = np.maximum(errors.mean(axis=0), MIN_SCORE)
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
