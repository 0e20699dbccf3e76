"""An interval of the mean of differences that depend on each other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
INTERVAL = (
    "95 %, paired: equal-weighted cosine transform of the differences of absolute errors, as many cosines as"
    " the cube root of the rows, Student's t"
)
"""What `mean_interval` computes, for the policy."""
MIN_ROWS, MIN_BLOCKS = 64, 8
"""Fewest rows, and fewest blocks, of which there is an interval: with fewer the coverage is below .92."""
MOST_ALIKE = 0.7
"""Largest autocorrelation of neighbouring blocks of which there is an interval."""
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
    2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060,
)  # fmt: skip
"""97.5th percentile of Student's t by degrees of freedom, from 1."""


def mean_interval(differences: Array, block: int = 1) -> tuple[float, float] | str:
    """Return the 95 % interval of the mean of a time series, or the reason why there is none.

    The variance of the mean comes from the slow movements of the series alone: its products with the
    first ``B`` cosines, ``B`` the cube root of the rows. The factor is that of Student's t with ``B``
    degrees of freedom.

    Parameters
    ----------
    differences : ndarray, shape (rows,)
        In time order.
    block : int
        Rows that were forecast together. Their differences may depend on each other in any way; those of
        different blocks must not depend much.

    References
    ----------
    Lazarus, Lewis, Stock, Watson: HAR inference: recommendations for practice, Journal of Business and
    Economic Statistics 36, 2018 (equal-weighted cosine transform). Fewer cosines than there, for
    differences that depend on each other more; `tests/bench/interval_coverage.py` shows what that covers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> low, high = mean_interval(1.0 + rng.normal(size=300))
    >>> round(low, 2), round(high, 2)
    (0.82, 1.11)
    >>> mean_interval(np.ones(63))
    '63 rows to compare on, fewer than 64'
    """
    rows = len(differences)
    if rows < MIN_ROWS:
        return f"{rows} rows to compare on, fewer than {MIN_ROWS}"
    if rows < MIN_BLOCKS * block:
        return f"{rows // block} blocks to compare on, fewer than {MIN_BLOCKS}"
    if (alike := _autocorrelation(differences, block)) > MOST_ALIKE:
        neighbours = "rows" if block == 1 else "blocks"
        return f"the differences of neighbouring {neighbours} are too alike (autocorrelation {alike:.2f})"
    count = min(int(math.cbrt(rows) + 1e-9), len(_T))
    steps = np.pi * (np.arange(rows) + 0.5) / rows
    mean = float(differences.mean())
    products = np.cos(np.outer(np.arange(1, count + 1), steps)) @ (differences - mean) / rows
    half = _T[count - 1] * math.sqrt(2.0 * float((products**2).mean()))
    return mean - half, mean + half


def _autocorrelation(differences: Array, block: int) -> float:
    means = differences[: len(differences) // block * block].reshape(-1, block).mean(axis=1)
    means = means - means.mean()
    total = float((means**2).sum())
    return float((means[1:] * means[:-1]).sum()) / total if total > 0.0 else 0.0
