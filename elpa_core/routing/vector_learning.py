"""What many series learn from their actuals: the arithmetic of `scalar_learning`, element by element."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.settings import (
    BELT_SHARE,
    BOUND,
    GROWTH,
    LEAD,
    LEEWAY_SHARE,
    MEDIAN,
    MOST_GAIN,
    SIZE,
    STEADY,
    Method,
)
from elpa_core.routing.state import Array, State
from elpa_core.routing.vector import Workspace, limits


def learn(
    state: State,
    work: Workspace,
    given: Answers,
    actual: Array,
    method: Method,
    n_online: int,
    dirty_interval: int,
) -> None:
    """Learn, in place, from the actuals of one step, shape (n,)."""
    whole, (least, most) = actual, limits(state)
    actual = np.minimum(np.maximum(actual, least), most)
    clean = state.dirty == 0
    all_clean = bool(clean.all())
    present = given.present
    counts = None  # where a model's scores learn; None for everywhere
    if present is not None or not all_clean:
        counts = np.ones(given.limited.shape, np.bool_) if present is None else present.copy()
        counts[n_online:] &= clean
    of_all = (state.scores, state.gains, state.squares), STEADY, method.keep_model, method.learn_model
    learning = [of_all]
    if method.leads:
        k = method.lead(given.step)
        of_lead = state.lead_scores[k], state.lead_gains[k], state.lead_squares[k]
        learning.append((of_lead, LEAD, method.keep_leads[k], method.learn_leads[k]))
    for (scores, gains, squares), expert, keep, take in learning:
        mixture = given.experts[expert]
        side = np.sign(mixture - actual)
        if not all_clean:
            side *= clean
        for chunk in work.chunks:
            errors = work.products[:, : len(actual[chunk])]
            np.subtract(actual[chunk], given.limited[:, chunk], out=errors)
            where = None if counts is None else counts[:, chunk]
            _learn(scores[:, chunk], _size(errors, state.floor[chunk]), where, keep, take)
            _learn_gains(gains, squares, work, given, mixture, side, chunk)
    error = actual - given.experts[MEDIAN]
    state.level_error *= method.keep_level
    state.level_error += method.learn_level * error
    where = None if all_clean else clean
    _learn_experts(state, work, given, actual, where, method.keep_expert)
    _learn(state.usual_error, _size(error, state.floor), where, method.keep_usual, method.learn_usual)
    _remember(state, np.abs(actual), np.abs(given.offline), where)
    mutation = _mutations(state, whole, given.served)
    error = np.abs(actual - given.served)
    best_error = np.abs(actual - work.of_best(given.limited))
    known = work.best_known if present is None else work.best_known & work.of_best(present)
    earned = (1.0 + BELT_SHARE) * best_error - error
    relieved = (1.0 + LEEWAY_SHARE) * best_error - error
    if not known.all():
        earned, relieved = earned * known, relieved * known
    state.budget += earned
    state.leeway += relieved
    _widen(state, whole, actual)
    np.copyto(state.last, whole, where=whole == actual)
    if not all_clean:
        np.maximum(state.dirty - 1, 0, out=state.dirty)
    state.mutated[:] = 0 if mutation is None else mutation
    if mutation is not None:
        state.dirty[mutation] = dirty_interval


def _widen(state: State, actual: Array, limited: Array) -> None:
    """Widen what was seen by actuals, as far as the limits."""
    low, high = state.seen
    unknown = low > high
    beyond = actual != limited
    if unknown.any():
        np.copyto(low, np.minimum(low, limited), where=~unknown)
        np.copyto(high, np.maximum(high, limited), where=~unknown)
        first = unknown & (actual != 0.0)
        np.copyto(state.seen, actual, where=first)
        sizes = np.minimum(np.maximum(np.abs(actual), SIZE * state.scale), BOUND)
        np.copyto(state.spread, sizes, where=first)
        beyond &= ~unknown
    else:
        np.minimum(low, limited, out=low)
        np.maximum(high, limited, out=high)
    if beyond.any():
        np.copyto(state.margin, np.minimum(GROWTH * state.margin, BOUND), where=beyond)
        np.copyto(state.margin, state.spread, where=~beyond)
    else:
        state.margin[:] = state.spread


def _learn_gains(
    gains: Array, squares: Array, work: Workspace, given: Answers, mixture: Array, side: Array, chunk: slice
) -> None:
    """Count what a mixture would have gained by each model; ``side`` is 0 where nothing is learned."""
    regrets = work.products[:, : len(mixture[chunk])]
    np.subtract(mixture[chunk], given.limited[:, chunk], out=regrets)
    regrets *= side[chunk]
    if given.present is not None:
        np.copyto(regrets, 0.0, where=~given.present[:, chunk])
    gains[:, chunk] += regrets
    np.multiply(regrets, regrets, out=regrets)
    squares[:, chunk] += regrets


def _learn_experts(
    state: State, work: Workspace, given: Answers, actual: Array, where: Mask | None, keep: float
) -> None:
    most = MOST_GAIN * state.usual_error
    regrets = np.maximum(given.experts, given.mixed - most, out=work.parts)
    np.minimum(regrets, given.mixed + most, out=regrets)
    np.subtract(given.mixed, regrets, out=regrets)
    side = np.sign(given.mixed - actual)
    kept: Array | float = keep
    if where is not None:
        side *= where
        kept = np.where(where, keep, 1.0)
    regrets *= side
    gains, squares = state.expert_gains[: len(regrets)], state.expert_squares[: len(regrets)]
    gains *= kept
    gains += regrets
    np.multiply(regrets, regrets, out=regrets)
    squares *= kept
    squares += regrets
    np.maximum(squares, state.floor * state.floor, out=squares)


def _mutations(state: State, actual: Array, served: Array) -> Mask | None:
    detecting = state.epsilon < np.inf
    if not detecting.any():
        return None
    error, size = np.abs(actual - served), np.maximum(np.abs(actual), np.abs(served))
    allowed = np.where(detecting, state.epsilon, 0.0) * np.maximum(size, state.phi)
    return detecting & (error > allowed)


def _remember(state: State, actual: Array, forecast: Array, clean: Mask | None) -> None:
    window = len(state.window_actual)
    rows = state.window_rows
    columns: NDArray[np.int64] | slice = slice(None) if clean is None else np.flatnonzero(clean)
    places: NDArray[np.int64] | int = int(rows[0]) % window
    if clean is not None or (rows != rows[0]).any():
        columns = np.arange(len(rows)) if clean is None else columns
        places = rows[columns] % window
    state.window_sums[0, columns] += actual[columns] - state.window_actual[places, columns]
    state.window_sums[1, columns] += forecast[columns] - state.window_forecast[places, columns]
    state.window_actual[places, columns] = actual[columns]
    state.window_forecast[places, columns] = forecast[columns]
    rows[columns] += 1


def _size(errors: Array, floor: Array) -> Array:
    np.abs(errors, out=errors)
    errors += floor
    return errors


def _learn(scores: Array, errors: Array, where: Mask | None, keep: float, take: float) -> None:
    errors *= take
    if where is None:
        scores *= keep
        scores += errors
    else:
        errors += keep * scores
        np.copyto(scores, errors, where=where)
