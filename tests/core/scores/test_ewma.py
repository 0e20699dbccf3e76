"""The EWMA score, bit-equal to its definition however it is computed. Runs in about 2 s."""

import math
import random
from fractions import Fraction
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.scores.ewma import EwmaScore, SumOverflowError, ewma_score, ewma_scores, score_floor

BETAS = [0.0, 5e-324, 1e-17, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999999, 1.0 - 2.0**-53]


def definition(errors, beta):
    state = None
    share = 1.0 - beta
    for error in errors:
        state = abs(error) if state is None else beta * state + share * abs(error)
    return max(state, 1e-9)


def bits(number):
    return float(number).hex()


def series(kind, size, seed):
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.standard_normal(size),
        "heavy": lambda: rng.standard_cauchy(size) * 10.0 ** rng.integers(-8, 8, size),
        "wild": lambda: 10.0 ** rng.uniform(-320, 300, size),
        "denormal": lambda: rng.integers(-9, 10, size) * 5e-324,
        "huge": lambda: rng.uniform(-1, 1, size) * (1e308 / size),
        "constant": lambda: np.full(size, rng.uniform(0.1, 10)),
        "zero": lambda: np.zeros(size),
        "quiet end": lambda: np.concatenate([rng.uniform(1e3, 1e6, size // 2), np.zeros(size - size // 2)]),
        "first only": lambda: np.concatenate([[1e300], np.zeros(size - 1)]),
        "last only": lambda: np.concatenate([np.zeros(size - 1), [-1e300]]),
        "steps": lambda: np.repeat(rng.uniform(-5, 5, size // 10 + 1), 10)[:size],
    }[kind]()


KINDS = ["normal", "heavy", "wild", "denormal", "huge", "constant", "zero", "quiet end", "first only"]
KINDS += ["last only", "steps"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 79, 1000, 20_000])
def test_long_series_score_as_the_definition_says(kind, size):
    errors = series(kind, size, seed=size)
    for beta in BETAS:
        assert bits(ewma_score(errors, beta)) == bits(definition(errors.tolist(), beta)), beta


@pytest.mark.parametrize("kind", ["normal", "wild", "constant", "quiet end"])
@pytest.mark.parametrize("beta", [0.0, 0.7, 0.99, 0.9999999])
def test_a_hundred_thousand_errors(kind, beta):
    errors = series(kind, 100_000, seed=7)
    assert bits(ewma_score(errors, beta)) == bits(definition(errors.tolist(), beta))


def test_the_floor_does_not_hide_the_state():
    # Scores below 1e-9 all read 1e-9; an error of 1 after the series brings the state to light.
    for kind in ("denormal", "wild", "quiet end", "first only"):
        errors = [*series(kind, 5000, seed=3).tolist(), 1.0]
        for beta in BETAS:
            assert bits(ewma_score(errors, beta)) == bits(definition(errors, beta)), (kind, beta)


errors_lists = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=400)
betas = st.one_of(st.sampled_from(BETAS), st.floats(0.0, 1.0, exclude_max=True))


@given(errors_lists, betas)
def test_any_series_scores_as_the_definition_says(errors, beta):
    assert bits(ewma_score(errors, beta)) == bits(definition(errors, beta))


@given(errors_lists, st.floats(0.0, 0.9), st.integers(0, 2**32))
def test_the_cut_into_blocks_changes_no_bit(errors, beta, seed):
    errors = errors * 3
    cuts = random.Random(seed)
    score = EwmaScore(beta)
    position = 0
    while position < len(errors):
        size = cuts.choice([0, 1, 2, 50, 300])
        score.update(np.array(errors[position : position + size]))
        position += size
    assert bits(score.value) == bits(definition(errors, beta))
    assert score.count == len(errors)
    total = 0.0
    for error in errors:
        total += abs(error)
    assert bits(score.mean_abs_error) == bits(total / len(errors))


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.7, 0.99])
def test_pandas_computes_the_same_score(beta):
    errors = pd.Series(series("normal", 5000, seed=1))
    expected = errors.abs().ewm(alpha=1 - beta, adjust=False).mean().iloc[-1]
    assert ewma_score(errors.to_numpy(), beta) == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.sampled_from([0.0, 0.3, 0.7, 0.99]))
def test_exact_arithmetic_gives_the_same_score_up_to_rounding(errors, beta):
    share = Fraction(beta)
    last = len(errors) - 1
    exact = share**last * abs(Fraction(errors[0])) + sum(
        (1 - share) * share ** (last - index) * abs(Fraction(error))
        for index, error in enumerate(errors)
        if index > 0
    )
    assert ewma_score(errors, beta) == pytest.approx(max(float(exact), 1e-9), rel=1e-12)


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=50), betas)
def test_the_sign_of_an_error_does_not_matter(errors, beta):
    assert ewma_score([-error for error in errors], beta) == ewma_score(errors, beta)


def test_a_perfect_model_has_the_lowest_score_there_is():
    assert ewma_score([0.0] * 10, 0.7) == 1e-9
    assert score_floor(1e-10) == 1e-9
    assert score_floor(2e-9) == 2e-9


@pytest.mark.parametrize("beta", [-0.1, 1.0, 1.5, math.nan, math.inf])
def test_a_beta_out_of_range_is_refused(beta):
    with pytest.raises(ValueError, match="beta"):
        EwmaScore(beta)


def test_no_errors_have_no_score():
    with pytest.raises(ValueError, match="at least one error"):
        ewma_score([], 0.7)
    with pytest.raises(ValueError, match="at least one error"):
        _ = EwmaScore(0.7).mean_abs_error


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_error_that_is_no_number_is_refused_and_leaves_the_score_as_it_was(bad):
    score = EwmaScore(0.5)
    score.update(np.array([4.0]))
    with pytest.raises(ValueError, match="index 1"):
        score.update(np.array([1.0, bad]))
    assert (score.value, score.count, score.mean_abs_error) == (4.0, 1, 4.0)


def test_a_sum_that_overflows_is_refused_and_leaves_the_score_as_it_was():
    score = EwmaScore(0.5)
    score.update(np.array([1e308]))
    with pytest.raises(SumOverflowError) as caught:
        score.update(np.array([1.0, -1e308, 1.0]))
    assert caught.value.index == 1
    assert (score.value, score.count, score.mean_abs_error) == (1e308, 1, 1e308)


def test_one_error_as_large_as_a_double_can_be_has_a_score():
    largest = 1.7976931348623157e308
    for beta in BETAS:
        errors = [largest] + [0.0] * 500
        assert bits(ewma_score(errors, beta)) == bits(definition(errors, beta))


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("sizes", [[1], [3, 1, 900, 3, 500, 501, 2], [700, 600], [5] * 40])
def test_many_series_score_as_each_of_them(beta, sizes):
    each = [
        series(kind, size, size) for kind, size in zip(cycle(["normal", "wild", "zero"]), sizes, strict=False)
    ]
    found = ewma_scores(np.concatenate(each), np.array(sizes), beta)
    assert [*map(bits, found)] == [bits(definition(errors.tolist(), beta)) for errors in each]
