"""Online learners of river: one pass over the training rows, oldest first.

No model learns a coefficient from a validation row. Only the state from which a forecast starts, such as
the newest values or the level, changes during validation. It follows the series up to `horizon` hours
before the forecast row, with the coefficients of the training.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base, forest, linear_model, neighbors, optim, preprocessing, time_series

from water_flow.features import NAMES, features
from water_flow.series import Split

Fit = Callable[[Split], tuple[NDArray[np.float64], object]]


def _on_features(make: Callable[[int], base.Regressor]) -> Fit:
    """Return a function that learns from the training rows' features and predicts the validation rows."""

    def fit(split: Split) -> tuple[NDArray[np.float64], object]:
        model = make(split.seed)
        rows, level = features(split, split.fit)
        for row, target in zip(rows.tolist(), (split.inputs[split.fit] - level).tolist(), strict=True):
            model.learn_one(dict(zip(NAMES, row, strict=True)), target)
        rows, level = features(split, split.validation)
        predictions = [model.predict_one(dict(zip(NAMES, row, strict=True))) for row in rows.tolist()]
        return level + np.array(predictions), model

    return fit


@_on_features
def bayesian_linear(_seed: int) -> base.Regressor:
    """Bayesian linear regression with forgetting."""
    return preprocessing.StandardScaler() | linear_model.BayesianLinearRegression(smoothing=0.99)


@_on_features
def knn(_seed: int) -> base.Regressor:
    """Mean of the twenty most similar rows of the last thousand."""
    window = neighbors.LazySearch(window_size=1000)
    return preprocessing.StandardScaler() | neighbors.KNNRegressor(n_neighbors=20, engine=window)


@_on_features
def adaptive_random_forest(seed: int) -> base.Regressor:
    """Forest of Hoeffding trees that replaces a tree when its error drifts."""
    leaf = linear_model.PARegressor(C=0.01, mode=1, eps=0.1)
    return preprocessing.StandardScaler() | forest.ARFRegressor(
        n_models=10, grace_period=50, leaf_prediction="model", leaf_model=leaf, seed=seed
    )


def snarimax(split: Split) -> tuple[NDArray[np.float64], object]:
    """Seasonal ARIMA learned by gradient descent on the Huber loss."""
    order: dict[str, Any] = {"p": 3, "d": 0, "q": 1, "m": split.period, "sp": 1, "sd": 1, "sq": 1}
    linear = linear_model.LinearRegression(optimizer=optim.SGD(0.03), loss=optim.losses.Huber())
    model = time_series.SNARIMAX(**order, regressor=preprocessing.StandardScaler() | linear)
    _learn(model, split.inputs[: split.start])
    follower = time_series.SNARIMAX(**order, regressor=Frozen(model.regressor))
    return _forecasts(follower, split, split.validation), model


def holt_winters(split: Split) -> tuple[NDArray[np.float64], object]:
    """Multiplicative Holt-Winters with the smoothing of the lowest error on the training rows."""

    def make(smoothing: tuple[float, float, float]) -> time_series.HoltWinters:
        return time_series.HoltWinters(*smoothing, seasonality=split.period, multiplicative=True)

    def training_error(smoothing: tuple[float, float, float]) -> float:
        errors = _forecasts(make(smoothing), split, split.fit) - split.inputs[split.fit]
        return float(np.mean(np.abs(errors)))

    best = min(itertools.product((0.1, 0.2, 0.4), (0.003, 0.01), (0.1, 0.3)), key=training_error)
    model = make(best)
    _learn(model, split.inputs[: split.start])
    return _forecasts(make(best), split, split.validation), model


def _learn(model: time_series.base.Forecaster, values: NDArray[np.float64]) -> None:
    for value in values.tolist():
        model.learn_one(value)


def _forecasts(
    model: time_series.base.Forecaster, split: Split, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Forecast each row from `horizon` steps before it, while `model` follows the series from its start."""
    forecasts, known = [], 0
    for origin in (rows - split.horizon).tolist():
        _learn(model, split.inputs[known : origin + 1])
        known = origin + 1
        forecasts.append(model.forecast(split.horizon)[-1])
    return np.array(forecasts)


class Frozen(base.Regressor):
    """A trained regressor that predicts and does not learn."""

    def __init__(self, regressor: base.Regressor) -> None:
        self.regressor = regressor

    def learn_one(self, x: dict[str, float], y: float) -> None:
        """Do nothing."""

    def predict_one(self, x: dict[str, float]) -> float:
        """Predict with the trained regressor."""
        return self.regressor.predict_one(x)
