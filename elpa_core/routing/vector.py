"""Many series in numpy: the arithmetic of `scalar`, element by element, in the same order.

Speed comes from buffers that are used again and stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.middle import middle, middle_present
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

_CACHED = 256
_SUMS = (RECENT, ONLINE, None, STEADY, LEAD)  # None: the offline models


class Workspace:
    """Buffers for the series of a state, and what `stand` computed in them for the next block."""

    def __init__(self, state: State, method: Method, chunk: int) -> None:
        models, series = state.scores.shape
        self.chunks = [slice(i, min(i + chunk, series)) for i in range(0, series, chunk)]
        self.weights, self.products = np.empty((2, models, min(chunk, series)))
        self.taking_part, self.not_above = np.empty((2, models, min(chunk, series)), np.bool_)
        self.sums, self.weight_sums = np.empty((2, len(_SUMS), series))
        self.says, self.parts = np.empty((2, method.experts, series))
        self.median, self.total_say = np.empty((2, series))
        self.unlimited = False  # all forecasts of the block are within the limits

    def stand(self, state: State, method: Method, window: int) -> None:
        """Compute limits, factors and the experts' weights of a state; see `scalar.stand_of`."""
        asked = method.experts
        _potential(state.expert_gains[:asked], state.expert_squares[:asked], self.says)
        self.says[list(method.absent)] = 0.0
        _total(self.says, self.total_say)
        unheard = self.total_say < LEAST_SAY
        if unheard.any():
            self.says[:, unheard] = 0.0
            self.says[MEDIAN, unheard] = self.total_say[unheard] = 1.0
        low, high = state.seen
        self.low, self.high = low - state.margin, high + state.margin
        self.lowest, self.highest = self.low - REACH * state.margin, self.high + REACH * state.margin
        self.tolerance = method.tolerance * state.usual_error
        self.trust = np.where(state.leeway >= 0.0, BELT_TRUST * state.usual_error, np.inf)
        if asked > AMPLITUDE:
            actual, forecast = state.window_sums
            full = (state.window_rows >= window) & (forecast > 0.0)
            with np.errstate(over="ignore"):
                gain = np.clip(actual / np.where(full, forecast, 1.0), *GAIN_RANGE)
            self.factor = np.where(full, 1.0 + (gain - 1.0) * 0.5, 1.0)
        self.move = method.level_share * state.level_error
        self.room = np.maximum(state.budget, 0.0)
        self.best = best_places(state)
        self.belted = (state.best >= 0) & method.belted
        self.any_belted = bool(self.belted.any())
        self.any_dirty = bool(state.dirty.any())


def sound(work: Workspace, rows: Array) -> Mask | None:
    """Return which forecasts count, shape of ``rows``: (steps, n, models); None if all do.

    Those within reach of the actuals; where none of a series is, all that are numbers.
    """
    least, most = rows.min(), rows.max()  # NaN if there is one: then none of this holds
    work.unlimited = bool(least >= work.low.max() and most <= work.high.min())
    if work.unlimited or (least >= work.lowest.max() and most <= work.highest.min()):
        return None
    counts: Mask = rows >= work.lowest[:, np.newaxis]
    counts &= rows <= work.highest[:, np.newaxis]
    if not (some := counts.any(axis=-1)).all():
        counts[~some] = np.isfinite(rows[~some])
    return None if counts.all() else counts


def answer(
    state: State,
    work: Workspace,
    rows: Array,
    present: Mask | None,
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
        Each series has at least one that counts.
    present : ndarray of bool, shape (n, models), or None
        Where ``rows`` count, as `sound` says; None if everywhere.
    lead : int or None
        Which lead time the step belongs to; None where they are not told apart.
    out : Answers
        Filled in.
    """
    out.present = None if present is None else present.T
    for chunk in work.chunks:
        _weigh(state, work, rows, present, n_online, lead, out, chunk)
    told = slice(None) if lead is not None else slice(_SUMS.index(LEAD))
    experts, sums, weight_sums = out.experts, work.sums[told], work.weight_sums[told]
    np.add(sums[1], sums[2], out=sums[0])
    np.add(weight_sums[1], weight_sums[2], out=weight_sums[0])
    if not weight_sums.all():
        np.copyto(sums, work.median, where=weight_sums == 0.0)
        np.copyto(weight_sums, 1.0, where=weight_sums == 0.0)
    np.divide(sums, weight_sums, out=sums)
    recent, online, out.offline[:], steady = sums[:4]
    experts[RECENT], experts[MEDIAN], experts[STEADY] = recent, work.median, steady
    np.add(work.median, work.move, out=experts[LEVEL])
    _limit(experts[LEVEL], work.low, work.high)
    if len(experts) > LEAD:
        experts[LEAD] = sums[-1]  # what "steady" says where lead times are not told apart
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


def best_places(state: State) -> NDArray[np.int64]:
    """Return where in a flattened array of (models, n) the best single models stand."""
    series = len(state.best)
    return np.maximum(state.best, 0) * series + np.arange(series)


def hold(state: State, work: Workspace, answers: Sequence[Answers]) -> None:
    """Move the answers of a block towards the best single models, as far as the room demands."""
    if not work.any_belted:
        return
    distance, holds = np.zeros(len(work.room)), []
    for out in answers:
        median, best = out.experts[MEDIAN], out.limited.take(work.best)
        held = work.belted if out.present is None else work.belted & out.present.take(work.best)
        if work.any_dirty:
            held = held & (out.step >= state.dirty)
        near = (best >= median - work.trust) & (best <= median + work.trust)
        nearer = np.abs(best - state.last) <= np.abs(median - state.last)
        near |= nearer & (state.last < np.inf)
        held = held & near
        distance += np.abs(out.served - best) * held
        holds.append((held, best))
    tight = distance > work.room
    if tight.any():
        share = work.room / np.where(tight, distance, 1.0)
        for out, (held, best) in zip(answers, holds, strict=True):
            moved = best + share * (out.served - best) + 0.0
            np.copyto(out.served, moved, where=held & tight)


def _weigh(
    state: State,
    work: Workspace,
    rows: Array,
    present: Mask | None,
    n_online: int,
    lead: int | None,
    out: Answers,
    chunk: slice,
) -> None:
    """Fill in limited forecasts and, in ``work``, median and weighted sums."""
    low, high, limited = work.low[chunk], work.high[chunk], out.limited[:, chunk]
    weights, products, taking_part, not_above = (
        buffer[:, : len(low)] for buffer in (work.weights, work.products, work.taking_part, work.not_above)
    )
    for begin in range(0, len(low), _CACHED):  # a part at a time: the rest would leave the cache
        few = slice(begin, begin + _CACHED)
        np.copyto(limited[:, few], rows[chunk][few].T)
    if not work.unlimited:
        _limit(limited, low, high)
    there = None if present is None else present[chunk]
    below, above = middle(limited) if there is None else middle_present(limited.T, there)
    median = work.median[chunk]
    np.add(below * 0.5, above * 0.5, out=median)
    median += 0.0
    tolerance = work.tolerance[chunk]
    np.greater_equal(limited, median - tolerance, out=taking_part)
    taking_part &= np.less_equal(limited, median + tolerance, out=not_above)
    if there is not None:
        taking_part &= there.T
        limited[~there.T] = 0.0
    np.copyto(products, taking_part)
    _recent(state, lead, chunk, weights)
    weights *= products
    groups = {ONLINE: slice(n_online), None: slice(n_online, None)}
    _add_up(work, chunk, weights, limited, groups)
    _potential(state.gains[:, chunk], state.squares[:, chunk], weights)
    weights *= products
    _add_up(work, chunk, weights, limited, {STEADY: slice(None)})
    if lead is not None:
        _potential(state.lead_gains[lead][:, chunk], state.lead_squares[lead][:, chunk], weights)
        weights *= products
        _add_up(work, chunk, weights, limited, {LEAD: slice(None)})


def _add_up(
    work: Workspace, chunk: slice, weights: Array, limited: Array, groups: Mapping[int | None, slice]
) -> None:
    """Fill in sums of weights and of weighted forecasts over groups of models; spoils the weights."""
    for expert, models in groups.items():
        _total(weights[models], work.weight_sums[_SUMS.index(expert), chunk])
    weights *= limited
    for expert, models in groups.items():
        _total(weights[models], work.sums[_SUMS.index(expert), chunk])


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
