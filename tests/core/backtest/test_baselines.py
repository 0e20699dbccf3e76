"""The baselines: against published implementations, and against what their papers promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from support.examples import FEW

from elpa_core.backtest.baselines import (
    BernsteinAggregation,
    ExponentialAverage,
    PolynomialPotential,
    SecondOrderAggregation,
    greedy_selection,
    nonnegative_least_squares,
    run_online,
)
from elpa_core.backtest.rolling_power import RollingPower, run_rolling_power


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


def test_exponential_average_equals_river() -> None:
    from river import base, ensemble, optim

    class Given(base.Regressor):
        """A model whose forecast stands in its input."""

        def __init__(self, column: int) -> None:
            self.column = column

        def learn_one(self, x: dict[int, float], y: float) -> None:
            pass

        def predict_one(self, x: dict[int, float]) -> float:
            return x[self.column]

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


def test_boa_of_opera_1_2_2_equals_it() -> None:
    """What R/BOA.R of opera 1.2.2 (github.com/Dralliag/opera, 01cb9fc) serves under R 4.2.2.

    Absolute loss, with gradient. In the second rows no model has a regret at first, then one has none.
    """
    actuals = np.array([10.0, 12, 9, 14, 11, 13])
    forecasts = np.array([[9.0, 13, 10], [12, 15, 10], [8, 9, 12], [15, 12, 11], [11, 14, 9], [12, 13, 16]])
    theirs = [10.666666666666666, 10.794292813419759, 9.5613477525313826, 14.038899493684522,
              11.355071593526066, 12.988955740273864]  # fmt: skip
    assert run_online(SecondOrderAggregation(3), actuals, forecasts, range(6)) == pytest.approx(theirs, 1e-12)
    forecasts = np.array([[10.0, 8, 12]] * 3 + [[10, 9, 12], [11, 9, 12], [11, 9, 14]])
    theirs = [10, 10, 10.783647679101005, 10.21330392639471, 11.035541126838941, 11.251825732866306]
    assert run_online(SecondOrderAggregation(3), actuals, forecasts, range(6)) == pytest.approx(theirs, 1e-12)


@pytest.mark.parametrize("horizon", [1, 6])
def test_boa_of_opera_is_its_formula(horizon: int) -> None:
    rng = np.random.default_rng(9)
    actuals, forecasts = rng.normal(size=60), rng.normal(size=(60, 4))
    blocks = range(0, 60, horizon)
    served = run_online(SecondOrderAggregation(4), actuals, forecasts, blocks)
    for first in blocks[1:]:
        weights = []
        for j in range(4):
            square = total = 0.0
            for i in range(first):
                regret = (served[i] - forecasts[i, j]) * (1 if served[i] > actuals[i] else -1)
                square += 2.2 * regret**2
                total += regret - regret**2 / square**0.5
            weights.append(math.exp(total / square**0.5) / square**0.5)
        expected = sum(w * f for w, f in zip(weights, forecasts[first], strict=True)) / sum(weights)
        assert served[first] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("horizon", [1, 6])
def test_rolling_power_is_its_formula_with_the_best_of_its_settings(horizon: int) -> None:
    rng = np.random.default_rng(10)
    actuals = rng.normal(size=72)
    forecasts = actuals[:, None] + rng.normal(size=(72, 3)) * [0.5, 1, 2]
    blocks = range(0, 72, horizon)
    served = run_rolling_power(actuals, forecasts, blocks, 48, horizon)

    def by_hand(power: float, half_life: float) -> list[float]:
        answers = []
        for row in range(72):
            first = row - row % horizon
            weights = []
            for j in range(3):
                ages = [0.5 ** ((first - i) / half_life) for i in range(first)]
                errors = [abs(actuals[i] - forecasts[i, j]) for i in range(first)]
                mean = sum(a * e for a, e in zip(ages, errors, strict=True)) / sum(ages) if first else 1.0
                weights.append(mean**-power)
            answers.append(sum(w * f for w, f in zip(weights, forecasts[row], strict=True)) / sum(weights))
        return answers

    settings = [(k, life) for life in (1, 4, 16, math.inf) for k in (1, 2, 4, 8, 16)]
    ways = [by_hand(k, max(8, 2 * horizon) * life) for k, life in settings]
    errors = [sum(abs(actuals[i] - way[i]) for i in range(48)) for way in ways]
    assert served == pytest.approx(ways[errors.index(min(errors))], rel=1e-9)


def test_rolling_power_does_not_choose_by_what_comes_after_the_validation_rows() -> None:
    rng = np.random.default_rng(11)
    actuals, forecasts = rng.normal(size=60), rng.normal(size=(60, 3))
    changed = actuals.copy()
    changed[40:] += rng.normal(size=20) * 9
    one, two = (run_rolling_power(y, forecasts, range(60), 40, 1) for y in (actuals, changed))
    assert (one[:41] == two[:41]).all()
    assert (one[41:] != two[41:]).any()


@pytest.mark.parametrize("errors", [[0.0, 0.0], [0.0, 1.0], [1e-200, 1e200]])
def test_rolling_power_of_perfect_and_of_wild_models(errors: list[float]) -> None:
    rolling = RollingPower(2, power=16.0, half_life=8.0)
    rolling.learn(0.0, np.array(errors), 0.0)
    assert rolling.weights().tolist() == ([0.5, 0.5] if errors[0] == errors[1] else [1.0, 0.0])


ONLINE = [ExponentialAverage, PolynomialPotential, BernsteinAggregation, SecondOrderAggregation]


@pytest.mark.parametrize("kind", ONLINE)
def test_regret_to_the_best_model_is_small(kind: type) -> None:
    rng = np.random.default_rng(6)
    actuals = rng.normal(size=3000)
    forecasts = actuals[:, None] + rng.normal(size=(3000, 6)) * [0.2, 0.6, 1, 2, 3, 4]
    served = run_online(kind(6), actuals, forecasts, range(3000))
    best = np.abs(forecasts[:, 0] - actuals).mean()
    assert np.abs(served - actuals).mean() < best + 0.05
    assert kind(6).weights() == pytest.approx(np.full(6, 1 / 6))


@pytest.mark.parametrize("kind", ONLINE)
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
