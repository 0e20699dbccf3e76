"""What is typed at the start of a run decides whether its policy is published. About 20 seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.cli.commands.task_command import _generate_temporary_run_id
from support.airflow_site import DagRunResult, Site, model, pair

from elpa_core.runs.trials import is_trial

pytestmark = pytest.mark.slow

SECRET = "typed-SECRET77"
FIRST, SECOND = "2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00"
CONFS: dict[str, dict[str, Any]] = {
    "elpa_value": {"horizon": 12, "context": {"api_token": SECRET, "epochs": 7}},
    "elpa_seed": {"seed": 7},
    "elpa_asked": {"horizon": 12, "publish": True},
    "elpa_refused": {"publish": False},
    "elpa_same": {"horizon": 1, "models": ["on", "off", "extra"], "dataset": None, "publish": None},
    "elpa_left_out": {"models": ["on", "off"]},
    "elpa_carried": {"models": ["on", "off"]},
    "elpa_future": {},
}


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("experiments")
    context = {"api_token": "own-SECRET99", "epochs": 5}
    cmd = r"printf 'abs_error\n1\n' > {model_dir}/{api_token}.csv; echo has {api_token}"
    extra = model("extra", cmd=cmd, error_csv="{model_dir}/{api_token}.csv")
    for dag_id in CONFS:
        name, models = dag_id.removeprefix("elpa_"), [*pair(), extra]
        site.config(name, models, horizon=1, seed=42, context=context)
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    home.dag_test("elpa_carried", dates={"elpa_carried": FIRST})
    dates: dict[str, str | None] = dict.fromkeys(CONFS, SECOND)
    return home.dag_test(*CONFS, dates={**dates, "elpa_future": "2199-01-01T00:00:00+00:00"}, confs=CONFS)


def decision(home: Site, dag_id: str) -> tuple[str, str]:
    """Return what the history says last of a Dag: action and reason."""
    history = (home.home / "elpa" / dag_id / "history.jsonl").read_text(encoding="utf-8")
    last = json.loads(history.splitlines()[-1])
    return last["action"], last["reason"]


def events(home: Site, dag_id: str) -> int:
    found = home.query(
        "SELECT count(*) FROM asset_event JOIN asset ON asset.id = asset_event.asset_id WHERE asset.uri = ?",
        f"elpa://{dag_id}/policy",
    )
    return int(found[0][0])


@pytest.mark.parametrize(
    ("dag_id", "reason"),
    [
        (
            "elpa_value",
            "an experiment: horizon 12 instead of 1; api_token *** instead of ***; epochs 7 instead of 5",
        ),
        ("elpa_seed", "an experiment: seed 7 instead of 42"),
        ("elpa_refused", "publish: false was given when the run was started"),
    ],
)
def test_is_recorded_and_history_and_log_say_why(
    home: Site, runs: dict[str, DagRunResult], dag_id: str, reason: str
) -> None:
    assert runs[dag_id].state == "success"
    assert decision(home, dag_id) == ("recorded", reason)
    assert f"The policy is recorded: {reason}" in runs[dag_id].task_log("integrate")
    assert not (home.home / "elpa" / dag_id / "current.json").exists()
    assert events(home, dag_id) == 0


def test_a_left_out_model_for_which_nothing_is_there_makes_an_experiment(
    home: Site, runs: dict[str, DagRunResult]
) -> None:
    action, reason = decision(home, "elpa_left_out")
    assert (action, runs["elpa_left_out"].policy["online_models"]) == ("recorded", ["on"])
    assert reason.startswith("an experiment: without extra, ")
    assert "left out of this run" in reason


def test_a_left_out_model_that_is_carried_makes_none(home: Site, runs: dict[str, DagRunResult]) -> None:
    assert runs["elpa_carried"].states["online.extra"] == "skipped"
    assert decision(home, "elpa_carried")[0] == "published"
    assert events(home, "elpa_carried") == 2


def test_a_person_publishes_an_experiment(home: Site, runs: dict[str, DagRunResult]) -> None:
    reason = "the first policy; publish: true was given, an experiment: horizon 12 instead of 1"
    assert decision(home, "elpa_asked") == ("published", reason)
    assert runs["elpa_asked"].policy["chosen"] == {"horizon": 12, "publish": True}
    assert events(home, "elpa_asked") == 1


def test_what_is_typed_as_the_config_has_it_is_published(home: Site, runs: dict[str, DagRunResult]) -> None:
    assert runs["elpa_same"].state == "success"
    assert decision(home, "elpa_same") == ("published", "the first policy")


def test_a_date_in_the_future_is_recorded(home: Site, runs: dict[str, DagRunResult]) -> None:
    assert runs["elpa_future"].state == "success"
    action, reason = decision(home, "elpa_future")
    assert (action, reason.partition(" ahead")[0]) == (
        "recorded",
        "as of 2199-01-01T00:00:00Z, more than an hour",
    )
    assert events(home, "elpa_future") == 0


def test_what_is_typed_as_a_secret_is_shown_and_written_nowhere(
    home: Site, runs: dict[str, DagRunResult]
) -> None:
    """cases/runs/typed_secret.json."""
    run = runs["elpa_value"]
    assert (run.state, run.policy["errors"]["extra"]["rows"]) == ("success", 1)
    store = home.home / "elpa" / "elpa_value"
    written = [path for path in store.rglob("*") if path.is_file()]
    assert run.run_dir / "models" / "extra" / "status.json" in written
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    assert run.manifest["chosen"]["context"] == {"api_token": "***", "epochs": 7}
    assert run.entry("extra")["error_csv"] == f"{run.run_dir}/models/extra/***.csv"
    log = run.task_log("online.extra")
    assert "has ***" in log
    assert SECRET not in json.dumps([run.xcoms, run.rendered]) + log


def test_the_runs_of_airflow_tasks_test_are_known_by_their_id() -> None:
    assert is_trial(_generate_temporary_run_id())
