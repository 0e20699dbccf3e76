"""Many series in numpy: the arithmetic of `scalar`, element by element, in the same order.

Speed comes from buffers that are used again and stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.median import median, median_present
from elpa_core.routing.settings import (
    AMPLITUDE,
    BELT_TRUST,
    GAIN_RANGE,
    LEAD,
    LEAST_SAY,
    LEVEL,
    MEDIAN,
    ONLINE,
    REACH,
    RECENT,
    STEADY,
    Method,
)
from elpa_core.routing.state import Array, State

_SUMS = (ONLINE, None, STEADY, LEAD)  # None: the offline models


class Workspace:
    """Buffers for the series of a state, and what `stand` computed in them for the next block."""

    def __init__(self, state: State, method: Method, chunk: int) -> None:
        models, series = state.scores.shape
        self.chunks = [slice(i, min(i + chunk, series)) for i in range(0, series, chunk)]
        self.errors, self.products = np.empty((2, models, min(chunk, series)))
        self.sums, self.weight_sums = np.empty((2, len(_SUMS), series))
        self.says, self.parts = np.empty((2, method.experts, series))
        self.total_say = np.empty(series)
        self.best_known = state.best >= 0
        self.best_places = np.maximum(state.best, 0) * series + np.arange(series)

    def stand(self, state: State, method: Method, window: int) -> None:
        """Compute limits, factors and the experts' weights of a state; see `scalar.stand_of`."""
        asked = method.experts
        _potential(state.expert_gains[:asked], state.expert_squares[:asked], self.says)
        for expert in method.absent:
            self.says[expert] = 0.0
        _total(self.says, self.total_say)
        unheard = self.total_say < LEAST_SAY
        if unheard.any():
            self.says[:, unheard] = 0.0
            self.says[MEDIAN, unheard] = self.total_say[unheard] = 1.0
        self.low, self.high = limits(state)
        self.tolerance = method.tolerance * state.usual_error
        if asked > AMPLITUDE:
            actual, forecast = state.window_sums
            full = (state.window_rows >= window) & (forecast > 0.0)
            with np.errstate(over="ignore"):
                gain = np.clip(actual / np.where(full, forecast, 1.0), *GAIN_RANGE)
            self.factor = np.where(full, 1.0 + (gain - 1.0) * 0.5, 1.0)
        self.move = method.level_share * state.level_error
        self.any_dirty = bool(state.dirty.any())

    def of_best(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return, of values a model and series, those of the best single models."""
        result: NDArray[Any] = values.take(self.best_places)
        return result


def limits(state: State) -> tuple[Array, Array]:
    """Return the least and the largest number that counts as it is."""
    low, high = state.seen
    return low - state.margin, high + state.margin


def hopeless(rows: Array) -> Mask:
    """Return where none of the forecasts, shape (steps, n, models), is a finite number."""
    found: Mask = np.isfinite(rows[..., 0])
    for model in range(1, rows.shape[-1]):
        if found.all():
            break
        found |= np.isfinite(rows[..., model])
    return ~found


def answer(
    state: State,
    work: Workspace,
    rows: Array,
    n_online: int,
    lead: int | None,
    out: Answers,
) -> None:
    """Combine the forecasts of one step of every series.

    Parameters
    ----------
    work : Workspace
        As `Workspace.stand` left it for this state.
    rows : ndarray, shape (n, models)
        Each series has at least one that is a finite number.
    lead : int or None
        Which lead time the step belongs to; None where they are not told apart.
    out : Answers
        Filled in.
    """
    out.present = None
    for chunk in work.chunks:
        _weigh(state, work, rows, n_online, lead, out, chunk)
    experts, middle = out.experts, out.experts[MEDIAN]
    (online, offline, steady, at_lead), weights = work.sums, work.weight_sums
    _divide(online + offline, weights[0] + weights[1], middle, out=experts[RECENT])
    _divide(offline, weights[1], middle, out=out.offline)
    _divide(steady, weights[2], middle, out=experts[STEADY])
    np.add(middle, work.move, out=experts[LEVEL])
    _limit(experts[LEVEL], work.low, work.high)
    if len(experts) > LEAD and lead is None:
        experts[LEAD] = experts[STEADY]
    elif len(experts) > LEAD:
        _divide(at_lead, weights[3], middle, out=experts[LEAD])
    if len(experts) > ONLINE or work.any_dirty:
        _divide(online, weights[0], middle, out=online)
    if len(experts) > ONLINE:
        experts[ONLINE] = online
    if len(experts) > AMPLITUDE:
        np.multiply(work.factor, out.offline, out=experts[AMPLITUDE])
        _limit(experts[AMPLITUDE], work.low, work.high)
    _total(np.multiply(work.says, experts, out=work.parts), out.mixed)
    np.divide(out.mixed, work.total_say, out=out.mixed)
    if work.any_dirty:
        np.copyto(out.mixed, online, where=out.step < state.dirty)
    out.mixed += 0.0
    out.served[:] = out.mixed


def hold(state: State, work: Workspace, answers: Sequence[Answers]) -> None:
    """Move the answers of a block towards the best single models, as far as the room demands."""
    distance = sum((np.abs(out.mixed - work.of_best(out.limited)) for out in answers), np.zeros(1))
    few = np.flatnonzero((distance > np.maximum(state.budget, 0.0)) & work.best_known)
    if not few.size:
        return
    room, last = np.maximum(state.budget[few], 0.0), state.last[few]
    trust = np.where(state.leeway[few] >= 0.0, BELT_TRUST * state.usual_error[few], np.inf)
    distance, holds = np.zeros(len(few)), []
    for out in answers:
        middle, best = out.experts[MEDIAN, few], out.limited[state.best[few], few]
        held = np.abs(best - last) <= np.abs(middle - last)
        held &= last < np.inf
        held |= (best >= middle - trust) & (best <= middle + trust)
        held &= out.step >= state.dirty[few]
        if out.present is not None:
            held &= out.present[state.best[few], few]
        distance += np.abs(out.mixed[few] - best) * held
        holds.append((held, best))
    tight = distance > room
    share = room / np.where(tight, distance, 1.0)
    for out, (held, best) in zip(answers, holds, strict=True):
        moved = best + share * (out.mixed[few] - best) + 0.0
        out.served[few[held & tight]] = moved[held & tight]


def _weigh(
    state: State, work: Workspace, rows: Array, n_online: int, lead: int | None, out: Answers, chunk: slice
) -> None:
    """Fill in limited forecasts, the median and, in ``work``, weighted sums.

    What forecasts beyond the limits, missing ones and outliers need is done for their series alone.
    """
    low, high, limited = work.low[chunk], work.high[chunk], out.limited[:, chunk]
    limited[:] = rows[chunk].T
    least, most = limited.min(axis=0), limited.max(axis=0)  # NaN where there is one
    beyond = columns_of(~((least >= low) & (most <= high)))
    some, low, high = limited[:, beyond], low[beyond], high[beyond]
    there = _counting(some, low, high, REACH * state.margin[chunk][beyond])
    _limit(some, low, high)
    if gaps := not there.all():
        some[~there] = 0.0
        if out.present is None:
            out.present = np.ones(out.limited.shape, np.bool_)
        out.present[:, chunk][:, beyond] = there
    limited[:, beyond] = some
    middle = median(limited)
    if gaps:
        middle[beyond] = median_present(some, there)
    out.experts[MEDIAN, chunk] = middle
    nearest, farthest = middle - work.tolerance[chunk], middle + work.tolerance[chunk]
    part = limited >= nearest
    part &= limited <= farthest
    if out.present is not None:
        part &= out.present[:, chunk]
    some_out = np.flatnonzero(~part.all(axis=0))
    models, places = np.divmod(np.flatnonzero(~part[:, some_out]), max(len(some_out), 1))
    left_out = models, some_out[places]

    weights = work.products[:, : len(middle)]
    _recent(state, lead, chunk, weights)
    weights[left_out] = 0.0
    _add_up(work, chunk, weights, limited, {ONLINE: slice(n_online), None: slice(n_online, None)})
    _potential(state.gains[:, chunk], state.squares[:, chunk], weights)
    weights[left_out] = 0.0
    _add_up(work, chunk, weights, limited, {STEADY: slice(None)})
    if lead is not None:
        _potential(state.lead_gains[lead][:, chunk], state.lead_squares[lead][:, chunk], weights)
        weights[left_out] = 0.0
        _add_up(work, chunk, weights, limited, {LEAD: slice(None)})


def columns_of(where: Mask) -> NDArray[np.int64] | slice:
    """Return an index of the columns that are meant; of all where that is faster and changes nothing."""
    columns = np.flatnonzero(where)
    return columns if 2 * len(columns) < len(where) else slice(None)


def _counting(forecasts: Array, low: Array, high: Array, reach: Array) -> Mask:
    """Return which forecasts count: those within reach of the limits, or all numbers where none is."""
    counts: Mask = forecasts >= low - reach
    counts &= forecasts <= high + reach
    none = np.flatnonzero(~counts.any(axis=0))
    counts[:, none] = np.isfinite(forecasts[:, none])
    return counts


def _add_up(
    work: Workspace, chunk: slice, weights: Array, limited: Array, groups: Mapping[int | None, slice]
) -> None:
    """Fill in sums of weights and of weighted forecasts over groups of models; spoils the weights."""
    for expert, models in groups.items():
        _total(weights[models], work.weight_sums[_SUMS.index(expert), chunk])
    weights *= limited
    for expert, models in groups.items():
        _total(weights[models], work.sums[_SUMS.index(expert), chunk])


def _divide(total: Array, weight: Array, otherwise: Array, out: Array) -> None:
    """Divide, where there is a weight."""
    if weight.all():
        np.divide(total, weight, out=out)
        return
    result = otherwise.copy()
    np.divide(total, weight, out=result, where=weight != 0.0)
    out[:] = result


def _recent(state: State, lead: int | None, chunk: slice, out: Array) -> None:
    np.divide(state.scale[chunk], state.scores[:, chunk], out=out)
    if lead is None:
        np.multiply(out, out, out=out)
    else:
        out *= state.scale[chunk] / state.lead_scores[lead][:, chunk]
    np.multiply(out, out, out=out)
    np.multiply(out, out, out=out)


def _potential(gains: Array, squares: Array, out: Array) -> None:
    np.maximum(gains, 0.0, out=out)
    np.divide(out, squares, out=out)


def _total(rows: Array, out: Array) -> None:
    """Add rows from the first on.

    numpy adds the rows of a matrix in that order unless it has one column, where it adds pairwise.
    """
    if rows.shape[1] > 1:
        np.add.reduce(rows, axis=0, out=out)
        return
    out[:] = 0.0
    for row in rows:
        out += row


def _limit(values: Array, low: Array, high: Array) -> None:
    np.maximum(values, low, out=values)
    np.minimum(values, high, out=values)
