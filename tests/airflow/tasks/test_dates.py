"""As of when a Dag run trains, seen by its commands. About 5 seconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("dates")
    dates = (
        "printf '%s\\n' {as_of} '{data_interval_start}' \"{data_interval_end}\" {run_id} {run_type} > dates"
    )
    dated = [model("on", cmd=train_cmd(1, first=dates)), model("off", "offline")]
    once = {"retries": 0}
    site.config("no_date", dated, airflow=once)
    site.config("daily", dated, airflow={"schedule": "0 6 * * *", "timezone": "Europe/Berlin", **once})
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    dates = {"elpa_no_date": None, "elpa_daily": "2026-01-31T12:00:00+00:00"}
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test(dates=dates).items()}


def test_a_run_without_dates_goes_up_to_run_after(home: Site, runs: dict[str, DagRunResult]) -> None:
    run = runs["no_date"]
    assert run.state == "success"
    ((run_after, logical_date),) = home.query(
        "SELECT run_after, logical_date FROM dag_run WHERE dag_id = 'elpa_no_date' AND run_id = ?", run.run_id
    )
    assert logical_date is None
    as_of = run.policy["run"]["as_of"]
    assert dt.datetime.fromisoformat(as_of) == dt.datetime.fromisoformat(run_after).replace(tzinfo=dt.UTC)
    dates = (run.run_dir / "models" / "on" / "dates").read_text(encoding="utf-8").splitlines()
    assert dates == [as_of.replace("Z", "+00:00"), "", "", run.run_id, "manual"]


def test_a_cron_schedule_has_an_interval_of_a_day(runs: dict[str, DagRunResult]) -> None:
    run = runs["daily"]
    dates = (run.run_dir / "models" / "on" / "dates").read_text(encoding="utf-8").splitlines()
    # 06:00 in Berlin is 05:00 UTC in winter.
    start, end = "2026-01-30T05:00:00+00:00", "2026-01-31T05:00:00+00:00"
    assert dates == [end, start, end, run.run_id, "manual"]
    assert run.policy["run"]["as_of"] == run.manifest["as_of"] == "2026-01-31T05:00:00Z"


def test_airflow_tasks_render_shows_it_and_freezes_nothing(home: Site, runs: dict[str, DagRunResult]) -> None:
    own = runs["daily"].run_dir
    shown = home.airflow("tasks", "render", "elpa_daily", "online.on", "2026-02-01").stdout
    assert "printf '%s\\n' 2026-0" in shown
    assert list(own.parent.iterdir()) == [own]
