"""Many series in numpy: the arithmetic of `scalar`, element by element, in the same order.

Speed comes from buffers that are used again and stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.middle import middle, middle_present
from elpa_core.routing.settings import (
    AMPLITUDE,
    BELT_TRUST,
    EXPERTS,
    GAIN_RANGE,
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


class Workspace:
    """Buffers for the series of a state, and what `stand` computed in them for the next block."""

    def __init__(self, state: State, chunk: int) -> None:
        models, series = state.scores.shape
        self.chunks = [slice(i, min(i + chunk, series)) for i in range(0, series, chunk)]
        self.weights, self.steady_weights, self.products = np.empty((3, models, min(chunk, series)))
        self.taking_part, self.not_above = np.empty((2, models, min(chunk, series)), np.bool_)
        self.sums, self.weight_sums = np.empty((2, 4, series))
        self.says, self.parts = np.empty((2, len(EXPERTS), series))
        self.median, self.total_say = np.empty((2, series))

    def stand(self, state: State, method: Method, window: int) -> None:
        """Compute limits, factors and the experts' weights of a state; see `scalar.stand_of`."""
        _inverse_eighth(state.scale, state.expert_scores, self.says)
        self.says[list(method.absent)] = 0.0
        _total(self.says, self.total_say)
        unheard = self.total_say < LEAST_SAY
        if unheard.any():
            self.says[:, unheard] = 0.0
            self.says[MEDIAN, unheard] = self.total_say[unheard] = 1.0
        low, high = state.seen
        self.low, self.high = low - state.margin, high + state.margin
        self.lowest, self.highest = self.low - REACH * state.margin, self.high + REACH * state.margin
        self.tolerance = method.tolerance * state.expert_scores[MEDIAN]
        self.trust = np.where(state.leeway >= 0.0, BELT_TRUST * state.expert_scores[MEDIAN], np.inf)
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


def sound(work: Workspace, rows: Array) -> Mask:
    """Return which forecasts count, shape of ``rows``: (steps, n, models).

    Those within reach of the actuals; where none of a series is, all that are numbers.
    """
    if rows.min() >= work.lowest.max() and rows.max() <= work.highest.min():  # false for NaN
        return np.ones(rows.shape, np.bool_)
    counts: Mask = rows >= work.lowest[:, np.newaxis]
    counts &= rows <= work.highest[:, np.newaxis]
    if not (some := counts.any(axis=-1)).all():
        counts[~some] = np.isfinite(rows[~some])
    return counts


def answer(
    state: State, work: Workspace, rows: Array, present: Mask | None, n_online: int, step: int, out: Answers
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
    out : Answers
        Filled in.
    """
    out.present = None if present is None else present.T
    for chunk in work.chunks:
        _weigh(state, work, rows, present, n_online, out, chunk)
    experts, sums, weight_sums = out.experts, work.sums, work.weight_sums
    np.add(sums[1], sums[2], out=sums[0])
    np.add(weight_sums[1], weight_sums[2], out=weight_sums[0])
    if not weight_sums.all():
        np.copyto(sums, work.median, where=weight_sums == 0.0)
        np.copyto(weight_sums, 1.0, where=weight_sums == 0.0)
    np.divide(sums, weight_sums, out=sums)
    experts[RECENT], experts[ONLINE], out.offline[:], experts[STEADY] = sums
    experts[MEDIAN] = work.median
    np.add(work.median, work.move, out=experts[LEVEL])
    _limit(experts[LEVEL], work.low, work.high)
    amplitude = experts[AMPLITUDE]
    np.multiply(work.factor, out.offline, out=amplitude)
    _limit(amplitude, work.low, work.high)
    _total(np.multiply(work.says, experts, out=work.parts), out.served)
    served = np.divide(out.served, work.total_say, out=out.served)
    if work.any_dirty:
        np.copyto(served, experts[ONLINE], where=step < state.dirty)
    served += 0.0


def best_places(state: State) -> NDArray[np.int64]:
    """Return where in a flattened array of (models, n) the best single models stand."""
    series = len(state.best)
    return np.maximum(state.best, 0) * series + np.arange(series)


def hold(state: State, work: Workspace, answers: Sequence[Answers]) -> None:
    """Move the answers of a block towards the best single models, as far as the room demands."""
    if not work.any_belted:
        return
    distance, holds = np.zeros(len(work.room)), []
    for step, out in enumerate(answers):
        median, best = out.experts[MEDIAN], out.limited.take(work.best)
        held = work.belted if out.present is None else work.belted & out.present.take(work.best)
        if work.any_dirty:
            held = held & (step >= state.dirty)
        near = (best >= median - work.trust) & (best <= median + work.trust)
        near |= _seen(best, state) > _seen(median, state)
        held = held & near
        distance += np.abs(out.served - best) * held
        holds.append((held, best))
    tight = distance > work.room
    if tight.any():
        share = work.room / np.where(tight, distance, 1.0)
        for out, (held, best) in zip(answers, holds, strict=True):
            moved = best + share * (out.served - best) + 0.0
            np.copyto(out.served, moved, where=held & tight)


def _seen(forecasts: Array, state: State) -> Mask:
    low, high = state.seen
    seen: Mask = (forecasts >= low) & (forecasts <= high)
    return seen


def _weigh(
    state: State,
    work: Workspace,
    rows: Array,
    present: Mask | None,
    n_online: int,
    out: Answers,
    chunk: slice,
) -> None:
    """Fill in limited forecasts and, in ``work``, median and weighted sums."""
    low, high, limited = work.low[chunk], work.high[chunk], out.limited[:, chunk]
    weights, steady_weights, products, taking_part, not_above = (
        buffer[:, : len(low)]
        for buffer in (
            work.weights, work.steady_weights, work.products, work.taking_part, work.not_above,
        )
    )  # fmt: skip
    np.copyto(limited, rows[chunk].T)
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
    _inverse_eighth(state.scale[chunk], state.scores[:, chunk], weights)
    np.maximum(state.gains[:, chunk], 0.0, out=steady_weights)
    np.divide(steady_weights, state.squares[:, chunk], out=steady_weights)
    np.copyto(products, taking_part)
    weights *= products
    steady_weights *= products
    sums, weight_sums = work.sums[:, chunk], work.weight_sums[:, chunk]
    _total(weights[:n_online], weight_sums[1])
    _total(weights[n_online:], weight_sums[2])
    _total(steady_weights, weight_sums[3])
    weights *= limited
    steady_weights *= limited
    _total(weights[:n_online], sums[1])
    _total(weights[n_online:], sums[2])
    _total(steady_weights, sums[3])


def _inverse_eighth(scale: Array, scores: Array, out: Array) -> None:
    np.divide(scale, scores, out=out)
    np.multiply(out, out, out=out)
    np.multiply(out, out, out=out)
    np.multiply(out, out, out=out)


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
