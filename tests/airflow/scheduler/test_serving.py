"""A published policy starts the demo's serving Dag, which forecasts with its models. About a minute."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import quote

import pytest
from support.airflow_runs import eventually, read_json
from support.standalone_airflow import Standalone
from support.statsd import Statsd
from support.water_flow import POOL, small_pool

pytestmark = pytest.mark.slow

SOURCE, SERVING = "elpa_water_flow", "serve_water_flow"


def served_runs(standalone: Standalone) -> list[dict[str, object]]:
    return list(standalone.airflow.call("GET", f"/dags/{SERVING}/dagRuns?limit=10")["dag_runs"])


def test_a_published_policy_starts_the_serving_dag_and_a_dry_run_does_not(
    standalone: Standalone, statsd: Statsd
) -> None:
    standalone.config("water_flow", **small_pool("bayesian_linear", "huber"))
    for dag_id in (SOURCE, SERVING):
        standalone.airflow.wait_for_dag(dag_id)
        standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=False)
    _, state = standalone.run(SOURCE, {"dry_run": True})
    assert (state, served_runs(standalone)) == ("success", [])
    assert standalone.asset_events(SOURCE) == []

    run_id, state = standalone.run(SOURCE)
    assert state == "success", standalone.states(SOURCE, run_id)
    eventually(lambda: served_runs(standalone), "the published policy starts the serving Dag")
    (run,) = served_runs(standalone)
    serving_id = str(run["dag_run_id"])
    assert standalone.wait(SERVING, serving_id) == "success", standalone.log(SERVING, serving_id, "forecast")
    assert run["run_type"] == "asset_triggered"
    (event,) = standalone.asset_events(SOURCE)

    folder = standalone.run_dir(SOURCE, run_id)
    policy = read_json(folder / "elpa_policy.json")
    gain = policy["evaluation"]["gain_over_best_single"]["router"]["gain"]
    assert (
        event["extra"].items()
        >= {
            "run_id": run_id,
            "degraded": False,
            "best_online_model": "bayesian_linear",
            "best_offline_model": "huber",
            "verdict": policy["evaluation"]["verdict"][-1],
            "gain_over_best_single": gain,
        }.items()
    )
    assert folder in Path(event["extra"]["policy"]).parents
    name = f"elpa.gain_over_best_single.{SOURCE}"
    eventually(lambda: statsd.gauges(name), "the gain is there")
    assert statsd.gauges(name) == {name: gain}
    with (folder / "served.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == POOL["horizon"]
    assert list(rows[0]) == ["timestamp", "served", "bayesian_linear", "huber"]

    # The run after a pause consumes what was published meanwhile too, and serves the newer policy.
    later = []
    for is_paused in (True, False):
        standalone.airflow.call("PATCH", f"/dags/{SERVING}", is_paused=is_paused)
        later.append(standalone.run(SOURCE))
    assert [state for _, state in later] == ["success", "success"]
    eventually(lambda: len(served_runs(standalone)) == 2, "the last policy starts the serving Dag")
    (both,) = [str(run["dag_run_id"]) for run in served_runs(standalone) if run["dag_run_id"] != serving_id]
    assert standalone.wait(SERVING, both) == "success", standalone.log(SERVING, both, "forecast")
    consumed = standalone.airflow.call("GET", f"/dags/{SERVING}/dagRuns/{quote(both)}/upstreamAssetEvents")
    assert consumed["total_entries"] == 2
    served = [(standalone.run_dir(SOURCE, run_id) / "served.csv").exists() for run_id, _ in later]
    assert served == [False, True]
