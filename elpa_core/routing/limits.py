"""Limit forecasts to what the actuals make possible; widen the limits as the series moves.

In each module of a rule, ``one`` is the form for one series in plain floats, several times faster than numpy
for 14 models; ``many`` is the same arithmetic, in the same order, for arrays whose last axis is the series.
Tests compare both bit for bit. So neither uses sum(), which compensates rounding since Python 3.12, nor
powers, whose last bit depends on the C library.
"""

from __future__ import annotations

import sys
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.state import Array, State
from elpa_core.schema.limits import BOUND

Mask = NDArray[np.bool_]
REACH = 1000.0
"""A forecast that is beyond the limits by more than this many margins counts as missing."""
GROWTH = 32.0
"""Factor by which the margin grows after an actual beyond the limits."""
SIZE = 100.0
"""Without a range, the first actual that is not zero gives the size of a series, at least so many errors."""
_MOST = sys.float_info.max


def within(value: float, low: float, high: float) -> float:
    """Return the nearest number from ``low`` to ``high``."""
    if low <= value <= high:
        return value
    return max(low, min(high, value))


def limits_of(state: State) -> tuple[Any, Any]:
    """Return the smallest and the largest number that is not limited."""
    return state.seen[0] - state.margin, state.seen[1] + state.margin


def limit_one(
    row: list[float], low: float, high: float, margin: float
) -> tuple[list[float], list[float], list[bool] | None]:
    """Return limited forecasts, those that count in order, and which count; None if all do.

    Those within reach of the limits count; where none is, all that are numbers. The others are NaN.
    """
    ordered = sorted(row)
    if low <= ordered[0] and ordered[-1] <= high and not isnan(sum(row)):
        return row, ordered, None
    reach = REACH * margin
    for least, most in ((low - reach, high + reach), (-_MOST, _MOST)):
        limited = [within(f, low, high) if least <= f <= most else nan for f in row]
        if ordered := sorted(f for f in limited if not isnan(f)):
            break
    if len(ordered) == len(row):
        return limited, ordered, None
    return limited, ordered, [not isnan(f) for f in limited]


def limit_many(values: Array, state: State, columns: NDArray[np.int64]) -> Mask:
    """Limit forecasts of some series in place, and return which count; the others are left as zero."""
    low, high, reach = (part[columns] for part in (*limits_of(state), REACH * state.margin))
    counts: Mask = values >= low - reach
    counts &= values <= high + reach
    none = np.flatnonzero(~counts.any(axis=0))
    if none.size:
        counts[:, none] = np.isfinite(values[:, none])
    clip_many(values, low, high)
    values[~counts] = 0.0
    return counts


def clip_many(values: Array, low: Array, high: Array) -> None:
    """Limit values, in place."""
    np.maximum(values, low, out=values)
    np.minimum(values, high, out=values)


def widen_one(state: State, actual: float, limited: float) -> None:
    """Extend the range of the actuals by an actual, at most to the limits."""
    low, high = state.seen
    if actual == limited:
        state.last = actual
    if low > high:
        if actual != 0.0:
            state.seen, state.spread = [actual, actual], min(max(abs(actual), SIZE * state.scale), BOUND)
            state.margin = state.spread
        return
    if limited < low:
        state.seen[0] = limited
    elif limited > high:
        state.seen[1] = limited
    state.margin = state.spread if limited == actual else min(GROWTH * state.margin, BOUND)


def widen_many(state: State, actual: Array, limited: Array) -> None:
    """Do the same for each series."""
    low, high = state.seen
    unknown, beyond = low > high, actual != limited
    np.copyto(state.last, actual, where=~beyond)
    if unknown.any():
        first, known = unknown & (actual != 0.0), ~unknown
        np.copyto(low, np.minimum(low, limited), where=known)
        np.copyto(high, np.maximum(high, limited), where=known)
        np.copyto(state.seen, actual, where=first)
        sizes = np.minimum(np.maximum(np.abs(actual), SIZE * state.scale), BOUND)
        np.copyto(state.spread, sizes, where=first)
        beyond &= known
    else:
        np.minimum(low, limited, out=low)
        np.maximum(high, limited, out=high)
    if beyond.any():
        wide = np.minimum(GROWTH * state.margin, BOUND)
        state.margin[:] = np.where(beyond, wide, state.spread)
    else:
        state.margin[:] = state.spread
