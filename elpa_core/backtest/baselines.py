"""Baselines: other ways of combining forecasts, implemented from their papers.

Online learners get the actuals of a block after the whole block, like the router.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from elpa_core.backtest.limits import block_rows
from elpa_core.schema.limits import BOUND
from elpa_core.scores.ewma import EwmaScore
from elpa_core.scores.weights import MIN_SCORE

Array = NDArray[np.float64]
_TINY = 1e-300
_SMALL = 2.0**-20  # the initial value of BOA in opera
_LARGE = 0.5  # of rate times regret; above it, the bound of the paper needs the range


def contract_scores(errors: Array, beta: float) -> list[float]:
    """Return the contract's score of each column of absolute errors; NaN for a missing one.

    >>> contract_scores(np.array([[1.0, 2.0], [1.0, np.nan]]), beta=0.7)
    [1.0, 2.0]
    """
    scores = []
    for column in errors.T:
        score = EwmaScore(beta)
        score.update(np.minimum(column[np.isfinite(column)], BOUND))
        scores.append(score.value if score.count else BOUND)
    return scores


def pooled_elpa(scores: Sequence[float]) -> Array:
    """Weight all models of both groups by the inverse of the contract's score.

    >>> pooled_elpa([1.0, 3.0]).tolist()
    [0.75, 0.25]
    """
    inverse = 1.0 / np.maximum(np.asarray(scores, np.float64), MIN_SCORE)
    return np.asarray(inverse / inverse.sum(), np.float64)


def greedy_selection(actuals: Array, forecasts: Array, rounds: int = 100) -> Array:
    """Ensemble selection with replacement: repeatedly add the model that lowers the error most.

    Parameters
    ----------
    actuals : ndarray, shape (rows,)
    forecasts : ndarray, shape (rows, models)
    rounds : int
        Number of models to add; the result is the best prefix.

    Returns
    -------
    ndarray, shape (models,)
        Weights, sum 1.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew, Ksikes: Ensemble selection from libraries of models, ICML 2004.

    Examples
    --------
    >>> greedy_selection(np.array([1.0, 2.0]), np.array([[0.0, 2.0], [1.0, 3.0]])).tolist()
    [0.5, 0.5]
    """
    total = np.zeros(len(actuals))
    counts = np.zeros(forecasts.shape[1])
    best_error, best_counts = np.inf, counts
    for size in range(1, rounds + 1):
        errors = np.abs((total[:, np.newaxis] + forecasts) / size - actuals[:, np.newaxis]).mean(axis=0)
        chosen = int(np.argmin(errors))
        total = total + forecasts[:, chosen]
        counts = counts.copy()
        counts[chosen] += 1
        if errors[chosen] < best_error:
            best_error, best_counts = errors[chosen], counts
    return np.asarray(best_counts / best_counts.sum(), np.float64)


def nonnegative_least_squares(actuals: Array, forecasts: Array) -> Array:
    """Least squares with non-negative weights, not normalised to sum 1.

    References
    ----------
    Lawson, Hanson: Solving least squares problems, 1974, chapter 23 (active set method).

    Examples
    --------
    >>> design = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> nonnegative_least_squares(np.array([2.0, -1.0]), design).tolist()
    [2.0, 0.0]
    """
    models = forecasts.shape[1]
    weights = np.zeros(models)
    active = np.zeros(models, np.bool_)
    slack = 1e-12 * max(float(np.abs(forecasts.T @ actuals).max()), _TINY)
    for _ in range(30 * models):
        gradient = forecasts.T @ (actuals - forecasts @ weights)
        gradient[active] = -np.inf
        entering = int(np.argmax(gradient))
        if active.all() or gradient[entering] <= slack:
            break
        active[entering] = True
        while True:
            trial = np.zeros(models)
            trial[active] = np.linalg.lstsq(forecasts[:, active], actuals, rcond=None)[0]
            if not active.any() or trial[active].min() > 0.0:
                break
            falling = active & (trial <= 0.0)
            step = (weights[falling] / (weights[falling] - trial[falling])).min()
            weights = weights + step * (trial - weights)
            active &= weights > _TINY
            weights[~active] = 0.0
        weights = trial
    return weights


class ExponentialAverage:
    """Exponentially weighted average forecaster with absolute loss.

    ``w_j ~ exp(-rate * cumulative loss of j)``; the default rate is ``sqrt(8 ln(models) / rows) /
    largest loss so far``.

    References
    ----------
    Cesa-Bianchi, Lugosi: Prediction, learning, and games, 2006, sections 2.2 and 2.3.
    """

    def __init__(self, models: int, rate: float | None = None) -> None:
        self.losses = np.zeros(models)
        self.rows, self.largest, self.rate = 0, _TINY, rate

    def weights(self) -> Array:
        """Return the weights for the next block."""
        rate = self.rate
        if rate is None:
            rate = float(np.sqrt(8.0 * np.log(len(self.losses)) / max(self.rows, 1))) / self.largest
        return _normalised(np.exp(-rate * (self.losses - self.losses.min())))

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""
        del served
        losses = np.abs(forecasts - actual)
        self.losses += losses
        self.largest = max(self.largest, float(losses.max()))
        self.rows += 1


class PolynomialPotential:
    """ML-Poly with absolute loss and the gradient trick.

    ``w_j ~ rate_j * max(R_j, 0)`` with the cumulative regret ``R_j`` and
    ``rate_j = 1 / (largest squared regret + sum of squared regrets of j)``.

    References
    ----------
    Gaillard, Stoltz, van Erven: A second-order bound with excess losses, COLT 2014 (ML-Poly), as in
    the R package opera.
    """

    def __init__(self, models: int) -> None:
        self.regrets = np.zeros(models)
        self.squares = np.zeros(models)
        self.largest = 0.0

    def weights(self) -> Array:
        """Return the weights for the next block."""
        if self.regrets.max() <= 0.0:
            return np.full(len(self.regrets), 1.0 / len(self.regrets))
        return _normalised(np.maximum(self.regrets, 0.0) / np.maximum(self.largest + self.squares, _TINY))

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""
        regrets = np.sign(served - actual) * (served - forecasts)
        self.regrets += regrets
        self.squares += regrets**2
        self.largest = max(self.largest, float((regrets**2).max()))


class BernsteinAggregation:
    """Bernstein online aggregation with absolute loss and the gradient trick.

    ``w_j ~ rate_j * exp(rate_j * S_j)``, ``S_j`` the sum of the regrets less ``rate_j`` times their
    squares, with adaptive rates and ranges, as in the paper.

    References
    ----------
    Wintenberger: Optimal learning with Bernstein online aggregation, Machine Learning 106, 2017, as
    in version 1.2.0 of the R package opera.
    """

    def __init__(self, models: int) -> None:
        self.sums = np.zeros(models)
        self.squares, self.ranges, self.rates = np.full((3, models), _SMALL)

    def weights(self) -> Array:
        """Return the weights for the next block."""
        exponents = np.log(self.rates) + self.rates * self.sums
        return _normalised(np.exp(exponents - exponents.max()))

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""
        regrets = np.sign(served - actual) * (served - forecasts)
        self.squares += regrets**2
        self.ranges = np.maximum(self.ranges, np.abs(regrets))
        doubled = 2.0 ** np.ceil(np.log2(self.ranges))
        self.rates = np.minimum(1.0 / doubled, np.sqrt(np.log(len(self.sums)) / self.squares))
        large = self.rates * regrets > _LARGE
        self.sums += 0.5 * (regrets - self.rates * regrets**2 + doubled * large)


class SecondOrderAggregation:
    """Bernstein online aggregation as the R package opera 1.2.2 has it: without ranges.

    ``w_j ~ exp(S_j / sqrt(V_j)) / sqrt(V_j)``; ``V_j`` is 2.2 times the sum of squared regrets of j,
    ``S_j`` the sum of the regrets less their squares over ``sqrt(V_j)``. Models without a regret so far
    have their share of equal weights. Absolute loss, gradient trick.

    References
    ----------
    Gaillard, Goude: opera 1.2.2, R/BOA.R, github.com/Dralliag/opera, 01cb9fc; the idea of Wintenberger
    as above.

    Examples
    --------
    >>> boa = SecondOrderAggregation(models=3)
    >>> boa.learn(2.0, np.array([1.0, 2.0, 4.0]), actual=0.0)
    >>> boa.weights().round(3).tolist()
    [0.59, 0.333, 0.077]
    """

    def __init__(self, models: int) -> None:
        self.sums, self.squares = np.zeros((2, models))

    def weights(self) -> Array:
        """Return the weights for the next block."""
        known = self.squares > 0.0
        weights = np.ones(len(known))
        if known.any():
            rates = 1.0 / np.sqrt(self.squares[known])
            exponents = np.log(rates) + rates * self.sums[known]
            weights[known] = known.sum() * _normalised(np.exp(exponents - exponents.max()))
        return _normalised(weights)

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""
        regrets = np.sign(served - actual) * (served - forecasts)
        self.squares += 2.2 * regrets**2
        known = self.squares > 0.0
        self.sums[known] += regrets[known] - regrets[known] ** 2 / np.sqrt(self.squares[known])


class Learner(Protocol):
    """A way of combining that learns online."""

    def weights(self) -> Array:
        """Return the weights for the next block."""

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""


def run_online(learner: Learner, actuals: Array, forecasts: Array, blocks: Sequence[int]) -> Array:
    """Return the forecasts of an online learner, shape (rows,), with feedback after each block.

    >>> rows = np.array([[0.0, 2.0]] * 3)
    >>> run_online(PolynomialPotential(2), np.zeros(3), rows, [0, 1, 2]).tolist()
    [1.0, 0.0, 0.0]
    """
    served = np.empty(len(actuals))
    for first, end in block_rows(blocks, len(actuals)):
        served[first:end] = forecasts[first:end] @ learner.weights()
        for row in range(first, end):
            learner.learn(float(served[row]), forecasts[row], float(actuals[row]))
    return served


def _normalised(weights: Array) -> Array:
    return np.asarray(weights / weights.sum(), np.float64)
