"""Online learners of river: one pass over the training rows, oldest first.

No model learns a coefficient from a validation row. Only the state from which a forecast starts, such as
the newest values or the level, changes during validation. It follows the series up to `horizon` hours
before the forecast row, with the coefficients of the training.
"""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from river import base, forest, linear_model, neighbors, optim, preprocessing, time_series

from water_flow.features import NAMES, features
from water_flow.series import Known, Split


class Learned:
    """A learner that has seen the features of the training rows."""

    def __init__(self, learner: base.Regressor) -> None:
        self.learner = learner

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast rows; see `Forecaster`."""
        rows, level = features(known, slots)
        predictions = [self.learner.predict_one(dict(zip(NAMES, row, strict=True))) for row in rows.tolist()]
        return level + np.array(predictions)


def _on_features(make: Callable[[int], base.Regressor]) -> Callable[[Split], Learned]:
    """Return a function that learns from the training rows' features."""

    def fit(split: Split) -> Learned:
        learner = make(split.seed)
        rows, level = features(split, split.fit)
        for row, target in zip(rows.tolist(), (split.inputs[split.fit] - level).tolist(), strict=True):
            learner.learn_one(dict(zip(NAMES, row, strict=True)), target)
        return Learned(learner)

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


class Snarimax:
    """A seasonal ARIMA with a trained regressor."""

    def __init__(self, regressor: base.Regressor) -> None:
        self.regressor = regressor

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast rows; see `Forecaster`."""
        return _forecasts(_snarimax(known.period, Frozen(self.regressor)), known, slots)


def snarimax(split: Split) -> Snarimax:
    """Seasonal ARIMA learned by gradient descent on the Huber loss."""
    linear = linear_model.LinearRegression(optimizer=optim.SGD(0.03), loss=optim.losses.Huber())
    model = _snarimax(split.period, preprocessing.StandardScaler() | linear)
    _learn(model, split.inputs[: split.start])
    return Snarimax(model.regressor)


def _snarimax(period: int, regressor: base.Regressor) -> time_series.SNARIMAX:
    return time_series.SNARIMAX(p=3, d=0, q=1, m=period, sp=1, sd=1, sq=1, regressor=regressor)


class HoltWinters:
    """Multiplicative Holt-Winters with the chosen smoothing."""

    def __init__(self, smoothing: tuple[float, float, float]) -> None:
        self.smoothing = smoothing

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast rows; see `Forecaster`."""
        model = time_series.HoltWinters(*self.smoothing, seasonality=known.period, multiplicative=True)
        return _forecasts(model, known, slots)


def holt_winters(split: Split) -> HoltWinters:
    """Multiplicative Holt-Winters with the smoothing of the lowest error on the training rows."""

    def training_error(smoothing: tuple[float, float, float]) -> float:
        errors = HoltWinters(smoothing).forecast(split, split.fit) - split.inputs[split.fit]
        return float(np.mean(np.abs(errors)))

    return HoltWinters(min(itertools.product((0.1, 0.2, 0.4), (0.003, 0.01), (0.1, 0.3)), key=training_error))


def _learn(model: time_series.base.Forecaster, values: NDArray[np.float64]) -> None:
    for value in values.tolist():
        model.learn_one(value)


def _forecasts(
    model: time_series.base.Forecaster, known: Known, slots: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Forecast each row from `horizon` steps before it, while `model` follows the series from its start."""
    forecasts, seen = [], 0
    for origin in (slots - known.horizon).tolist():
        _learn(model, known.inputs[seen : origin + 1])
        seen = origin + 1
        forecasts.append(model.forecast(known.horizon)[-1])
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
