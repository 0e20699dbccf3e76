"""State space models of statsmodels, fitted by maximum likelihood to the hours before validation.

The Kalman filter then updates the state during the validation hours, with the fitted parameters. A
forecast uses only the state of `horizon` hours before its row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.statespace.structural import UnobservedComponents

from water_flow.series import Split


def structural(split: Split) -> tuple[NDArray[np.float64], object]:
    """Local level and a daily cycle of up to four harmonics."""
    cycle = {"period": split.period, "harmonics": min(4, split.period // 2)}
    return _forecasts(
        UnobservedComponents(split.inputs[: split.start], level="llevel", freq_seasonal=[cycle]), split
    )


def sarima(split: Split) -> tuple[NDArray[np.float64], object]:
    """SARIMA (1, 0, 1) (0, 1, 1) of one period."""
    model = SARIMAX(split.inputs[: split.start], order=(1, 0, 1), seasonal_order=(0, 1, 1, split.period))
    return _forecasts(model, split)


def _forecasts(model: Any, split: Split) -> tuple[NDArray[np.float64], object]:
    params = model.fit(disp=False, cov_type="none", low_memory=True).params
    filtered = model.clone(split.inputs).filter(params, cov_type="none")
    design, transition = filtered.model.ssm["design"], filtered.model.ssm["transition"]
    ahead = design @ np.linalg.matrix_power(transition, split.horizon)
    return (ahead @ filtered.filtered_state[:, split.validation - split.horizon])[0], params
