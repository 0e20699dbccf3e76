"""An interval of the mean of differences that depend on each other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
INTERVAL = (
    "95 %, paired: equal-weighted cosine transform of the differences of absolute errors, more cosines the"
    " less neighbouring blocks are alike, Student's t"
)
"""What `mean_interval` computes, for the policy."""
MIN_ROWS, MIN_BLOCKS = 64, 8
"""Fewest rows, and fewest blocks, of which there is an interval: with fewer the coverage is below .92."""
MOST_ALIKE = 0.65
"""Largest autocorrelation of which there is an interval."""
_MOST_COSINES = 60
"""With more the interval would be narrower by 2 % at most."""
_Z = 1.959964


def mean_interval(differences: Array, block: int = 1) -> tuple[float, float] | str:
    """Return the 95 % interval of the mean of a time series, or the reason why there is none.

    The variance of the mean comes from the slow movements of the series alone: its products with the
    first ``B`` cosines. ``B`` is the cube root of ``blocks ** 2 / k``; ``k = 2 p / (1 - p) ** 2`` is the
    curvature of the spectrum of an autoregression, ``p`` the autocorrelation of the means of neighbouring
    blocks, not below zero, plus two standard errors. But ``B`` is never less than the cube root of the
    rows. The factor is that of Student's t with ``B`` degrees of freedom.

    Neighbouring blocks are too alike if the autocorrelation of their means is above .65, or that of
    the rows, at the borders of the blocks as elsewhere.

    Parameters
    ----------
    differences : ndarray, shape (rows,)
        In time order.
    block : int
        Rows that were forecast together. Their differences may depend on each other in any way; those of
        different blocks must not depend much.

    References
    ----------
    Lazarus, Lewis, Stock: The size-power tradeoff in HAR inference, Econometrica 89, 2021 (equal-weighted
    cosines; how many). `tests/bench/interval_coverage.py` shows what the interval covers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> low, high = mean_interval(1.0 + rng.normal(size=300))
    >>> round(low, 2), round(high, 2)
    (0.84, 1.09)
    >>> mean_interval(np.ones(63))
    '63 rows to compare on, fewer than 64'
    """
    rows = len(differences)
    blocks = rows // block
    if rows < MIN_ROWS:
        return f"{rows} rows to compare on, fewer than {MIN_ROWS}"
    if blocks < MIN_BLOCKS:
        return f"{blocks} blocks to compare on, fewer than {MIN_BLOCKS}"
    mean = float(differences.mean())
    centred = differences - mean
    means = centred[: blocks * block].reshape(-1, block).mean(axis=1)
    of_blocks = _autocorrelation(means - means.mean())
    alike = max(of_blocks, min(_autocorrelation(centred), _autocorrelation(centred, block)))
    if alike > MOST_ALIKE:
        neighbours = "rows" if block == 1 else "blocks"
        return f"the differences of neighbouring {neighbours} are too alike (autocorrelation {alike:.2f})"
    likely = min(max(of_blocks, 0.0) + 2.0 / math.sqrt(blocks), 1.0)
    most = math.cbrt(max(blocks**2 * (1.0 - likely) ** 2 / (2.0 * likely), float(rows)))
    count = min(int(most + 1e-9), _MOST_COSINES)
    order = np.arange(1, count + 1)
    products = (np.fft.rfft(centred, 2 * rows)[order] * np.exp(-0.5j * np.pi * order / rows)).real / rows
    half = _student_t(count) * math.sqrt(2.0 * float((products**2).mean()))
    return mean - half, mean + half


def _autocorrelation(centred: Array, every: int = 1) -> float:
    """Return how alike rows are that follow each other, or of these pairs every so many."""
    steps = np.diff(centred)[every - 1 :: every]
    variance = float((centred**2).mean())
    return 1.0 - float((steps**2).mean()) / (2.0 * variance) if variance > 0.0 else 0.0


def _student_t(freedom: int) -> float:
    """Return the 97.5th percentile of Student's t, from 4 degrees of freedom on to .3 %.

    >>> round(_student_t(4), 2), round(_student_t(25), 3)
    (2.77, 2.06)
    """
    z, v = _Z, freedom
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / v + second / v**2 + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
