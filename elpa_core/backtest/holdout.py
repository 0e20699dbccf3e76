"""Whether a way of combining beats the best single model, when both know the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.backtest.intervals import mean_interval
from elpa_core.backtest.limits import block_rows
from elpa_core.schema.policy import Gain

Array = NDArray[np.float64]
ROUNDING = 1e-12
"""Differences smaller than this, relative to the largest forecast, are none: sums are rounded."""
_BEST = "the best single model so far"


def holdout_start(blocks: Sequence[int], rows: int) -> int:
    """Return the first row of the first block that begins after a third of the rows.

    >>> holdout_start([0, 4, 8], rows=10), holdout_start([0, 1], rows=2)
    (4, 1)
    """
    return next((first for first in blocks[1:] if 3 * first >= rows), blocks[-1])


def best_single_so_far(errors: Array, blocks: Sequence[int], start: int) -> Array:
    """Return the errors, from a row on, of the model with the lowest mean error of the rows before.

    The choice is made anew for each block, from all rows before it.

    Parameters
    ----------
    errors : ndarray, shape (rows, models)
    blocks : sequence of int
        First row of each block.
    start : int
        First row of a block, not the first one.

    Examples
    --------
    >>> errors = np.array([[1.0, 2.0], [9.0, 2.0], [5.0, 3.0]])
    >>> best_single_so_far(errors, [0, 1, 2], start=1).tolist()
    [9.0, 3.0]
    """
    totals = np.cumsum(errors, axis=0)
    return np.concatenate(
        [
            errors[first:end, np.argmin(totals[first - 1])]
            for first, end in block_rows(blocks, len(errors))
            if first >= start
        ]
    )


def gain_of(single: Array, way: Array, block: int, largest: float) -> Gain:
    """Return by how much a way has lower errors than the best single model, with an interval.

    Parameters
    ----------
    single, way : ndarray, shape (rows,)
        Absolute errors.
    block : int
        Rows that were forecast together.
    largest : float
        The largest magnitude of a forecast: gains that are small to it are rounding, and become zero.
    """
    differences = single - way
    differences = np.where(np.abs(differences) > ROUNDING * largest, differences, 0.0)
    gain = float(differences.mean())
    interval = mean_interval(differences, block)
    if isinstance(interval, str):
        return Gain(gain=gain, low=None, high=None, no_interval=interval)
    return Gain(gain=gain, low=interval[0], high=interval[1])


def verdict_of(subject: str, gain: Gain, *, plural: bool) -> str:
    """Return a gain in words.

    >>> verdict_of("the router", Gain(gain=0.5, low=0.1, high=0.9), plural=False)
    'the router beats the best single model so far'
    >>> verdict_of("the weights", Gain(gain=0.5, low=-0.1, high=1.1), plural=True)
    'the weights beat the best single model so far, but not by more than chance may give'
    """
    if gain.gain == 0.0:
        return f"no difference between {subject} and {_BEST}"
    if gain.gain < 0.0:
        return f"{subject} {'do' if plural else 'does'} not beat {_BEST}"
    beats = f"{subject} {'beat' if plural else 'beats'} {_BEST}"
    if gain.low is None:
        return f"{beats}, maybe by chance: {gain.no_interval}"
    return beats if gain.low > 0.0 else f"{beats}, but not by more than chance may give"
