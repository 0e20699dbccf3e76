"""Update the state of many series with their actuals: the arithmetic of `scalar_learning`, by element."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.settings import (
    BELT_SHARE,
    BELT_TRUST,
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
from elpa_core.routing.vector import Workspace, best_places, limits
from elpa_core.schema.limits import BOUND


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
    where = None if all_clean else clean
    _learn_models(state, work, given, actual, method, n_online, where)
    _settle(state, work, given, actual, where)
    error = actual - given.experts[MEDIAN]
    state.level_error *= method.keep_level
    state.level_error += method.learn_level * error
    _learn_experts(state, work, given, actual, where, method.keep_expert)
    _learn(state.usual_error, method.learn_usual * _size(error, state.floor), where, method.keep_usual)
    _remember(state, np.abs(actual), np.abs(given.offline), where)
    mutation = _mutations(state, whole, given.served)
    _widen(state, whole, actual)
    if not all_clean:
        np.maximum(state.dirty - 1, 0, out=state.dirty)
    state.mutated[:] = 0 if mutation is None else mutation
    if mutation is not None:
        state.dirty[mutation] = dirty_interval


def _learn_models(
    state: State,
    work: Workspace,
    given: Answers,
    actual: Array,
    method: Method,
    n_online: int,
    clean: Mask | None,
) -> None:
    """Learn scores, gains and squares: over all steps and, where they are told apart, of the lead time."""
    present = given.present
    counts = None  # where a model's scores learn; None for everywhere
    if present is not None or clean is not None:
        counts = np.ones(given.limited.shape, np.bool_) if present is None else present.copy()
        if clean is not None:
            counts[n_online:] &= clean
    learning = [(state.scores, state.gains, state.squares, STEADY, method.keep_model, method.learn_model)]
    if method.leads:
        k = method.lead(given.step)
        known = state.lead_scores[k], state.lead_gains[k], state.lead_squares[k]
        learning.append((*known, LEAD, method.keep_leads[k], method.learn_leads[k]))
    limited = given.limited
    errors = _size(np.subtract(actual, limited, out=work.errors), state.floor)
    for scores, gains, squares, expert, keep, take in learning:
        products = errors if expert == learning[-1][3] else work.products  # the last one may spoil the errors
        _learn(scores, np.multiply(errors, take, out=products), counts, keep)
        regrets = np.subtract(given.experts[expert], limited, out=products)
        side = np.sign(given.experts[expert] - actual)
        regrets *= side if clean is None else side * clean
        if present is not None:
            np.copyto(regrets, 0.0, where=~present)
        np.add(gains, regrets, out=gains)
        np.multiply(regrets, regrets, out=regrets)
        np.add(squares, regrets, out=squares)


def _settle(state: State, work: Workspace, given: Answers, actual: Array, clean: Mask | None) -> None:
    """Update budget, leeway and credit of the belt."""
    places = best_places(state, work)
    forecast, median = given.limited.take(places), given.experts[MEDIAN]
    error, best_error = np.abs(actual - given.served), np.abs(actual - forecast)
    earned = (1.0 + BELT_SHARE) * best_error - error
    relieved = (1.0 + LEEWAY_SHARE) * best_error - error
    far = np.abs(forecast - median) > BELT_TRUST * state.usual_error
    if given.present is not None:
        there = given.present.take(places)
        earned, relieved = earned * there, relieved * there
        far &= there
    state.budget += earned
    state.leeway += relieved
    if given.step == 0:
        total, most_of_one, block = state.credit
        total += block
        np.maximum(most_of_one, block, out=most_of_one)
        block[:] = 0.0
    if clean is not None:
        far &= clean
    few = np.flatnonzero(far)
    state.credit[2, few] += np.abs(actual[few] - median[few]) - best_error[few]


def _widen(state: State, actual: Array, limited: Array) -> None:
    """Widen what was seen by actuals, as far as the limits; those within are the last ones."""
    low, high = state.seen
    unknown = low > high
    beyond = actual != limited
    wild = bool(beyond.any())
    np.copyto(state.last, actual, where=~beyond if wild else True)
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
    if wild:
        np.copyto(state.margin, np.minimum(GROWTH * state.margin, BOUND), where=beyond)
        np.copyto(state.margin, state.spread, where=~beyond)
    else:
        state.margin[:] = state.spread


def _learn_experts(
    state: State, work: Workspace, given: Answers, actual: Array, where: Mask | None, keep: float
) -> None:
    regrets = np.subtract(given.mixed, given.experts, out=work.said)
    side = np.sign(given.mixed - actual)
    kept: Array | float = keep
    if where is not None:
        side *= where
        kept = np.where(where, keep, 1.0)
    regrets *= side
    most = MOST_GAIN * state.usual_error
    np.minimum(regrets, most, out=regrets)
    np.maximum(regrets, -most, out=regrets)
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


def _learn(scores: Array, errors: Array, where: Mask | None, keep: float) -> None:
    """Forget, and add errors, in place; where a mask is given, only there."""
    if where is None:
        scores *= keep
        scores += errors
        return
    scores, where = np.atleast_2d(scores, where)
    few = np.flatnonzero(~np.logical_and.reduce(where))
    before = scores[:, few]
    _learn(scores, errors, None, keep)
    scores[:, few] = np.where(where[:, few], scores[:, few], before)
