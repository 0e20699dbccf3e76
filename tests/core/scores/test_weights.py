"""Inverse-score weights and best model. Runs in about 2 s."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.scores.weights import MIN_SCORE, best_model, inverse_score_weights

ULP = 2.0**-53
LARGEST = 1.7976931348623157e308
NORMAL_INVERSE = 4e307  # beyond about 4.5e307 the inverse is denormal and has fewer bits

any_score = st.floats(MIN_SCORE, LARGEST)
usual_score = st.floats(MIN_SCORE, NORMAL_INVERSE)


def pools(score, max_size=12):
    return st.lists(score, min_size=1, max_size=max_size).map(
        lambda scores: {f"m{index}": value for index, value in enumerate(scores)}
    )


def exact_weights(scores):
    inverses = {name: 1 / Fraction(score) for name, score in scores.items()}
    total = sum(inverses.values())
    return {name: inverse / total for name, inverse in inverses.items()}


@given(pools(usual_score))
def test_weights_are_those_of_exact_arithmetic_up_to_rounding(scores):
    weights = inverse_score_weights(scores)
    for name, exact in exact_weights(scores).items():
        if exact > Fraction(2) ** -1022:
            assert abs(Fraction(weights[name]) - exact) <= exact * Fraction((len(scores) + 3) * ULP)


@given(pools(any_score))
def test_weights_are_finite_in_zero_to_one_and_sum_to_one(scores):
    weights = inverse_score_weights(scores)
    assert list(weights) == list(scores)
    assert all(0.0 <= weight <= 1.0 for weight in weights.values())
    assert abs(math.fsum(weights.values()) - 1.0) <= 2 * (len(scores) + 1) * ULP


@given(pools(any_score))
def test_a_lower_score_never_has_a_lower_weight(scores):
    weights = inverse_score_weights(scores)
    ordered = sorted(scores, key=scores.__getitem__)
    assert all(weights[better] >= weights[worse] for better, worse in pairwise(ordered))
    assert weights[best_model(scores)] == max(weights.values())


@given(pools(usual_score).flatmap(lambda pool: st.tuples(st.just(pool), st.permutations(list(pool)))))
def test_another_order_moves_a_weight_by_rounding_of_the_sum_only(case):
    scores, order = case
    weights = inverse_score_weights(scores)
    moved = inverse_score_weights({name: scores[name] for name in order})
    for name, weight in weights.items():
        assert abs(moved[name] - weight) <= weight * 2 * (len(scores) + 1) * ULP + 5e-324


@given(pools(st.floats(1e-3, 1e12)), st.floats(1e-4, 1e6), st.integers(-10, 100))
def test_the_unit_of_the_errors_does_not_matter(scores, factor, power):
    weights = inverse_score_weights(scores)
    doubled = inverse_score_weights({name: math.ldexp(score, power) for name, score in scores.items()})
    assert doubled == weights
    scaled = inverse_score_weights({name: score * factor for name, score in scores.items()})
    for name, weight in weights.items():
        assert scaled[name] == pytest.approx(weight, rel=2 * (len(scores) + 5) * ULP)


def test_the_sum_is_plain_and_from_left_to_right():
    # fsum, and Python's sum() since 3.12, give another last bit here.
    scores = {"a": 1.0, "b": 2.0**53, "c": 2.0**53, "d": 2.0**53}
    assert math.fsum([1.0, 2.0**-53, 2.0**-53, 2.0**-53]) > 1.0
    assert inverse_score_weights(scores)["a"] == 1.0
    assert inverse_score_weights(dict(reversed(scores.items())))["a"] == 1.0 / (1.0 + 3 * 2.0**-53)


@pytest.mark.parametrize("score", [MIN_SCORE, 1.0, 1e308, LARGEST])
def test_equal_scores_have_equal_weights(score):
    weights = inverse_score_weights(dict.fromkeys("abcd", score))
    assert weights == dict.fromkeys("abcd", 0.25)


def test_a_perfect_model_takes_nearly_all_of_the_weight():
    weights = inverse_score_weights({"perfect": MIN_SCORE, "usual": 1.0, "diverged": LARGEST})
    assert weights["perfect"] == pytest.approx(1.0, abs=2e-9)
    assert weights["usual"] == pytest.approx(1e-9, rel=1e-8)
    assert 0.0 <= weights["diverged"] < 1e-300


@given(pools(st.sampled_from([MIN_SCORE, 0.5, 1.0, 1.0 + 2**-52, LARGEST])))
def test_the_best_model_is_the_first_of_those_with_the_lowest_score(scores):
    lowest = min(scores.values())
    assert best_model(scores) == next(name for name, score in scores.items() if score == lowest)


@pytest.mark.parametrize("function", [inverse_score_weights, best_model])
@pytest.mark.parametrize(
    "scores", [{}, {"a": 0.0}, {"a": 1.0, "b": -1.0}, {"a": math.nan}, {"a": math.inf}, {"a": 9e-10}]
)
def test_scores_out_of_range_are_refused(function, scores):
    with pytest.raises(ValueError, match="score"):
        function(scores)
