"""EWMA score of a model's validation errors (section 4 of the contract), bit for bit reproducible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elpa_core.scores.weights import MIN_SCORE

_SHORT = 500
"""Series of so many errors are scored together, longer ones by their ends."""


class SumOverflowError(OverflowError):
    """The sum of the absolute errors is larger than the largest double.

    Parameters
    ----------
    index : int
        Position, in the last array, of the error at which the sum overflows.
    """

    def __init__(self, index: int) -> None:
        super().__init__(f"the sum of the absolute errors overflows at index {index}")
        self.index = index


class EwmaScore:
    """Exponentially weighted mean of absolute errors that arrive in blocks, oldest first.

    ``s_0 = |e_0|``, ``s_t = beta * s_(t-1) + (1 - beta) * |e_t|`` in IEEE doubles, in this
    order, ``1 - beta`` rounded once. The score does not depend on the division into blocks.

    Parameters
    ----------
    beta : float
        Weight of the past, in [0, 1).

    Raises
    ------
    ValueError
        If ``beta`` is out of range.

    Examples
    --------
    >>> score = EwmaScore(beta=0.5)
    >>> score.update(np.array([4.0, -2.0]))
    >>> score.update(np.array([1.0]))
    >>> score.value, score.count, score.mean_abs_error
    (2.0, 3, 2.3333333333333335)
    """

    def __init__(self, beta: float) -> None:
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"beta is {beta!r}, not a number from 0 up to, not including, 1")
        self.beta = float(beta)
        self.count = 0
        self._state = 0.0
        self._total = 0.0

    def update(self, errors: NDArray[np.float64]) -> None:
        """Add the next errors of the series; an exception leaves the score unchanged.

        Parameters
        ----------
        errors : ndarray of float64, shape (n,)
            Finite errors of either sign, in the unit of the forecast; n may be 0.

        Raises
        ------
        ValueError
            If an error is NaN or infinite.
        SumOverflowError
            If the sum of all absolute errors so far, added from left to right, overflows.
        """
        if errors.size == 0:
            return
        magnitudes = np.abs(errors)
        totals = magnitudes.copy()
        with np.errstate(over="ignore"):
            totals[0] += self._total
            np.cumsum(totals, out=totals)
        if not math.isfinite(totals[-1]):
            index = int(np.argmin(np.isfinite(totals)))
            if not math.isfinite(magnitudes[index]):
                raise ValueError(
                    f"the error at index {index} is {float(errors[index])!r}, not a finite number"
                )
            raise SumOverflowError(index)
        if self.count:
            self._state = _advance(self._state, magnitudes, self.beta)
        else:
            self._state = _advance(float(magnitudes[0]), magnitudes[1:], self.beta)
        self._total = float(totals[-1])
        self.count += errors.size

    @property
    def value(self) -> float:
        """The score, ``max(s_n, 1e-9)``; raises ``ValueError`` if there is no error yet."""
        self._require_errors()
        return score_floor(self._state)

    @property
    def mean_abs_error(self) -> float:
        """Mean of the absolute errors, summed from left to right; raises ``ValueError`` if there is none."""
        self._require_errors()
        return self._total / self.count

    def _require_errors(self) -> None:
        if not self.count:
            raise ValueError("a score needs at least one error")


def ewma_score(errors: Sequence[float] | NDArray[np.float64], beta: float) -> float:
    """Return the EWMA score of a whole series of errors.

    Parameters
    ----------
    errors : sequence of float, shape (n,)
        Finite errors of either sign, oldest first, n >= 1.
    beta : float
        Weight of the past, in [0, 1).

    Raises
    ------
    ValueError
        If there is no error, if an error is not finite, or if ``beta`` is out of range.
    SumOverflowError
        If the sum of the absolute errors overflows; ``index`` is the position of that error.

    Examples
    --------
    >>> ewma_score([4.0, -2.0, 1.0], beta=0.5)
    2.0
    >>> ewma_score([0.0, 0.0], beta=0.7)
    1e-09
    """
    score = EwmaScore(beta)
    score.update(np.asarray(errors, dtype=np.float64))
    return score.value


def ewma_scores(errors: NDArray[np.float64], lengths: NDArray[np.int64], beta: float) -> list[float]:
    """Return the EWMA score of each of several series; see `ewma_score`.

    Parameters
    ----------
    errors : ndarray of float64, shape (n,)
        Those of the first series, then those of the second one, and so on.
    lengths : ndarray of int64, shape (series,)
        How many each has, at least one; n together.
    beta : float
        Weight of the past, in [0, 1).

    Examples
    --------
    >>> ewma_scores(np.array([4.0, -2.0, 1.0, 7.0]), np.array([3, 1]), beta=0.5)
    [2.0, 7.0]
    """
    starts = np.cumsum(lengths) - lengths
    scores = np.empty(len(lengths))
    for index in np.flatnonzero(lengths > _SHORT):
        scores[index] = ewma_score(errors[starts[index] : starts[index] + lengths[index]], beta)
    short = np.flatnonzero(lengths <= _SHORT)
    short = short[np.argsort(-lengths[short], kind="stable")]
    # All short series go on together, the longest first: those that have ended are behind.
    states = np.abs(errors[starts[short]])
    for step in range(1, int(lengths[short].max(initial=0))):
        going = short[: np.count_nonzero(lengths[short] > step)]
        states[: len(going)] *= beta
        states[: len(going)] += (1.0 - beta) * np.abs(errors[starts[going] + step])
    scores[short] = states
    return [score_floor(score) for score in scores.tolist()]


def score_floor(score: float) -> float:
    """Return ``score``, or ``MIN_SCORE`` if it is lower, so that its inverse is finite.

    >>> score_floor(0.25), score_floor(0.0)
    (0.25, 1e-09)
    """
    return max(score, MIN_SCORE)


def score_of_end(errors: NDArray[np.float64], bound: float, beta: float) -> float | None:
    """Return the score of a long series from its last errors, or None if these do not decide it.

    Parameters
    ----------
    errors : ndarray of float64, shape (n,)
        The last finite errors of either sign, oldest first.
    bound : float
        No absolute error of the whole series is larger.
    beta : float
        Weight of the past, in [0, 1).

    Examples
    --------
    >>> end = [number**2 % 101 / 8 for number in range(1000)]
    >>> score_of_end(np.array(end), 1e9, beta=0.7) == ewma_score([1e9, *end], beta=0.7)
    True
    >>> score_of_end(np.array([1.0, 2.0]), 1e9, beta=0.7)
    """
    magnitudes = np.abs(errors)
    ends = _enclosed((1.0 - beta) * magnitudes, 2.0 * bound, bound, beta)
    return None if ends is None else score_floor(ends)


def _enclosed(increments: NDArray[np.float64], upper: float, peak: float, beta: float) -> float | None:
    """Return the state after all increments if their end decides it; read only as many as needed.

    A step ``f(s, a) = fl(fl(beta * s) + fl((1 - beta) * a))`` is monotone in s and a, because
    rounding, addition and multiplication by a number >= 0 are monotone. If the state is at most ``upper``
    at first and ``f(upper, peak) <= upper``, every state of the series lies in [0, upper]. So steps that
    start from 0 and from ``upper``, at any position, enclose the true state. As soon as both reach the
    same double, this double is the true state, independent of earlier errors.
    """
    gain = 1.0 - beta
    if not beta * upper + gain * peak <= upper:
        return None
    window = math.ceil(40.0 / gain)  # beta ** window < 2 ** -53
    while window <= increments.size:
        low, high = 0.0, upper
        for increment in increments[-window:].tolist():
            low = beta * low + increment
            high = beta * high + increment
        if low == high:
            return low
        window *= 2
    return None


def _advance(state: float, magnitudes: NDArray[np.float64], beta: float) -> float:
    """Return the state after all ``magnitudes``; read only as many of the last ones as needed."""
    increments = (1.0 - beta) * magnitudes
    peak = float(magnitudes.max(initial=0.0))
    ends = _enclosed(increments[increments.size // 2 :], 2.0 * max(state, peak), peak, beta)
    if ends is not None:
        return ends
    for increment in increments.tolist():
        state = beta * state + increment
    return state
