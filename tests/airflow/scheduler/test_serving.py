"""A policy that a run or a person publishes starts the demo's serving Dag. About a minute and a half."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from support.airflow_runs import eventually, read_json
from support.browser import drawn, new_context, new_page, token
from support.standalone_airflow import Standalone
from support.statsd import Statsd
from support.water_flow import POOL, small_pool

pytestmark = pytest.mark.slow

SOURCE, SERVING = "elpa_water_flow", "serve_water_flow"


def served_runs(standalone: Standalone) -> list[dict[str, object]]:
    return list(standalone.airflow.call("GET", f"/dags/{SERVING}/dagRuns?limit=10")["dag_runs"])


@pytest.fixture
def demo(standalone: Standalone) -> None:
    standalone.config("water_flow", **small_pool("bayesian_linear", "huber"))
    for dag_id in (SOURCE, SERVING):
        standalone.airflow.wait_for_dag(dag_id)
        standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=False)


@pytest.mark.usefixtures("demo")
def test_a_published_policy_starts_the_serving_dag_and_a_dry_run_does_not(
    standalone: Standalone, statsd: Statsd
) -> None:
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


@pytest.mark.usefixtures("demo")
def test_a_run_of_the_form_is_promoted_in_its_tab_and_starts_the_serving_dag(
    standalone: Standalone, browser: Any
) -> None:
    served = {run["dag_run_id"] for run in served_runs(standalone)}
    airflow = standalone.airflow
    page = new_page(
        new_context(browser, 1280), airflow.url, token(airflow.url, airflow.user, airflow.password)
    )
    page.goto(f"{airflow.url}/dags/{SOURCE}")
    page.get_by_role("button", name="Trigger Dag").click()
    form = page.locator("[role=dialog]:visible")
    form.locator("input[name=element_horizon]").fill("4")
    form.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url(f"**/dags/{SOURCE}/runs/**")
    run_id = unquote(urlsplit(page.url).path.split("/runs/")[1].split("/")[0])
    assert standalone.wait(SOURCE, run_id) == "success", standalone.states(SOURCE, run_id)

    verdict = standalone.policy(SOURCE, run_id)["evaluation"]["verdict"][-1]
    told = f"Recorded: best online bayesian_linear, best offline huber; {verdict}"
    assert told in standalone.log(SOURCE, run_id, "integrate").splitlines()
    links = standalone.task(SOURCE, run_id, "integrate", "/links")["extra_links"]
    page.goto(airflow.url + links["Policy"])
    tab = page.frame_locator("iframe")
    tab.get_by_role("heading", name="Serving does not read this policy").wait_for()
    drawn(tab)
    tab.get_by_role("button", name="Promote").click()
    dialog = tab.locator("dialog")
    dialog.locator("textarea").fill("four hours are enough")
    dialog.get_by_role("button", name="Promote this policy").click()
    tab.get_by_role("heading", name="Serving reads this policy").wait_for()
    page.context.close()

    eventually(lambda: len(served_runs(standalone)) == len(served) + 1, "it starts the serving Dag")
    (run,) = [run for run in served_runs(standalone) if run["dag_run_id"] not in served]
    serving_id = str(run["dag_run_id"])
    assert standalone.wait(SERVING, serving_id) == "success", standalone.log(SERVING, serving_id, "forecast")
    assert run["run_type"] == "asset_triggered"
    with (standalone.run_dir(SOURCE, run_id) / "served.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4
    last = standalone.history(SOURCE)[-1]
    assert (last["action"], last["reason"]) == ("promoted", "four hours are enough")
