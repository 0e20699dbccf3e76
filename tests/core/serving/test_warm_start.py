"""Serving goes on from what the router learned on validation, or says why it does not. About 2 s."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.made_panels import make_panel

from elpa_core.backtest.panels import Panel
from elpa_core.cli import main
from elpa_core.routing import Router
from elpa_core.serving.warm_start import start_router

HORIZON = 6


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make_panel(7, horizon=HORIZON)


@pytest.fixture
def policy_file(tmp_path: Path, panel: Panel) -> Path:
    """The policy that elpa integrate makes of the validation rows."""
    rows, models = panel.validation_rows, []
    for column, (group, name) in enumerate(panel.models):
        lines = ["y_true,pred"]
        for actual, forecast in zip(panel.actuals[:rows], panel.forecasts[:rows, column], strict=True):
            lines.append(f"{float(actual)!r},{float(forecast)!r}")
        (tmp_path / f"{name}.csv").write_text("\n".join([*lines, ""]))
        models.append({"name": name, "group": group, "error_csv": str(tmp_path / f"{name}.csv")})
    config = tmp_path / "integrate.json"
    config.write_text(json.dumps({"horizon": HORIZON, "models": models}))
    path = tmp_path / "policy.json"
    assert main(["integrate", "--config", str(config), "--output", str(path)]) == 0
    return path


def test_it_answers_as_a_router_that_has_just_seen_the_validation_rows(
    policy_file: Path, panel: Panel
) -> None:
    policy = json.loads(policy_file.read_bytes())
    warm, cold = start_router(policy, policy_file.parent), Router(policy)
    replayed = Router({**policy, "routing": None}, panel.validation, horizon=HORIZON)
    rows = panel.validation_rows
    differs = False
    for first in range(rows, rows + 5 * HORIZON, HORIZON):
        block = panel.forecasts[first : first + HORIZON]
        forecasts = {name: block[:, column] for column, name in enumerate(panel.names)}
        served = [router.predict(forecasts).tolist() for router in (warm, replayed, cold)]
        assert served[0] == served[1]
        differs |= served[0] != served[2]
        for router in (warm, replayed, cold):
            router.update(panel.actuals[first : first + HORIZON])
    assert differs


def test_its_intervals_are_warm_if_they_are_asked_for(policy_file: Path, panel: Panel) -> None:
    policy = json.loads(policy_file.read_bytes())
    rows, levels = panel.validation_rows, (80, 95)
    replayed = Router({**policy, "routing": None}, panel.validation, horizon=HORIZON, levels=levels)
    warm = start_router(policy, policy_file.parent, levels=levels)
    block = panel.forecasts[rows : rows + HORIZON]
    forecasts = {name: block[:, column] for column, name in enumerate(panel.names)}
    given, expected = (router.predict(forecasts, levels) for router in (warm, replayed))
    np.testing.assert_array_equal(given.low, expected.low)
    assert (given.low[0] < given.served).all()
    assert "intervals" not in start_router(policy, policy_file.parent).to_json()


@pytest.fixture
def route(
    policy_file: Path, panel: Panel, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """Serve a block by elpa route; return what it printed."""
    rows = panel.validation_rows
    header = ",".join(["block", "row", *(f"{group}:{name}" for group, name in panel.models)])
    lines = [
        f"0,{row}," + ",".join(map(repr, panel.forecasts[row].tolist()))
        for row in range(rows, rows + HORIZON)
    ]
    forecasts = policy_file.with_name("forecasts.csv")
    forecasts.write_text("\n".join([header, *lines, ""]))
    capsys.readouterr()

    def run(*more: str) -> tuple[str, str]:
        assert main(["route", "--policy", str(policy_file), "--forecasts", str(forecasts), *more]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    return run


def test_elpa_route_starts_warm_and_its_own_state_goes_before(
    route: Callable[..., tuple[str, str]], policy_file: Path, panel: Panel
) -> None:
    policy = json.loads(policy_file.read_bytes())
    rows = panel.validation_rows
    block = panel.forecasts[rows : rows + HORIZON]
    forecasts = {name: block[:, column] for column, name in enumerate(panel.names)}
    expected = start_router(policy, policy_file.parent).predict(forecasts).tolist()
    state = policy_file.with_name("state.json")
    out, err = route("--state", str(state))
    assert [float(line.split(",")[2]) for line in out.splitlines()[1:]] == expected
    assert err == ""
    header, *lines = route("--levels", "80")[0].splitlines()
    assert header.endswith(",low_80,high_80")
    assert not any(line.endswith(",") for line in lines)  # there are intervals from the first row on
    policy_file.with_name("policy.router.json").unlink()
    assert route("--state", str(state)) == (out, "")  # nobody asks for the state of the policy


def damage_missing(state: Path) -> None:
    state.unlink()


def damage_other(state: Path) -> None:
    state.write_bytes(state.read_bytes() + b"\n")


def damage_torn(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:100])


@pytest.mark.parametrize("damage", [damage_missing, damage_other, damage_torn])
def test_a_missing_or_damaged_state_is_said_and_the_router_starts_cold(
    route: Callable[..., tuple[str, str]], policy_file: Path, damage: Callable[[Path], None]
) -> None:
    warm, _ = route()
    damage(policy_file.with_name("policy.router.json"))
    cold, err = route()
    assert err.startswith("warning: the router starts without what it learned on validation: ")
    assert "policy.router.json" in err
    assert cold != warm


def test_a_state_of_another_horizon_is_not_used(route: Callable[..., tuple[str, str]]) -> None:
    _, err = route("--horizon", "3")
    assert "$.policy.horizon: found 6; expected 3" in err


def test_a_policy_without_a_state_starts_cold_and_says_nothing(
    route: Callable[..., tuple[str, str]], policy_file: Path
) -> None:
    policy: dict[str, Any] = json.loads(policy_file.read_bytes())
    del policy["routing"]["state"]
    policy_file.write_text(json.dumps(policy))
    _, err = route()
    assert err == ""
