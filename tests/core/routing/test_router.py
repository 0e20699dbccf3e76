"""One router: what it serves, what it refuses, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_panels import policy_of

from elpa_core.errors import InputError
from elpa_core.routing import CallOrderError, Router, RouterPanel, Validation
from elpa_core.routing.backtest import served_test_rows
from elpa_core.routing.panel import Panel

ONLINE, OFFLINE = ["a", "b"], ["c", "d"]
NAMES = ONLINE + OFFLINE


def router(**fields: object) -> Router:
    return Router(policy_of(ONLINE, OFFLINE, **fields))


def trained(**fields: object) -> Router:
    result = router(**fields)
    rng = np.random.default_rng(0)
    for y in 100 + rng.normal(size=60).cumsum():
        result.predict({n: [y + rng.normal(0, i + 1)] for i, n in enumerate(NAMES)})
        result.update(y)
    return result


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5), min_size=1, max_size=12))
def test_convex_experts_stay_between_their_members(rows: list[list[float]]) -> None:
    policy = policy_of(ONLINE, OFFLINE, routing={"range": [-1e6, 1e6]})
    served = Router(policy, parts=("recent", "median", "steady", "online"))
    for *forecasts, actual in rows:
        value = served.predict(np.array([forecasts]))[0]
        slack = 1e-9 * max(map(abs, forecasts)) + 1e-12
        assert min(forecasts) - slack <= value <= max(forecasts) + slack
        served.update(actual)


@pytest.mark.parametrize(("horizon", "without"), [(1, []), (3, ["d", "e"])])
def test_bad_models_have_no_vote_in_the_median_of_a_horizon(horizon: int, without: list[str]) -> None:
    names, errors = list("abcde"), np.array([1.0, -2.0, 3.0, 40.0, 50.0])
    policy = policy_of(names[:2], names[2:], routing={"range": [-100.0, 100.0]})
    one, many = Router(policy, horizon=horizon), RouterPanel(policy, 2, horizon=horizon)
    rng = np.random.default_rng(0)
    for _ in range(30):
        actuals = rng.normal(size=horizon)
        forecasts = actuals[:, None] + errors
        served = one.predict(forecasts)
        assert (many.predict(np.stack([forecasts, forecasts], axis=1)) == served[:, None]).all()
        told = one.explain(horizon - 1)
        one.update(actuals)
        many.update(np.stack([actuals, actuals], axis=1))
    assert told["no_vote"] == without
    expected = 1.0 if without else 3.0  # the middle of 1, -2 and 3, or of all
    assert told["experts"]["median"]["forecast"] == pytest.approx(actuals[-1] + expected)


def test_where_no_voter_has_a_forecast_the_others_are_the_median() -> None:
    policy = policy_of(["a", "b"], ["c", "d", "e"], scores=dict(zip("abcde", [1, 1, 1, 9, 9], strict=True)))
    one, many = Router(policy, horizon=2), RouterPanel(policy, 1, horizon=2)
    gaps = np.array([[np.nan, np.nan, np.nan, 5.0, 7.0], [1.0, np.nan, np.nan, 5.0, 7.0]])
    served = one.predict(gaps)
    assert (many.predict(gaps[:, None])[:, 0] == served).all()
    assert [one.explain(step)["experts"]["median"]["forecast"] for step in (0, 1)] == [6.0, 1.0]


def test_weights_favour_the_better_and_sum_to_one() -> None:
    told = trained()
    told.predict({name: [100.0] for name in NAMES})
    told = told.explain()
    weights = list(told["model_weights"].values())
    assert sum(weights) == pytest.approx(1)
    assert weights == sorted(weights, reverse=True)
    assert sum(expert["say"] for expert in told["experts"].values()) == pytest.approx(1)
    assert told["experts"]["amplitude"]["say"] == 0
    assert sum(told["steady_weights"].values()) == pytest.approx(1)


def test_scale_does_not_matter() -> None:
    def run(scale: float) -> np.ndarray:
        result = Router(policy_of(ONLINE, OFFLINE, scores={n: (i + 1) * scale for i, n in enumerate(NAMES)}))
        rng = np.random.default_rng(5)
        served = []
        for y in 100 + rng.normal(size=50).cumsum():
            served.append(result.predict(scale * (y + rng.normal(size=(1, 4))))[0] / scale)
            result.update(float(scale * y))
        return np.array(served)

    assert run(1024.0) == pytest.approx(run(1.0), rel=1e-12)


@pytest.mark.parametrize("absent", [None, np.nan, np.inf, -np.inf])
def test_a_missing_forecast_is_as_if_the_model_were_not_asked(absent: float | None) -> None:
    one, other = trained(), trained()
    rest = {"a": [101.0], "b": [99.0], "d": [104.0]}
    value = one.predict({**rest, "c": None if absent is None else [absent]})
    assert value == other.predict(rest)
    assert np.isfinite(value).all()
    told = one.explain()
    assert (told["missing"], told["left_out"]) == (["c"], [])
    assert told["model_weights"]["c"] == 0
    assert sum(told["model_weights"].values()) == pytest.approx(1)
    before = one.to_json()["state"]["scores"]
    one.update(100.0)
    after = one.to_json()["state"]["scores"]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True, False]


def test_a_missing_model_has_no_weight_where_forecasts_are_near_zero() -> None:
    served = router()
    served.predict({"a": [0.1], "b": [-0.1], "d": [0.0]})
    assert served.explain()["model_weights"]["c"] == served.explain()["steady_weights"]["c"] == 0


def test_a_whole_group_may_be_missing() -> None:
    served = trained()
    for group in (ONLINE, OFFLINE):
        assert served.predict({name: [100.0] for name in group}) == pytest.approx(100.0, abs=1.0)
        told = served.explain()
        assert sum(told["model_weights"][name] for name in group) == pytest.approx(1)


def test_divergence_does_not_reach_the_output() -> None:
    rng = np.random.default_rng(1)
    y = 10 + rng.normal(size=60)
    validation = Validation.of(y, {n: y + rng.normal(size=60) for n in NAMES})
    served = Router(policy_of(ONLINE, OFFLINE), validation)
    plain = served.predict({"a": [10.0], "b": [10.2], "c": [9.9]})[0]
    assert served.predict({"a": [10.0], "b": [10.2], "c": [9.9], "d": [1e22]})[0] == plain
    told = served.explain()
    assert (told["missing"], told["limited"], told["left_out"]) == ([], [], ["d"])
    wild = served.predict({"a": [10.0], "b": [10.2], "c": [9.9], "d": [100.0]})[0]
    assert wild == pytest.approx(plain, abs=0.2)
    told = served.explain()
    assert (told["limited"], told["left_out"]) == (["d"], ["d"])
    assert served.predict({"a": [1e300], "d": [-1e300]})[0] == pytest.approx(y.mean(), abs=3 * np.ptp(y))
    assert served.explain()["limited"] == ["a", "d"]


@pytest.mark.parametrize("actuals", [[100.0], [0.0, 0.0, 100.0], [-3.0, 100.0]])
def test_of_a_policy_without_a_range_the_actuals_tell_the_size(actuals: list[float]) -> None:
    served = Router(policy_of(["a"], ["b"]))
    for actual in actuals:
        served.predict({"a": [actual], "b": [actual]})
        served.update(actual)
    for wild in (1e22, -1e22, 1e9):
        assert served.predict({"a": [101.0], "b": [wild]})[0] == pytest.approx(101.0, abs=3.0)
    assert served.predict({"a": [101.0], "b": [99.0]})[0] == pytest.approx(100.0, abs=3.0)


@pytest.mark.parametrize(("before", "after"), [(0.0, 10.0), (100.0, 2000.0), (100.0, -7e6)])
def test_where_the_series_has_moved_the_limits_follow(before: float, after: float) -> None:
    noise = np.random.default_rng(3).normal(size=(200, 5))
    y = np.repeat([before, after], 100) + np.where(before, noise[:, 4], 0.0)
    rows = y[:, None] + np.where(before, noise[:, :4], 0.0)
    served = Router(
        policy_of(ONLINE, OFFLINE), Validation.of(y[:100], dict(zip(NAMES, rows[:100].T, strict=True)))
    )
    errors = []
    for row, actual in zip(rows[100:], y[100:], strict=True):
        errors.append(abs(served.predict(row[None])[0] - actual))
        served.update(float(actual))
    assert max(errors[6:]) < 3
    wild = served.predict({"a": [after], "b": [after], "c": [1e9 * after]})[0]
    assert wild == pytest.approx(after, abs=3)


def test_one_wild_actual_opens_the_limits_for_one_step() -> None:
    y = np.linspace(10.0, 12.0, 50)
    validation = Validation.of(y, dict.fromkeys(NAMES, y))
    served = Router(policy_of(ONLINE, OFFLINE), validation, parts=("median",))
    for actual, low, high in ((1e9, 8, 14), (11.0, 10 - 64, 14 + 64), (11.0, 8, 16)):
        for wild, limit in ((1e5, high), (-1e5, low)):
            assert served.predict({"a": [wild]})[0] == pytest.approx(limit)
        served.update(actual)


@pytest.mark.parametrize("wild", [1e4, -1e8, 1e150])
@pytest.mark.parametrize("row", [72, 100])
def test_one_wild_actual_does_not_spoil_what_follows(row: int, wild: float) -> None:
    rng = np.random.default_rng(8)
    y = 10 + rng.normal(size=400)
    rows = y[:, None] + rng.normal(size=(400, 4)) * [0.2, 0.5, 1.0, 2.0]

    def error(actuals: np.ndarray) -> float:
        validation = Validation.of(actuals[:96], dict(zip(NAMES, rows[:96].T, strict=True)), horizon=24)
        served = Router(policy_of(ONLINE, OFFLINE), validation, horizon=24)
        errors = []
        for first in range(96, 384, 24):
            block = slice(first, first + 24)
            errors.append(np.abs(served.predict(rows[block]) - y[block]).mean())
            served.update(actuals[block])
        return float(np.mean(errors))

    spoilt = y.copy()
    spoilt[row] = wild
    assert error(spoilt) < 1.15 * error(y)


def test_a_model_weighs_where_it_is_good_by_lead_time() -> None:
    rng = np.random.default_rng(4)
    served = Router(policy_of(ONLINE, OFFLINE, scores=dict.fromkeys(NAMES, 1.0)), horizon=8)
    noise = np.ones((8, 4))
    noise[0, 0] = noise[4:, 3] = 0.1  # "a" knows the next step, "d" the far ones
    for _ in range(12):
        y = 10 + rng.normal(size=8)
        served.predict(y[:, None] + noise * rng.choice([-1.0, 1.0], size=(8, 4)))
        served.update(y)
    served.predict(np.full((8, 4), 10.0))
    for step, best in ((0, "a"), (5, "d")):
        told = served.explain(step)
        for field in ("model_weights", "lead_weights"):
            weights = told[field]
            assert max(weights, key=weights.__getitem__) == best
            assert sum(weights.values()) == pytest.approx(1)
    assert served.explain(0)["steady_weights"] == served.explain(5)["steady_weights"]


def test_it_reads_what_it_wrote_at_any_magnitude() -> None:
    served = Router(policy_of(ONLINE, OFFLINE, scores=dict.fromkeys(NAMES, 1e150)))
    for actual in (1e150, -1e150, 0.0):
        served.predict(np.full((1, 4), 1e160))
        assert Router.from_json(json.loads(json.dumps(served.to_json()))).to_json() == served.to_json()
        served.update(actual)


def unchanged_after(served: Router, call: object, error: type[Exception], text: str) -> None:
    before = json.dumps(served.to_json())
    with pytest.raises(error, match=text):
        call()  # type: ignore[operator]
    assert json.dumps(served.to_json()) == before


def test_bad_forecasts_are_refused_and_nothing_changes() -> None:
    served = trained()
    served.predict({"a": [1.0]})
    for forecasts, text in (
        ({"x": [1.0], "a": [1.0]}, r'"x".*a model that the policy does not have'),
        ({}, "no forecast at all"),
        ({"a": None}, "no forecast at all"),
        ({"a": []}, r"shape \(0,\)"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "2 steps; expected 1, as a has"),
        ({"a": [[1.0]]}, r"shape \(1, 1\)"),
        ({"a": ["much"]}, "numbers"),
        ({"a": [10**400], "b": [1], "c": [1], "d": [1]}, "numbers"),
        (np.zeros((1, 3)), r"expected shape \(steps, 4\)"),
        (np.zeros(4), r"expected shape \(steps, 4\)"),
        (np.zeros((0, 4)), "at least one step"),
        ({"a": [1.0, np.nan], "b": [2.0, np.inf]}, "step 1: found no finite forecast"),
    ):
        unchanged_after(served, lambda forecasts=forecasts: served.predict(forecasts), InputError, text)


def test_bad_actuals_are_refused_and_nothing_changes() -> None:
    served = trained()
    unchanged_after(served, lambda: served.update(1.0), CallOrderError, "none waits for an actual")
    served.predict({"a": [1.0, 2.0]})
    unchanged_after(served, lambda: served.update([1.0, 2.0, 3.0]), CallOrderError, "2 wait for actuals")
    unchanged_after(served, lambda: served.update([1.0, np.nan]), InputError, "row 1: found nan")
    unchanged_after(served, lambda: served.update(np.inf), InputError, "row 0: found inf")
    unchanged_after(served, lambda: served.update(10**400), InputError, "expected numbers")
    unchanged_after(served, lambda: served.update([]), InputError, r"shape \(0,\)")
    unchanged_after(served, lambda: served.update([[1.0]]), InputError, r"shape \(1, 1\)")
    served.update([1.0, 2.0])
    unchanged_after(served, lambda: served.update([1.0, 2.0]), CallOrderError, "none waits")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"skill": "other"}, r"\$\.skill"),
        ({"version": 2}, r"\$\.version: found 2; expected version 1"),
        ({"routing": {"version": 9}}, r"\$\.routing\.version: found 9"),
        ({"routing": {"range": [2, 1]}}, r"\$\.routing\.range"),
        ({"dirty_interval": -1}, r"\$\.dirty_interval: found -1"),
        (
            {"dirty_interval": 10**30},
            r"\$\.dirty_interval: found 1000.*expected an integer from 0 to 1000000",
        ),
        ({"amplitude_window": 10**9}, r"\$\.amplitude_window: found 1000000000"),
        ({"scores": {"a": 10**400, "b": 1, "c": 1, "d": 1}}, r"\$\.scores\.a"),
        ({"amplitude_window": 0}, r"\$\.amplitude_window"),
        ({"scores": {"a": 1e200, "b": 1.0, "c": 1.0}}, r"found 1e\+200; expected a number from 0 to 1e\+150"),
        ({"mutant_epsilon": 0}, r"\$\.mutant_epsilon: found 0; expected a number > 0 or null"),
        ({"online_models": []}, r"\$\.online_models"),
        ({"offline_models": ["a"]}, r"\$\.offline_models"),
        ({"scores": {"a": 1, "b": 1, "c": 1}}, r"\$\.scores\.d: found null"),
        ({"scores": {"a": 1, "b": 1, "c": 1, "d": -1}}, r"\$\.scores\.d: found -1"),
    ],
)
def test_what_is_no_policy_of_this_version_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        router(**fields)


@pytest.mark.parametrize("policy", [None, [], "policy"])
def test_a_policy_is_an_object(policy: object) -> None:
    with pytest.raises(InputError, match="expected a policy: an object"):
        Router(policy)  # type: ignore[arg-type]


@pytest.mark.parametrize("horizon", [0, -3, 1.5, True, 10**9])
def test_a_horizon_is_a_positive_whole_number(horizon: int) -> None:
    with pytest.raises(InputError, match="horizon: found"):
        Router(policy_of(ONLINE, OFFLINE), horizon=horizon)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InputError, match='"medain"'):
        Router(policy_of(ONLINE, OFFLINE), parts=("medain",))
    with pytest.raises(InputError, match="no expert"):
        Router(policy_of(ONLINE, OFFLINE), parts=("guard",))


def test_a_mutation_makes_the_next_steps_dirty() -> None:
    served = trained(mutant_epsilon=0.3, dirty_interval=2)
    calm = {"a": [100.0], "b": [101.0], "c": [102.0], "d": [103.0]}
    served.predict(calm)
    served.update(300.0)
    offline_scores = served.to_json()["state"]["scores"][2:]
    expert_gains = served.to_json()["state"]["expert_gains"]
    high = {"a": [299.0], "b": [301.0], "c": [102.0], "d": [103.0]}
    for left in (2, 1):
        value = served.predict(high)[0]
        told = served.explain()
        assert (told["mutation"], told["dirty"], told["dirty_steps_left"]) == (left == 2, True, left)
        assert value == told["experts"]["online"]["forecast"]
        served.update(value)
        assert served.to_json()["state"]["scores"][2:] == offline_scores
        assert served.to_json()["state"]["expert_gains"] == expert_gains
    served.predict(high)
    assert served.explain()["dirty"] is False
    served.update(300.0)
    assert served.to_json()["state"]["scores"][2:] != offline_scores


def test_without_epsilon_nothing_is_a_mutation() -> None:
    served = trained()
    served.predict(np.full((1, 4), 100.0))
    served.update(1e9)
    served.predict(np.full((1, 4), 100.0))
    assert (served.explain()["mutation"], served.explain()["dirty"]) == (False, False)


def test_only_the_dirty_steps_of_a_block_are_dirty() -> None:
    served = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.3, dirty_interval=2), horizon=4)
    served.predict(np.full((4, 4), 100.0))
    served.update([100.0, 100.0, 100.0, 300.0])
    served.predict(np.full((4, 4), 100.0))
    assert [served.explain(step)["dirty"] for step in range(4)] == [True, True, False, False]


def test_the_amplitude_factor_moves_half_way() -> None:
    served = Router(policy_of(ONLINE, OFFLINE), parts=("amplitude",))
    for _ in range(3):
        served.predict(np.full((1, 4), 10.0))
        assert served.explain()["amplitude_factor"] == 1
        served.update(12.0)
    served.predict(np.full((1, 4), 10.0))
    served.update(12.0)
    assert served.predict(np.full((1, 4), 10.0))[0] == pytest.approx(11.0)
    assert served.explain()["amplitude_factor"] == pytest.approx(1.1)
    for _ in range(4):
        served.predict(np.full((1, 4), 10.0))
        served.update(90.0)
    served.predict(np.full((1, 4), 10.0))
    assert served.explain()["amplitude_factor"] == 1.5


def test_where_nothing_was_gained_by_any_expert_the_median_is_served() -> None:
    state = trained().to_json()
    state["state"]["expert_gains"] = [[-1.0]] * len(state["state"]["expert_gains"])
    for kind in (Router, RouterPanel):
        served = kind.from_json(state)
        rows = [1.0, 2.0, 4.0, 5.0]
        assert served.predict(np.array([rows] if kind is Router else [[rows]])).item() == 3.0


def test_explain_needs_a_step() -> None:
    served = router()
    with pytest.raises(CallOrderError, match="no step 0"):
        served.explain()
    served.predict({"a": [1.0]})
    with pytest.raises(CallOrderError, match="no step 1"):
        served.explain(1)


@pytest.mark.parametrize("split", [0, 1, 2, 5])
def test_the_state_goes_on_to_the_bit(split: int) -> None:
    rng = np.random.default_rng(9)
    whole = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.2), horizon=5)
    other = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.2), horizon=5)
    for _ in range(12):
        y = 10 + 3 * rng.normal(size=5)
        forecasts = y[:, None] + rng.normal(size=(5, 4))
        forecasts[rng.random((5, 4)) < 0.1] = np.nan
        assert (whole.predict(forecasts) == other.predict(forecasts)).all()
        whole.update(y)
        if split:
            other.update(y[:split])
        other = Router.from_json(json.loads(json.dumps(other.to_json())))
        if split < 5:
            other.update(y[split:])
        assert other.to_json() == whole.to_json()


def test_a_state_survives_a_file(tmp_path: Path) -> None:
    served = trained()
    served.predict({"a": [1.0, 2.0]})
    served.save(tmp_path / "state.json")
    assert Router.load(tmp_path / "state.json").to_json() == served.to_json()


def test_a_torn_state_file_is_refused_at_any_length(tmp_path: Path) -> None:
    served = trained()
    served.predict({"a": [1.0]})
    path = tmp_path / "state.json"
    served.save(path)
    data = path.read_bytes()
    for length in [*range(0, len(data) - 1, 97), len(data) - 3]:
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"state\.json"):
            Router.load(path)
    path.write_bytes(data)
    Router.load(path)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["version"], 2, r"\$\.version: found 2; expected 5; .*start with a new state file"),
        (["state", "epsilon", 0], 1e308, r"\$\.state\.epsilon"),
        (["format"], "x", r"\$\.format"),
        (["parts"], "median", r"\$\.parts"),
        (["policy", "online"], ["a"], "routing|scores|best|shape"),
        (["policy", "best"], 9, r"\$\.policy\.best"),
        (["state", "scores"], [[1.0]], r"\$\.state\.scores"),
        (["state", "scores", 0, 0], -1.0, r"\$\.state\.scores: found zero or less"),
        (["state", "scores", 0, 0], None, r"\$\.state\.scores"),
        (["state", "best", 0], 7, r"\$\.state\.best"),
        (["state", "dirty", 0], 1.5, r"\$\.state\.dirty"),
        (["state", "dirty", 0], -5, r"\$\.state\.dirty"),
        (["state", "window_rows", 0], -1, r"\$\.state\.window_rows"),
        (["state", "scale", 0], 1e150, r"\$\.state\.floor"),
        (["state", "seen", 0, 0], -1.7e308, r"\$\.state\.seen: found numbers of no router"),
        (["state", "expert_squares", 0, 0], 1e-320, r"\$\.state\.expert_squares"),
        (["state", "usual_error", 0], 1e-300, r"\$\.state\.usual_error"),
        (["state", "lead_scores"], [[1.0]], r"\$\.state\.lead_scores"),
        (["state", "last", 0], "x", r"\$\.state\.last"),
        (["waiting", 0, "step"], -1, r"\$\.waiting\[0\]\.step"),
        (["policy", "best"], True, r"\$\.policy\.best"),
        (["waiting", 0, "limited", 0, 0], 1e300, r"\$\.waiting\[0\]"),
        (["state", "squares", 0, 0], 1e-320, r"\$\.state\.squares"),
        (["waiting"], None, r"\$\.waiting"),
        (["waiting", 0, "experts"], [1.0], r"\$\.waiting\[0\]"),
        (["waiting", 0, "served", 0], 10**400, r"\$\.waiting\[0\]"),
    ],
)
def test_a_damaged_state_is_refused(path: list[str | int], value: object, text: str) -> None:
    served = trained()
    served.predict({"a": [1.0]})
    state = json.loads(json.dumps(served.to_json()))
    place = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(InputError, match=text):
        Router.from_json(state)


@pytest.mark.parametrize("block", [1, 3, 6])
def test_no_value_knows_an_actual_of_its_own_block_or_later(panel: Panel, block: int) -> None:
    starts = [first for first in panel.blocks if first >= panel.validation_rows]
    first, after = starts[block], starts[block + 1] if block + 1 < len(starts) else len(panel.actuals)
    changed = panel.actuals.copy()
    changed[first:] = 1e3 * np.random.default_rng(0).normal(size=len(changed) - first)
    policy = {**panel.policy(), "mutant_epsilon": 0.2}
    other = Panel(panel.name, panel.models, changed, panel.forecasts, panel.blocks, panel.validation_rows)
    one, two = served_test_rows(panel, policy), served_test_rows(other, policy)
    seen = after - panel.validation_rows
    assert one[:seen].tobytes() == two[:seen].tobytes()
    assert (one[seen:] != two[seen:]).any()
