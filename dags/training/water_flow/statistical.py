"""State space models of statsmodels, fitted by maximum likelihood to the hours before validation.

The Kalman filter then updates the state during the validation hours, with the fitted parameters. A
forecast uses only the state of `horizon` hours before its row.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from water_flow.series import Known, Split

Make = Callable[[NDArray[np.float64], int], Any]
"""Makes a model of a series and a period."""


class StateSpace:
    """A fitted model: its kind and its parameters."""

    def __init__(self, make: Make, params: NDArray[np.float64]) -> None:
        self.make, self.params = make, params

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast rows; see `Forecaster`."""
        filtered = self.make(known.inputs, known.period).filter(self.params, cov_type="none")
        design, transition = filtered.model.ssm["design"], filtered.model.ssm["transition"]
        ahead = design @ np.linalg.matrix_power(transition, known.horizon)
        forecasts: NDArray[np.float64] = (ahead @ filtered.filtered_state[:, slots - known.horizon])[0]
        return forecasts


def structural(split: Split) -> StateSpace:
    """Local level and a daily cycle of up to four harmonics."""
    return _fitted(_structural, split)


def sarima(split: Split) -> StateSpace:
    """SARIMA (1, 0, 1) (0, 1, 1) of one period."""
    return _fitted(_sarima, split)


def _structural(values: NDArray[np.float64], period: int) -> Any:
    cycle = {"period": period, "harmonics": min(4, period // 2)}
    return UnobservedComponents(values, level="llevel", freq_seasonal=[cycle])


def _sarima(values: NDArray[np.float64], period: int) -> Any:
    return SARIMAX(values, order=(1, 0, 1), seasonal_order=(0, 1, 1, period))


def _fitted(make: Make, split: Split) -> StateSpace:
    model = make(split.inputs[: split.start], split.period)
    return StateSpace(make, model.fit(disp=False, cov_type="none", low_memory=True).params)
