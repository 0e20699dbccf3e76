"""Limits of forecasts that widen with the actuals, the same for all ways of combining."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.limits import GROWTH, REACH
from elpa_core.routing.settings import spread_of
from elpa_core.schema.limits import BOUND

Array = NDArray[np.float64]


def limited_forecasts(
    actuals: Array, forecasts: Array, blocks: Sequence[int], span: tuple[float, float]
) -> Array:
    """Return forecasts as the router limits them: by the actuals of earlier blocks.

    A forecast is clipped to [min - R, max + R] of the actuals so far, R the range at the start. After an
    actual beyond these limits R is 32 times as large until one is within them. A forecast that is no
    number counts as missing, and so does one that is more than a thousand R beyond the limits, unless all
    of the row are. The median of the row replaces a missing one.

    Parameters
    ----------
    actuals : ndarray, shape (rows,)
    forecasts : ndarray, shape (rows, models)
    blocks : sequence of int
        First row of each block.
    span : tuple of float
        Smallest and largest actual at the start.

    Examples
    --------
    >>> forecasts = np.array([[0.5, 9.0], [0.5, 9.0], [0.5, 9.0]])
    >>> limited_forecasts(np.array([9.0, 9.0, 9.0]), forecasts, [0, 1, 2], (0.0, 1.0)).tolist()
    [[0.5, 2.0], [0.5, 9.0], [0.5, 9.0]]
    """
    low, high = span
    spread = margin = spread_of(low, high)
    result = np.empty(forecasts.shape)
    for first, end in block_rows(blocks, len(actuals)):
        result[first:end] = _limited(forecasts[first:end], low - margin, high + margin, REACH * margin)
        for actual in actuals[first:end].tolist():
            within = min(max(actual, low - margin), high + margin)
            low, high = min(low, within), max(high, within)
            margin = spread if within == actual else min(GROWTH * margin, BOUND)
    return result


def block_rows(blocks: Sequence[int], rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first row of each block and the one after its last.

    >>> list(block_rows([0, 2], 3))
    [(0, 2), (2, 3)]
    """
    return zip(blocks, (*blocks[1:], rows), strict=True)


def _limited(forecasts: Array, low: float, high: float, reach: float) -> Array:
    numbers = np.isfinite(forecasts)
    near = numbers & (forecasts >= low - reach) & (forecasts <= high + reach)
    there = np.where(near.any(axis=1, keepdims=True), near, numbers)
    clipped = np.clip(forecasts, low, high)
    if there.all():
        return clipped
    medians = np.nanmedian(np.where(there, clipped, np.nan), axis=1, keepdims=True)
    return np.where(there, clipped, medians)
