"""The interval of a gain holds the true gain as often as it says; where it would not, there is none."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from support.simulated_differences import coverage, coverage_of_evaluation, simulated

from elpa_core.backtest.intervals import MIN_BLOCKS, MIN_ROWS, _student_t, mean_interval


@pytest.mark.parametrize("horizon", [1, 12, 24])
@pytest.mark.parametrize("kind", ["independent", "AR .5", "of one block alike"])
def test_it_covers_from_336_rows_on(kind: str, horizon: int) -> None:
    """The standard error of these shares is .005. `tests/bench/interval_coverage.py` prints the table."""
    covered, given = coverage(kind, 336, horizon, series=2000, seed=1)
    assert 0.92 <= covered <= 0.98
    assert given > 0.98


@pytest.mark.parametrize(("rows", "horizon"), [(96, 1), (144, 12), (288, 24)])
def test_it_covers_from_the_fewest_rows_on(rows: int, horizon: int) -> None:
    for kind in ("independent", "AR .5", "of one block alike"):
        covered, given = coverage(kind, rows, horizon, series=2000, seed=2)
        assert 0.92 <= covered <= 0.98
        assert given > 0.95
        assert coverage(kind, rows - max(12, horizon), horizon, series=5, seed=2)[1] == 0.0


@pytest.mark.parametrize("horizon", [1, 12, 24])
def test_rows_that_depend_on_each_other_for_long_have_none(horizon: int) -> None:
    for rows in (336, 1344):
        assert coverage("AR .9", rows, horizon, series=500, seed=3)[1] < 0.05


def test_blocks_that_depend_on_each_other_for_long_have_none() -> None:
    blocks = np.repeat(simulated("AR .9", (1, 100), 1, np.random.default_rng(3))[0], 24)
    said = mean_interval(blocks, 24)
    assert isinstance(said, str)
    assert said.startswith("the differences of neighbouring blocks are too alike (autocorrelation 0.")


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [12, 24])
def test_the_intervals_in_a_policy_cover(horizon: int) -> None:
    """Of 200 policies; the standard error is .015. About 4 s each."""
    for share in coverage_of_evaluation("AR .5", 336, horizon, runs=200, seed=4).values():
        assert share >= 0.9


@pytest.mark.parametrize(("rows", "block"), [(64, 1), (341, 1), (2000, 1), (1344, 12), (200, 24)])
def test_it_is_its_formula(rows: int, block: int) -> None:
    differences = np.random.default_rng(rows).normal(size=rows) + 0.3
    mean = differences.mean()
    means = [differences[k : k + block].mean() for k in range(0, rows - block + 1, block)]
    of_means = sum(means) / len(means)
    variance = sum((m - of_means) ** 2 for m in means) / len(means)
    steps = sum((b - a) ** 2 for a, b in pairwise(means)) / (len(means) - 1)
    p = min(max(1 - steps / (2 * variance), 0) + 2 / math.sqrt(len(means)), 1)
    count = min(60, math.floor(max(rows, len(means) ** 2 * (1 - p) ** 2 / (2 * p)) ** (1 / 3) + 1e-9))
    assert count == {64: 11, 341: 60, 2000: 60, 1344: 25, 200: 5}[rows]
    products = [
        math.sqrt(2 / rows)
        * sum(d * math.cos(math.pi * j * (t + 0.5) / rows) for t, d in enumerate(differences.tolist()))
        for j in range(1, count + 1)
    ]
    squares = sum(x * x for x in products) / count
    half = stats.t.ppf(0.975, count) * math.sqrt(squares / rows)
    low, high = mean_interval(differences, block)
    assert (low + high) / 2 == pytest.approx(mean)
    assert (high - low) / 2 == pytest.approx(half, rel=3e-3)


@pytest.mark.parametrize("count", [4, 5, 8, 16, 60])
def test_students_t(count: int) -> None:
    assert _student_t(count) == pytest.approx(stats.t.ppf(0.975, count), rel=3e-3)


def test_few_rows_and_few_blocks_have_none() -> None:
    assert mean_interval(np.ones(MIN_ROWS)) == (1.0, 1.0)
    assert mean_interval(np.ones(MIN_ROWS - 1)) == "63 rows to compare on, fewer than 64"
    assert mean_interval(np.ones(24 * MIN_BLOCKS), 24) == (1.0, 1.0)
    assert mean_interval(np.ones(24 * MIN_BLOCKS - 1), 24) == "7 blocks to compare on, fewer than 8"


@pytest.mark.parametrize("size", [1e-300, 1e150])
def test_of_tiny_and_of_huge_numbers_it_is_finite(size: float) -> None:
    low, high = mean_interval(size * np.random.default_rng(5).choice([-1.0, 1.0], 6667))
    assert -size < low <= high < size
