"""Rolling inverse errors to a power, with power and half-life chosen on the validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from elpa_core.backtest.baselines import run_online

Array = NDArray[np.float64]
POWERS = (1.0, 2.0, 4.0, 8.0, 16.0)
HALF_LIVES = (1.0, 4.0, 16.0, np.inf)
_TINY = 1e-300


class RollingPower:
    """Weights inverse to the exponentially weighted mean absolute error, to a power.

    ``w_j ~ (sum_i b^(t-i) |e_ij| / sum_i b^(t-i))^-power`` with ``b = 0.5 ** (1 / half_life)``; equal
    weights before the first row.

    Parameters
    ----------
    models : int
    power : float
    half_life : float
        In rows; infinite for the plain mean.

    References
    ----------
    Bates, Granger: The combination of forecasts, Operational Research Quarterly 20, 1969 (weights
    inverse to recent errors, methods i to iii); the power as in Diebold, Pauly: Structural change and
    the combination of forecasts, Journal of Forecasting 6, 1987.

    Examples
    --------
    >>> rolling = RollingPower(models=2, power=1.0, half_life=1.0)
    >>> rolling.learn(0.0, np.array([1.0, 4.0]), 0.0)
    >>> rolling.learn(0.0, np.array([1.0, 1.0]), 0.0)
    >>> rolling.weights().round(4).tolist()
    [0.6667, 0.3333]
    """

    def __init__(self, models: int, power: float, half_life: float) -> None:
        self.sums = np.zeros(models)
        self.power, self.keep = power, 0.5 ** (1.0 / half_life)

    def weights(self) -> Array:
        """Return the weights for the next block."""
        errors = np.maximum(self.sums, _TINY)
        weights = (errors.min() / errors) ** self.power
        return np.asarray(weights / weights.sum(), np.float64)

    def learn(self, served: float, forecasts: Array, actual: float) -> None:
        """Learn from one row."""
        del served
        self.sums = self.keep * self.sums + np.abs(forecasts - actual)


def run_rolling_power(
    actuals: Array, forecasts: Array, blocks: Sequence[int], validation_rows: int, horizon: int
) -> Array:
    """Return the forecasts of all rows, by the power and half-life with the lowest error on validation.

    Half-lives are ``max(8, 2 * horizon)`` rows, 4 and 16 times as many, and infinite; powers are 1, 2,
    4, 8 and 16. Of equal errors the first counts.

    Examples
    --------
    >>> rows = np.array([[0.0, 2.0]] * 4)
    >>> run_rolling_power(np.zeros(4), rows, range(4), validation_rows=2, horizon=1).round(4).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    models, n = forecasts.shape[1], validation_rows
    known = [first for first in blocks if first < n]
    settings = [(power, max(8, 2 * horizon) * life) for life, power in product(HALF_LIVES, POWERS)]

    def error(setting: tuple[float, float]) -> float:
        served = run_online(RollingPower(models, *setting), actuals[:n], forecasts[:n], known)
        return float(np.abs(actuals[:n] - served).mean())

    return run_online(RollingPower(models, *min(settings, key=error)), actuals, forecasts, blocks)
