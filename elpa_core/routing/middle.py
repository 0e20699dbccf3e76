"""The middle of a few forecasts for thousands of series, faster than by sorting each series."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def middle(rows: Array) -> tuple[Array, Array]:
    """Return the two middle values of each column; twice the same if the number of rows is odd.

    Parameters
    ----------
    rows : ndarray, shape (models, n)
        No NaN.

    References
    ----------
    Batcher: Sorting networks and their applications, AFIPS 1968 (odd-even merge).

    Examples
    --------
    >>> middle(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 5.0]]))
    (array([2., 1.]), array([2., 1.]))
    """
    models = len(rows)
    ordered, spare = list(rows.copy()), np.empty(rows.shape[1])
    for low, high in _exchanges(models):
        np.minimum(ordered[low], ordered[high], out=spare)
        np.maximum(ordered[low], ordered[high], out=ordered[high])
        ordered[low], spare = spare, ordered[low]
    return ordered[(models - 1) // 2], ordered[models // 2]


def middle_present(rows: Array, present: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the two middle forecasts of those that are there, shape (n, models)."""
    count = present.sum(axis=1)
    ordered = np.sort(np.where(present, rows, np.inf), axis=1)
    columns = np.arange(len(rows))
    return ordered[columns, (count - 1) // 2], ordered[columns, count // 2]


@cache
def _exchanges(models: int) -> tuple[tuple[int, int], ...]:
    """Return the exchanges of Batcher's network on which the middle depends."""
    needed, kept = {(models - 1) // 2, models // 2}, []
    for low, high in reversed(_network(models)):
        if low in needed or high in needed:
            needed |= {low, high}
            kept.append((low, high))
    return tuple(reversed(kept))


def _network(models: int) -> list[tuple[int, int]]:
    pairs = []
    top = 1 << max(models - 1, 0).bit_length() >> 1
    size = top
    while size > 0:
        span, remainder, distance = top, 0, size
        while True:
            pairs += [(i, i + distance) for i in range(models - distance) if i & size == remainder]
            if span == size:
                break
            distance, span, remainder = span - size, span // 2, size
        size //= 2
    return pairs
