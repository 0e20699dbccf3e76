"""The baselines: against published implementations, and against what their papers promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import base, ensemble, optim
from scipy.optimize import nnls
from support.examples import FEW

from elpa_core.backtest.baselines import (
    BernsteinAggregation,
    ExponentialAverage,
    PolynomialPotential,
    greedy_selection,
    nonnegative_least_squares,
    run_online,
)


@FEW
@given(seed=st.integers(0, 2**32), rows=st.integers(3, 40), models=st.integers(1, 8))
def test_least_squares_equal_scipy(seed: int, rows: int, models: int) -> None:
    rng = np.random.default_rng(seed)
    design, target = rng.normal(size=(rows, models)), rng.normal(size=rows)
    ours = nonnegative_least_squares(target, design)
    theirs, norm = nnls(design, target)
    assert (ours >= 0).all()
    assert np.linalg.norm(design @ ours - target) == pytest.approx(norm, rel=1e-7, abs=1e-9)
    if rows >= models:
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-8)


class Given(base.Regressor):
    """A model of river whose forecast stands in its input."""

    def __init__(self, column: int) -> None:
        self.column = column

    def learn_one(self, x: dict[int, float], y: float) -> None:
        pass

    def predict_one(self, x: dict[int, float]) -> float:
        return x[self.column]


def test_exponential_average_equals_river() -> None:
    rng = np.random.default_rng(4)
    rate, models = 0.3, 5
    theirs = ensemble.EWARegressor([Given(j) for j in range(models)], optim.losses.Absolute(), rate)
    ours = ExponentialAverage(models, rate)
    for _ in range(80):
        forecasts, actual = rng.normal(size=models), float(rng.normal())
        row = dict(enumerate(forecasts.tolist()))
        theirs.learn_one(row, actual)
        ours.learn(0.0, forecasts, actual)
        assert ours.weights() == pytest.approx(theirs.weights, rel=1e-9)
        assert forecasts @ ours.weights() == pytest.approx(theirs.predict_one(row), rel=1e-9)


def test_boa_and_ml_poly_equal_opera() -> None:
    """What opera, Python version 0.0.1 (github.com/Dralliag/opera-python, f79ba56), serves for these rows.

    Absolute loss, with gradient. Its ML-Poly starts from squares of 2 ** 20, so it was given the rows times
    1e9. On 400 random rows of 14 models the largest difference was 1e-15 of the mean actual for BOA, and
    5e-14 for ML-Poly.
    """
    actuals = np.array([10.0, 12, 9, 14, 11, 13])
    forecasts = np.array([[9.0, 13, 10], [12, 15, 10], [8, 9, 12], [15, 12, 11], [11, 14, 9], [12, 13, 16]])
    boa = [10.666666666666666, 10.886016186077416, 9.265001448395386, 14.569962305484054,
           11.082670042117273, 12.456129328065067]  # fmt: skip
    ml_poly = [10.666666666666666, 11.283292978208255, 8.230889553483332, 12.914882571565105,
               11.128086944305991, 13.215605821590463]  # fmt: skip
    for learner, theirs in ((BernsteinAggregation(3), boa), (PolynomialPotential(3), ml_poly)):
        assert run_online(learner, actuals, forecasts, range(6)) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("kind", [ExponentialAverage, PolynomialPotential, BernsteinAggregation])
def test_regret_to_the_best_model_is_small(kind: type) -> None:
    rng = np.random.default_rng(6)
    actuals = rng.normal(size=3000)
    forecasts = actuals[:, None] + rng.normal(size=(3000, 6)) * [0.2, 0.6, 1, 2, 3, 4]
    served = run_online(kind(6), actuals, forecasts, range(3000))
    best = np.abs(forecasts[:, 0] - actuals).mean()
    assert np.abs(served - actuals).mean() < best + 0.05
    assert kind(6).weights() == pytest.approx(np.full(6, 1 / 6))


@pytest.mark.parametrize("kind", [ExponentialAverage, PolynomialPotential, BernsteinAggregation])
def test_feedback_comes_after_the_block(kind: type) -> None:
    rng = np.random.default_rng(7)
    actuals, forecasts = rng.normal(size=40), rng.normal(size=(40, 3))
    changed = actuals.copy()
    changed[24:] += 9
    blocks = range(0, 40, 8)
    one, two = (run_online(kind(3), y, forecasts, blocks) for y in (actuals, changed))
    assert (one[:32] == two[:32]).all()
    assert (one[32:] != two[32:]).any()


def test_greedy_selection_is_no_worse_than_the_best_model() -> None:
    rng = np.random.default_rng(8)
    actuals = rng.normal(size=60)
    forecasts = actuals[:, None] + rng.normal(size=(60, 5))
    weights = greedy_selection(actuals, forecasts)
    assert weights.sum() == pytest.approx(1)
    ensemble_error = np.abs(forecasts @ weights - actuals).mean()
    assert ensemble_error <= np.abs(forecasts - actuals[:, None]).mean(axis=0).min() + 1e-12
