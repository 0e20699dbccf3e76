"""The arithmetic of `scalar` for many series in numpy, element by element, in the same order.

It is fast because it makes few calls, few passes over the arrays of all models, and reuses buffers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answers import Answers, Mask
from elpa_core.routing.median import Jury, median_and_ends
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
    VOTE_RANK,
    Method,
)
from elpa_core.routing.state import Array, State

_CACHED = 2500
"""Number of rows that are transposed at a time."""


class NoForecastError(Exception):
    """A series has no finite forecast; its position is the argument."""


class Workspace:
    """Weights and limits for the next block, and reusable buffers for the same number of series."""

    def __init__(self, models: int, series: int, method: Method) -> None:
        self.taking_part, self.products = np.empty((2, models, series))
        self.errors = self.taking_part  # one is needed in predict, the other in update
        self.total_say, self.columns = np.empty(series), np.arange(series)
        self.says, self.said = np.empty((2, method.experts, series))
        self.memory: dict[tuple[int, int], Array] = {}

    def stand(self, state: State, method: Method, window: int, steps: int) -> None:
        """Compute limits and factors for a block of ``steps``; see `series_state.stand_of`."""
        self.steps, self.computed = steps, set[tuple[int, int]]()
        self.jury = None
        if method.vote < np.inf:
            place = min(VOTE_RANK, len(state.scores)) - 1
            votes = state.scores <= method.vote * np.partition(state.scores, place, axis=0)[place]
            self.jury = None if votes.all() else Jury(votes)
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


def best_places(state: State, work: Workspace) -> NDArray[np.int64]:
    """Return where the best single models stand in a flattened array of (models, n)."""
    places: NDArray[np.int64] = state.best * len(work.columns)
    places += work.columns
    return places


def limits(state: State) -> tuple[Array, Array]:
    """Return the smallest and the largest number that is not clipped."""
    low, high = state.seen
    return low - state.margin, high + state.margin


def answer(state: State, work: Workspace, rows: Array, n_online: int, lead: int, out: Answers) -> None:
    """Combine the forecasts of one step of every series.

    Parameters
    ----------
    work : Workspace
        As `Workspace.stand` left it for this state.
    rows : ndarray, shape (n, models)
    lead : int
        The lead time of the step.
    out : Answers
        Filled in.

    Raises
    ------
    NoForecastError
        If none of a series' forecasts is a finite number.
    """
    experts, limited = out.experts, out.limited
    middle, part = _limited(state, work, rows, out)
    groups = slice(n_online), slice(n_online, None)
    (on, on_weight), (off, off_weight) = _sums(state, work, (RECENT, lead), part, limited, groups)
    experts[MEDIAN] = middle
    _divide(on + off, on_weight + off_weight, middle, out=experts[RECENT])
    _divide(off, off_weight, middle, out=out.offline)
    [(total, weight)] = _sums(state, work, (STEADY, 0), part, limited)
    _divide(total, weight, middle, out=experts[STEADY])
    np.add(middle, work.move, out=experts[LEVEL])
    _limit(experts[LEVEL], work.low, work.high)
    if len(experts) > LEAD:
        if len(state.lead_scores):
            [(total, weight)] = _sums(state, work, (LEAD, lead), part, limited)
            _divide(total, weight, middle, out=experts[LEAD])
        else:
            experts[LEAD] = experts[STEADY]
    if len(experts) > ONLINE or work.any_dirty:
        _divide(on, on_weight, middle, out=on)
    if len(experts) > ONLINE:
        experts[ONLINE] = on
    if len(experts) > AMPLITUDE:
        np.multiply(work.factor, out.offline, out=experts[AMPLITUDE])
        _limit(experts[AMPLITUDE], work.low, work.high)
    _total(np.multiply(work.says, experts, out=work.said), out.mixed)
    np.divide(out.mixed, work.total_say, out=out.mixed)
    if work.any_dirty:
        np.copyto(out.mixed, on, where=out.step < state.dirty)
    out.mixed += 0.0
    out.served[:] = out.mixed


def hold(state: State, work: Workspace, answers: Sequence[Answers]) -> None:
    """Move the answers that the best single models hold towards them, as far as the room demands."""
    room = np.maximum(state.budget, 0.0)
    distance, places = np.zeros(len(room)), best_places(state, work)
    for out in answers:
        distance += np.abs(out.mixed - out.limited.take(places))
    few = np.flatnonzero(distance > room)
    if not few.size:
        return
    room, last, (total, most_of_one, block) = room[few], state.last[few], state.credit[:, few]
    credit = total + block - np.maximum(most_of_one, block)
    trust = np.where(state.leeway[few] >= 0.0, BELT_TRUST * state.usual_error[few], np.inf)
    (stake, distance), holds = np.zeros((2, len(few))), []
    for out in answers:
        middle, best = out.experts[MEDIAN, few], out.limited[state.best[few], few]
        held = np.abs(best - last) <= np.abs(middle - last)
        held &= last < np.inf
        held |= (best >= middle - trust) & (best <= middle + trust)
        counts = out.step >= state.dirty[few]
        if out.present is not None:
            counts &= out.present[state.best[few], few]
        stake += np.abs(best - middle) * (counts & ~held)
        holds.append((held, counts, best))
    for out, (held, counts, best) in zip(answers, holds, strict=True):
        np.logical_or(held, stake <= credit, out=held)
        np.logical_and(held, counts, out=held)
        distance += np.abs(out.mixed[few] - best) * held
    tight = distance > room
    share = room / np.where(tight, distance, 1.0)
    for out, (held, _, best) in zip(answers, holds, strict=True):
        moved = best + share * (out.mixed[few] - best) + 0.0
        out.served[few[held & tight]] = moved[held & tight]


def _limited(state: State, work: Workspace, rows: Array, out: Answers) -> tuple[Array, Array | None]:
    """Fill in limited forecasts and which are there; return their median, and 1 where one takes part.

    None stands for 1 everywhere. What forecasts beyond the limits need is done for their series alone.
    """
    limited = out.limited
    for begin in range(0, len(rows), _CACHED):
        few = slice(begin, begin + _CACHED)
        np.copyto(limited[:, few], rows[few].T)
    with np.errstate(invalid="ignore"):  # infinite ones of both signs: their median is taken again below
        if work.jury is None:
            middle, least, most = median_and_ends(limited, work.products)
        else:
            middle, least, most = work.jury.median(limited), limited.min(axis=0), limited.max(axis=0)
    out.present = None
    beyond = ~((least >= work.low) & (most <= work.high))  # NaN is, too
    if beyond.any():
        columns = _columns(beyond)
        some, low, high = limited[:, columns], work.low[columns], work.high[columns]
        there = _counting(some, low, high, REACH * state.margin[columns])
        if not (found := there.any(axis=0)).all():
            raise NoForecastError(int(work.columns[columns][~found][0]))
        _limit(some, low, high)
        some[~there] = 0.0
        limited[:, columns] = some
        votes = there if work.jury is None else there & ~work.jury.others[:, columns]
        middle[columns] = Jury(np.where(votes.any(axis=0), votes, there)).median(some)
        if not there.all():
            out.present = np.ones(limited.shape, np.bool_)
            out.present[:, columns] = there
            least[columns] = np.nan  # no number, so that what is missing is left out below
    nearest, farthest = middle - work.tolerance, middle + work.tolerance
    if (least >= nearest).all() and (most <= farthest).all():
        return middle, None
    part = limited >= nearest
    part &= limited <= farthest
    if out.present is not None:
        part &= out.present
    np.copyto(work.taking_part, part)
    return middle, work.taking_part


def _columns(where: Mask) -> NDArray[np.int64] | slice:
    """Return an index of the given columns, or of all columns if that is faster and gives the same result."""
    columns = np.flatnonzero(where)
    return columns if 4 * len(columns) < len(where) else slice(None)


def _counting(forecasts: Array, low: Array, high: Array, reach: Array) -> Mask:
    """Return which forecasts count: those within reach of the limits, or all numbers where none is."""
    counts: Mask = forecasts >= low - reach
    counts &= forecasts <= high + reach
    none = np.flatnonzero(~counts.any(axis=0))
    if none.size:
        counts[:, none] = np.isfinite(forecasts[:, none])
    return counts


def _sums(
    state: State,
    work: Workspace,
    expert: tuple[int, int],
    part: Array | None,
    limited: Array,
    groups: Sequence[slice] = (slice(None),),
) -> list[tuple[Array, Array]]:
    """Return the sums of weighted forecasts and of an expert's weights over groups of models."""
    weights = _weights(state, work, expert)
    if part is not None:
        weights = np.multiply(weights, part, out=work.products)
    totals = [_total(weights[models]) for models in groups]
    products = np.multiply(weights, limited, out=work.products)
    return [(_total(products[models]), total) for models, total in zip(groups, totals, strict=True)]


def _weights(state: State, work: Workspace, expert: tuple[int, int]) -> Array:
    """Return the weights of an expert at a lead time; those of a block of several steps are kept."""
    out = work.products
    if work.steps > 1:
        if expert in work.computed:
            return work.memory[expert]
        work.computed.add(expert)
        if expert not in work.memory:
            work.memory[expert] = np.empty_like(work.products)
        out = work.memory[expert]
    kind, lead = expert
    if kind == STEADY:
        return _potential(state.gains, state.squares, out)
    if kind == LEAD:
        return _potential(state.lead_gains[lead], state.lead_squares[lead], out)
    np.divide(state.scale, state.scores, out=out)
    out *= state.scale / state.lead_scores[lead] if len(state.lead_scores) else out
    np.multiply(out, out, out=out)
    return np.multiply(out, out, out=out)


def _divide(total: Array, weight: Array, otherwise: Array, out: Array) -> None:
    """Divide, where there is a weight."""
    if weight.all():
        np.divide(total, weight, out=out)
        return
    result = otherwise.copy()
    np.divide(total, weight, out=result, where=weight != 0.0)
    out[:] = result


def _potential(gains: Array, squares: Array, out: Array) -> Array:
    np.maximum(gains, 0.0, out=out)
    return np.divide(out, squares, out=out)


def _total(rows: Array, out: Array | None = None) -> Array:
    """Add rows from the first on.

    numpy adds the rows of a matrix in that order unless it has one column, where it adds pairwise.
    """
    if rows.shape[1] != 1:
        result: Array = np.add.reduce(rows, axis=0, out=out)
        return result
    if out is None:
        out = np.empty(1)
    out[:] = 0.0
    for row in rows:
        out += row
    return out


def _limit(values: Array, low: Array, high: Array) -> None:
    np.maximum(values, low, out=values)
    np.minimum(values, high, out=values)
