"""Many series at once are single routers to the bit (about 6 s)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import FEW
from support.made_panels import policy_of

import elpa_core.routing.router_panel as module
from elpa_core.errors import InputError
from elpa_core.routing import CallOrderError, Router, RouterPanel, Validation
from elpa_core.routing.median import median_and_ends, median_of

ONLINE, OFFLINE = ["a", "b", "c"], ["d", "e", "f", "g"]


def rows(rng: np.random.Generator, steps: int, series: int, missing: float) -> tuple[np.ndarray, np.ndarray]:
    y = 10 * rng.normal(size=(steps, series))
    y[rng.random(y.shape) < 0.2] = 0.0
    y[rng.random(y.shape) < 0.05] *= 1e5
    forecasts = y[..., None] + rng.normal(size=(steps, series, 7)) * np.linspace(0.0, 9.0, 7)
    forecasts[rng.random(forecasts.shape) < 0.03] *= 1e4
    forecasts[rng.random(forecasts.shape) < 0.03] *= 1e22
    forecasts[rng.random(forecasts.shape[:-1]) < 0.03] *= 1e22
    gaps = rng.random(forecasts.shape) < missing
    forecasts[gaps] = rng.choice([np.nan, np.inf, -np.inf], size=int(gaps.sum()))
    forecasts[..., 6] = np.where(np.isfinite(forecasts).any(-1), forecasts[..., 6], 0.0)
    return y, forecasts


def predicted_alike(panel: RouterPanel, single: list[Router], forecasts: np.ndarray) -> None:
    served = panel.predict(forecasts)
    alone = np.stack([router.predict(forecasts[:, i]) for i, router in enumerate(single)], axis=-1)
    assert served.tobytes() == alone.tobytes()


def updated(panel: RouterPanel, single: list[Router], actuals: np.ndarray) -> None:
    panel.update(actuals)
    for i, router in enumerate(single):
        router.update(actuals[:, i])


@FEW
@given(
    seed=st.integers(0, 2**32),
    series=st.integers(1, 9),
    horizon=st.sampled_from([1, 2, 5]),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    epsilon=st.sampled_from([None, 0.4]),
    chunk=st.sampled_from([1, 2, 4, 5000]),
    parts=st.sampled_from(
        [
            module.PARTS,
            ("recent", "median", "level"),
            ("steady",),
            ("level", "belt"),
        ]
    ),
    warm=st.booleans(),
)
def test_equal_to_single_routers(
    seed: int,
    series: int,
    horizon: int,
    missing: float,
    epsilon: float | None,
    chunk: int,
    parts: tuple[str, ...],
    warm: bool,
) -> None:
    rng = np.random.default_rng(seed)
    span = (None, [-1.0, 1.0], [5.0, 5.0])[seed % 3]
    policy = policy_of(ONLINE, OFFLINE, mutant_epsilon=epsilon, routing={"range": span})
    y, forecasts = rows(rng, 3 * horizon, series, missing)
    names = ONLINE + OFFLINE
    validation = [
        Validation.of(y[:, i], {n: forecasts[:, i, j] for j, n in enumerate(names)}, horizon=horizon)
        for i in range(series)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", chunk)
        panel = RouterPanel(policy, series, validation if warm else None, horizon=horizon, parts=parts)
        single = [Router(policy, v if warm else None, horizon=horizon, parts=parts) for v in validation]
        for turn in range(12):
            steps = int(rng.integers(1, 2 * horizon + 2))  # a block may be shorter or longer
            y, forecasts = rows(rng, steps, series, missing)
            predicted_alike(panel, single, forecasts)
            taken = panel.router(series - 1).to_json()
            assert [taken[k] for k in ("state", "waiting")] == [
                single[-1].to_json()[k] for k in ("state", "waiting")
            ]
            if turn == 5:
                panel = RouterPanel.from_json(json.loads(json.dumps(panel.to_json())))
            known = int(rng.integers(1, steps + 1))  # the other actuals never come
            updated(panel, single, y[:known])


@pytest.mark.parametrize("horizon", [1, 4])
def test_equal_to_single_routers_where_the_best_model_alone_foresees_jumps(horizon: int) -> None:
    rng = np.random.default_rng(horizon)
    y = rng.normal(size=(240, 30))
    forecasts = y[..., None] + rng.normal(size=(240, 30, 7))
    jumps = rng.choice([10.0, 100.0, 1000.0], size=y.shape) * (rng.random(y.shape) < 0.1)
    y += jumps
    forecasts[..., 0] = y + jumps * (rng.random(y.shape) < 0.1)
    names, policy = ONLINE + OFFLINE, policy_of(ONLINE, OFFLINE)
    validation = [
        Validation.of(y[:120, i], dict(zip(names, forecasts[:120, i].T, strict=True)), horizon=horizon)
        for i in range(30)
    ]
    panel = RouterPanel(policy, 30, validation, horizon=horizon)
    single = [Router(policy, v, horizon=horizon) for v in validation]
    for first in range(120, 240, horizon):
        block = slice(first, first + horizon)
        predicted_alike(panel, single, forecasts[block])
        updated(panel, single, y[block])


@pytest.mark.parametrize("models", range(1, 34))
def test_the_median_is_that_of_sorted_rows(models: int) -> None:
    rng = np.random.default_rng(models)
    rows = rng.integers(-9, 9, size=(models, 500)).astype(float)
    middle, least, most = median_and_ends(rows.copy())
    assert (middle == np.median(rows, axis=0)).all()
    assert (least == rows.min(axis=0)).all()
    assert (most == rows.max(axis=0)).all()
    present = rng.random(rows.shape) < 0.6
    present[rng.integers(models), :] = True
    present_only = np.where(present, rows, np.nan)
    assert (median_of(rows, present) == np.nanmedian(present_only, axis=0)).all()
    for found in median_and_ends(present_only):
        assert (np.isnan(found) == ~present.all(axis=0)).all()


@pytest.mark.parametrize("size", [1e30, 1e35, 1e149])
def test_errors_beyond_all_experience_leave_answers_between_the_forecasts(size: float) -> None:
    policy = policy_of(["a", "b"], ["c"], scores=dict.fromkeys("abc", 0.0))
    parts = ("recent", "median", "steady")
    router, panel = Router(policy, parts=parts), RouterPanel(policy, 2, parts=parts)
    forecasts = np.array([1.0, 2.0, 4.0])
    for actual in (size, -size, 1.0):
        (value,) = router.predict(forecasts[None])
        assert value == panel.predict(np.tile(forecasts, (1, 2, 1)))[0, 1]
        assert 1.0 <= value <= 4.0
        router.update(actual)
        panel.update([actual, actual])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("horizon", [1, 2])
def test_infinite_forecasts_of_both_signs_are_missing(horizon: int) -> None:
    scores = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "e": 100.0, "f": 100.0}
    policy = policy_of(["a", "b"], ["c", "d", "e", "f"], scores=scores)
    forecasts = np.array([[[np.inf, -np.inf, np.inf, -np.inf, 5.0, 6.0]]])
    served = RouterPanel(policy, 1, horizon=horizon).predict(forecasts)
    assert served == Router(policy, horizon=horizon).predict(forecasts[:, 0]) == 5.5
    with pytest.raises(InputError, match="no finite forecast"):
        RouterPanel(policy_of(["a"], ["b"]), 1).predict(np.array([[[np.inf, -np.inf]]]))


def test_names_give_the_same_as_an_array() -> None:
    rng = np.random.default_rng(1)
    y, forecasts = rows(rng, 2, 4, 0.0)
    one, two = (RouterPanel(policy_of(ONLINE, OFFLINE), 4) for _ in range(2))
    named = {name: forecasts[..., j] for j, name in enumerate(ONLINE + OFFLINE)}
    assert (one.predict(forecasts) == two.predict(named)).all()
    one.update(y[0])
    two.update(y[:1])
    assert one.to_json() == two.to_json()


def test_refusals_change_nothing() -> None:
    panel = RouterPanel(policy_of(ONLINE, OFFLINE), 3)
    y, forecasts = rows(np.random.default_rng(1), 2, 3, 0.0)
    panel.predict(forecasts)
    before = panel.to_json()
    hopeless = forecasts.copy()
    hopeless[1, 2] = np.nan
    for call, error, text in (
        (lambda: panel.predict(hopeless), InputError, "step 1, series 2: found no finite forecast"),
        (lambda: panel.predict(forecasts[:, :2]), InputError, r"expected shape \(steps, 3, 7\)"),
        (lambda: panel.predict({"x": forecasts[..., 0]}), InputError, '"x"'),
        (lambda: panel.update(np.concatenate([y, y])), CallOrderError, "2 wait"),
        (lambda: panel.update(y[:, :2]), InputError, r"shape \(2, 2\)"),
        (lambda: panel.update(np.full((2, 3), np.nan)), InputError, "row 0: found nan"),
    ):
        with pytest.raises(error, match=text):
            call()
        assert panel.to_json() == before


def test_a_panel_is_no_single_state() -> None:
    panel = RouterPanel(policy_of(ONLINE, OFFLINE), 2)
    with pytest.raises(InputError, match="2 series; expected one series"):
        Router.from_json(panel.to_json())
    with pytest.raises(InputError, match="expected an integer from 1"):
        RouterPanel(policy_of(ONLINE, OFFLINE), 0)
    with pytest.raises(InputError, match="rows of 2 series"):
        RouterPanel(policy_of(ONLINE, OFFLINE), 2, [Validation.of([1.0], {"a": [1.0]})])
