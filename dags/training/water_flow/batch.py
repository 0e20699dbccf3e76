"""Learners of scikit-learn, fitted to the features of all training rows at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import HuberRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from water_flow.features import features
from water_flow.series import Known, Split


class Fitted:
    """A fitted learner."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast rows; see `Forecaster`."""
        rows, level = features(known, slots)
        forecasts: NDArray[np.float64] = level + self.learner.predict(rows)
        return forecasts


def _on_features(make: Callable[[int], Any]) -> Callable[[Split], Fitted]:
    """Return a function that fits a learner to the training rows' features."""

    def fit(split: Split) -> Fitted:
        rows, level = features(split, split.fit)
        return Fitted(make(split.seed).fit(rows, split.inputs[split.fit] - level))

    return fit


@_on_features
def huber(_seed: int) -> Any:
    """Linear regression that is robust to outliers."""
    return make_pipeline(StandardScaler(), HuberRegressor(alpha=1, max_iter=500))


@_on_features
def gradient_boosting(seed: int) -> Any:
    """Histogram gradient boosting of the absolute error."""
    return HistGradientBoostingRegressor(
        loss="absolute_error", learning_rate=0.05, max_leaf_nodes=4, random_state=seed
    )


@_on_features
def extra_trees(seed: int) -> Any:
    """Two hundred extremely randomised trees."""
    return ExtraTreesRegressor(200, min_samples_leaf=5, max_features=0.5, random_state=seed)


@_on_features
def mlp(seed: int) -> Any:
    """Neural network with one hidden layer of 32 units."""
    network = MLPRegressor(
        hidden_layer_sizes=(32,),
        alpha=10,
        learning_rate_init=0.003,
        max_iter=1000,
        tol=1e-3,
        random_state=seed,
    )
    return make_pipeline(StandardScaler(), network)
