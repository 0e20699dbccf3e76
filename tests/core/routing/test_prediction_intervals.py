"""Prediction intervals: their coverage, their order, what they learn from, and their state."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import FEW
from support.made_panels import policy_of
from support.routers import NAMES, OFFLINE, ONLINE

from elpa_core.errors import InputError
from elpa_core.routing import Prediction, Router, RouterPanel, Validation
from elpa_core.routing.intervals import Intervals

POLICY = policy_of(ONLINE, OFFLINE)


def series(rows: int, seed: int = 0, grows_at: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return actuals and forecasts of a series whose errors are three times as large from a row on."""
    rng = np.random.default_rng(seed)
    y = 100 + rng.normal(size=rows).cumsum()
    noise = np.where(np.arange(rows) < (grows_at or rows), 1.0, 3.0)[:, None]
    return y, y[:, None] + noise * rng.normal(size=(rows, 1)) + 0.3 * noise * rng.normal(size=(rows, 4))


def validation(y: np.ndarray, forecasts: np.ndarray, horizon: int) -> Validation:
    return Validation.of(y, dict(zip(NAMES, forecasts.T, strict=True)), horizon=horizon)


@pytest.mark.parametrize("horizon", [1, 12])
@pytest.mark.parametrize("grows_at", [0, 1200])
def test_the_share_of_actuals_inside_is_the_level_although_the_errors_grow(
    horizon: int, grows_at: int
) -> None:
    y, forecasts = series(2400, grows_at=grows_at)
    router = Router(POLICY, validation(y[:600], forecasts[:600], horizon), horizon=horizon, levels=(80, 95))
    inside = []
    for first in range(600, 2400, horizon):
        block = slice(first, first + horizon)
        _, low, high = router.predict(forecasts[block], levels=(80, 95))
        inside.append((low <= y[block]) & (y[block] <= high))
        router.update(y[block])
    shares = np.concatenate(inside, axis=1).mean(axis=1)
    assert shares == pytest.approx([0.8, 0.95], abs=0.02)


def test_a_miss_at_one_lead_time_widens_the_intervals_of_all() -> None:
    intervals = Intervals(horizon=4, series=1)
    for step, error in itertools.product(range(4), range(1, 101)):
        intervals.learn(step, None, np.array([float(error)]))
    before = intervals.radii((80.0,), 4)
    intervals.learn(0, before[0], np.array([1e9]))
    after = intervals.radii((80.0,), 4)
    assert all(wider[80.0] > radius[80.0] for wider, radius in zip(after, before, strict=True))


def test_with_too_few_errors_there_is_no_interval() -> None:
    y, forecasts = series(60)
    router, known = Router(POLICY), []
    for row, actual in zip(forecasts, y, strict=True):
        served, low, high = router.predict(row[None], levels=(95, 80))
        assert np.isfinite(served).all()
        assert (np.isnan(low) == np.isnan(high)).all()
        known.append(np.isfinite(low[:, 0]).tolist())
        router.update(actual)
    assert [[level[row] for level in known].index(True) for row in (0, 1)] == [40, 10]


@FEW
@given(
    seed=st.integers(0, 99),
    levels=st.lists(st.sampled_from([1.0, 40.0, 50.0, 80.0, 81.0, 99.0]), unique=True, min_size=2),
)
def test_intervals_of_higher_levels_contain_those_of_lower_ones(seed: int, levels: list[float]) -> None:
    y, forecasts = series(300, seed)
    y += np.random.default_rng(seed).choice([0.0, 50.0], p=[0.9, 0.1], size=300)
    router, order = Router(POLICY, horizon=3), np.argsort(levels)
    for first in range(0, 300, 3):
        served, low, high = router.predict(forecasts[first : first + 3], levels=levels)
        for narrow, wide in itertools.pairwise(order):
            assert not (low[wide] > low[narrow]).any()
            assert not (high[wide] < high[narrow]).any()
        assert not ((low > served) | (high < served)).any()
        router.update(y[first : first + 3])


def test_without_levels_nothing_is_learned_for_intervals_and_with_them_the_answers_are_the_same() -> None:
    y, forecasts = series(50)
    plain, other = Router(POLICY), Router(POLICY)
    for row, actual in zip(forecasts, y, strict=True):
        answer = plain.predict(row[None])
        assert isinstance(answer, np.ndarray)
        assert answer.tobytes() == other.predict(row[None], levels=[80]).served.tobytes()
        plain.update(actual)
        other.update(actual)
    with_intervals = other.to_json()
    assert "intervals" not in plain.to_json()
    assert [*with_intervals.pop("intervals")] == ["errors", "rows", "aims"]
    assert with_intervals == plain.to_json()


def test_errors_are_learned_from_the_first_question_on_whatever_is_asked_then() -> None:
    y, forecasts = series(40)
    router = Router(POLICY)
    for step, (row, actual) in enumerate(zip(forecasts, y, strict=True)):
        router.predict(row[None], **({"levels": (80,)} if step == 0 else {}))
        router.update(actual)
    given = router.predict(forecasts[:1], levels=(90, 95))
    assert np.isfinite(given.low).tolist() == [[True], [True]]
    known = router.to_json()["intervals"]
    assert known["rows"] == [40]
    errors = sorted(known["errors"][0][:40])
    assert given.high[0, 0] - given.served[0] == errors[int(np.ceil(41 * 0.9)) - 1][0]


def test_a_replay_prepares_them() -> None:
    y, forecasts = series(120)
    rows = validation(y[:100], forecasts[:100], 5)
    router = Router(POLICY, rows, horizon=5, levels=(80,))
    assert np.isfinite(router.predict(forecasts[100:105], levels=(80,)).low).all()
    assert router.warm_up.tobytes() == Router(POLICY, rows, horizon=5).warm_up.tobytes()


@pytest.mark.parametrize("horizon", [1, 6])
def test_a_panel_and_a_state_go_on_with_them_to_the_bit(horizon: int) -> None:
    rows = [series(240, seed) for seed in range(3)]
    y, forecasts = np.stack([a for a, _ in rows], axis=1), np.stack([f for _, f in rows], axis=1)
    warm = [validation(y[:60, i], forecasts[:60, i], horizon) for i in range(3)]
    panel = RouterPanel(POLICY, 3, warm, horizon=horizon, levels=(80, 95))
    single = [Router(POLICY, each, horizon=horizon, levels=(80, 95)) for each in warm]
    for turn, first in enumerate(range(60, 240, horizon)):
        block, levels = slice(first, first + horizon), [(80, 95), (95,), (50, 80)][turn % 3]
        answers = panel.predict(forecasts[block], levels)
        for i, router in enumerate(single):
            alone = router.predict(forecasts[block, i], levels)
            assert [part[..., i].tobytes() for part in answers] == [part.tobytes() for part in alone]
        if turn % 5 == 0:
            panel = RouterPanel.from_json(json.loads(json.dumps(panel.to_json())))
            single = [Router.from_json(json.loads(json.dumps(router.to_json()))) for router in single[:2]]
            single.append(panel.router(2))
        panel.update(y[block])
        for i, router in enumerate(single):
            router.update(y[block, i])
    assert isinstance(answers, Prediction)


@pytest.mark.parametrize("levels", ["80", (0,), (100,), (99.5,), (80, 80), (np.nan,), ("x",), 80, (None,)])
def test_levels_are_different_percentages(levels: Any) -> None:
    y, forecasts = series(4)
    router = Router(POLICY)
    for call in (
        lambda: router.predict(forecasts, levels=levels),
        lambda: Router(POLICY, levels=levels),
        lambda: RouterPanel(POLICY, 2, levels=levels),
    ):
        with pytest.raises(InputError, match=r"levels: found .*; expected different numbers above 0"):
            call()
    assert (router.waiting, len(y)) == (0, 4)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["intervals"], 3),
        (["intervals", "errors"], []),
        (["intervals", "errors", 0, 0], [-1.0]),
        (["intervals", "errors", 0, 0], [1e300]),
        (["intervals", "rows", 0], -1),
        (["intervals", "aims"], {"80": [2.0]}),
        (["intervals", "aims"], {"eighty": [0.2]}),
        (["waiting", 0, "radii"], {"80.0": [-1.0]}),
        (["waiting", 0, "radii"], {"80.0": ["x"]}),
    ],
)
def test_a_damaged_state_of_intervals_is_refused(path: list[str | int], value: object) -> None:
    y, forecasts = series(3)
    router = Router(POLICY, levels=(80,))
    router.predict(forecasts, levels=(80,))
    router.update(y[:2])
    state = place = json.loads(json.dumps(router.to_json()))
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(InputError, match=r"\$\.(intervals|waiting\[0\])"):
        Router.from_json(state)
