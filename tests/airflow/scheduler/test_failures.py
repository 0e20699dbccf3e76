"""What becomes of runs in which something fails, and of what they publish. About two minutes.

After each failure the policy is either the right one or absent, and the run's state tells the truth.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from airflow_runs import eventually, read_json
from airflow_site import alive, model, pids_in, train_cmd
from scheduled import Scheduled

pytestmark = pytest.mark.slow

ONCE = {"retries": 0}
# Fails as long as the file is there, and counts its attempts.
MAY_FAIL = "echo >> {config_dir}/attempts_{model_name}; [ ! -e {config_dir}/broken_{model_name} ] || exit 3"
SLOW = "echo $$ > pid; sleep 300"


def may_fail(name: str, group: str = "online", *errors: float) -> dict[str, Any]:
    return model(name, group, cmd=train_cmd(*errors or (1.5, 2.5), first=MAY_FAIL))


def attempts(standalone: Scheduled, name: str) -> int:
    path = standalone.configs / f"attempts_{name}"
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def scores(policy: Any) -> dict[str, Any]:
    """Return what of a policy the numbers are, without runs and times."""
    return {name: policy[name] for name in ("scores", "online_weights", "offline_weights", "degraded")}


class TestAModelThatFails:
    def test_fails_the_run_until_it_is_mended_and_cleared(self, standalone: Scheduled) -> None:
        dag_id = "elpa_strict"
        models = [may_fail("good"), may_fail("bad", "online", 5, 6), may_fail("off", "offline")]
        standalone.config("strict", models, airflow=ONCE)
        broken = standalone.configs / "broken_bad"
        broken.touch()
        run_id, state = standalone.run(dag_id)
        assert (state, standalone.policy(dag_id, run_id)) == ("failed", None)
        states = standalone.states(dag_id, run_id)
        assert (states["online.bad"], states["integrate"], states["offline.off"]) == (
            "failed",
            "failed",
            "success",
        )
        assert standalone.tries(dag_id, run_id)["integrate"] == 1
        log = str(standalone.task(dag_id, run_id, "integrate", "/logs/1"))
        assert "no policy: online model bad (the task failed: the command ended with exit code 3)" in log
        assert standalone.asset_events(dag_id) == []
        # Mended: what did not fail is not trained again.
        broken.unlink()
        standalone.clear(dag_id, run_id, ["online.bad"])
        eventually(lambda: standalone.policy(dag_id, run_id), "there is a policy")
        assert standalone.wait(dag_id, run_id) == "success"
        assert [attempts(standalone, name) for name in ("good", "bad", "off")] == [1, 2, 1]
        other, state = standalone.run(dag_id)
        assert state == "success"
        assert scores(standalone.policy(dag_id, run_id)) == scores(standalone.policy(dag_id, other))

    def test_is_missing_from_a_degraded_policy_if_the_config_says_so(self, standalone: Scheduled) -> None:
        dag_id = "elpa_lenient"
        models = [model("good"), model("crash", cmd="exit 4"), model("off", "offline")]
        standalone.config("lenient", models, airflow={**ONCE, "on_model_failure": "continue"})
        run_id, state = standalone.run(dag_id)
        policy = standalone.policy(dag_id, run_id)
        assert (state, policy["degraded"], policy["online_weights"]) == ("success", True, {"good": 1.0})
        (missing,) = policy["missing"]
        assert missing == {
            "name": "crash",
            "group": "online",
            "reason": "the task failed: the command ended with exit code 4",
            "intended": False,
        }
        assert standalone.entry(dag_id, run_id, "crash")["status"] == "failed"

    def test_leaves_no_policy_if_its_group_has_too_few_others(self, standalone: Scheduled) -> None:
        dag_id = "elpa_too_few"
        models = [model("a"), model("crash", cmd="exit 4"), model("off", "offline")]
        airflow = {**ONCE, "on_model_failure": "continue", "min_models_per_group": 2}
        standalone.config("too_few", [*models, model("off2", "offline")], airflow=airflow)
        run_id, state = standalone.run(dag_id)
        assert (state, standalone.policy(dag_id, run_id)) == ("failed", None)
        assert standalone.tries(dag_id, run_id)["integrate"] == 1
        log = str(standalone.task(dag_id, run_id, "integrate", "/logs/1"))
        assert "no policy: 1 online models, min_models_per_group is 2; missing: online model crash" in log

    def test_is_tried_again_as_often_as_the_config_says(self, standalone: Scheduled) -> None:
        dag_id = "elpa_flaky"
        flaky = "echo x >> {config_dir}/tries; [ $(wc -l < {config_dir}/tries) -gt 2 ] || exit 5"
        models = [model("on", cmd=train_cmd(1, 2, first=flaky)), model("off", "offline")]
        standalone.config("flaky", models, airflow={"retries": 2, "retry_delay": 0})
        run_id, state = standalone.run(dag_id)
        assert (state, standalone.tries(dag_id, run_id)["online.on"]) == ("success", 3)
        assert standalone.policy(dag_id, run_id)["degraded"] is False


class TestStopping:
    def test_a_timeout_is_the_reason_that_the_policy_gives(self, standalone: Scheduled) -> None:
        dag_id = "elpa_slow"
        models = [model("good"), model("slow", cmd=SLOW, airflow={"execution_timeout": 2})]
        airflow = {**ONCE, "on_model_failure": "continue"}
        standalone.config("slow", [*models, model("off", "offline")], airflow=airflow)
        run_id, state = standalone.run(dag_id)
        policy = standalone.policy(dag_id, run_id)
        assert (state, policy["degraded"]) == ("success", True)
        assert policy["missing"][0]["reason"] == (
            "the task failed: the command was stopped after its execution_timeout of 2 seconds"
        )
        pids = pids_in(standalone.run_dir(dag_id, run_id) / "models" / "slow" / "pid")
        assert not any(map(alive, pids))

    def test_a_task_marked_failed_in_the_middle_fails_a_strict_run(self, standalone: Scheduled) -> None:
        dag_id = "elpa_marked_strict"
        standalone.config("marked_strict", [model("slow", cmd=SLOW), model("off", "offline")], airflow=ONCE)
        run_id = standalone.start_run(dag_id)
        pid = standalone.run_dir(dag_id, run_id) / "models" / "slow" / "pid"
        eventually(lambda: pid.exists() and pids_in(pid), "the command has started")
        pids = pids_in(pid)
        standalone.mark_failed(dag_id, run_id, "online.slow")
        assert standalone.wait(dag_id, run_id) == "failed"
        eventually(lambda: not any(map(alive, pids)), "nothing of the command lives", 30)
        assert standalone.policy(dag_id, run_id) is None
        assert standalone.asset_events(dag_id) == []


PUBLISHED = "elpa_published"


@pytest.fixture(scope="module")
def run_ids(standalone: Scheduled) -> list[str]:
    """Three runs at the same time; the second one has the latest date, the third one the earliest."""
    standalone.config("published", [model("on"), model("off", "offline")], airflow=ONCE)
    standalone.airflow.wait_for_dag(PUBLISHED)
    dates = [f"2026-02-0{day}T00:00:00Z" for day in (2, 3, 1)]
    found = [standalone.start_run(PUBLISHED, logical_date=date) for date in dates]
    for run_id in found:
        assert standalone.wait(PUBLISHED, run_id) == "success"
    return found


class TestPublishing:
    """Runs of one Dag with other dates, together and again."""

    DAG_ID = PUBLISHED

    def moments(self, standalone: Scheduled, *, published: bool) -> list[dt.datetime]:
        return [
            dt.datetime.fromisoformat(line["as_of"])
            for line in standalone.history(self.DAG_ID)
            if line["number"] is not None or not published
        ]

    def test_runs_that_end_together_leave_the_latest_date_in_order(
        self, standalone: Scheduled, run_ids: list[str]
    ) -> None:
        published = self.moments(standalone, published=True)
        assert published == sorted(published)
        assert len(self.moments(standalone, published=False)) == 3
        assert standalone.current(self.DAG_ID)["record"]["run_id"] == run_ids[1]
        assert len(standalone.asset_events(self.DAG_ID)) == len(published)

    def test_an_old_run_done_again_is_recorded_and_not_published(
        self, standalone: Scheduled, run_ids: list[str]
    ) -> None:
        before = standalone.current(self.DAG_ID)
        events = len(standalone.asset_events(self.DAG_ID))
        count = len(standalone.history(self.DAG_ID))
        standalone.clear(self.DAG_ID, run_ids[2], ["online.on"])
        eventually(lambda: len(standalone.history(self.DAG_ID)) > count, "the policy is in the history")
        assert standalone.wait(self.DAG_ID, run_ids[2]) == "success"
        last = standalone.history(self.DAG_ID)[-1]
        assert (last["run_id"], last["policy_number"], last["action"]) == (run_ids[2], 2, "recorded")
        assert "older than the current policy" in last["reason"]
        assert standalone.current(self.DAG_ID) == before
        assert len(standalone.asset_events(self.DAG_ID)) == events

    def test_the_current_run_done_again_is_published_again(
        self, standalone: Scheduled, run_ids: list[str]
    ) -> None:
        before = standalone.current(self.DAG_ID)
        events = len(standalone.asset_events(self.DAG_ID))
        count = len(standalone.history(self.DAG_ID))
        standalone.clear(self.DAG_ID, run_ids[1], ["online.on"])
        eventually(lambda: len(standalone.history(self.DAG_ID)) > count, "the policy is in the history")
        assert standalone.wait(self.DAG_ID, run_ids[1]) == "success"
        current = standalone.current(self.DAG_ID)
        assert (current["record"]["run_id"], current["record"]["number"]) == (run_ids[1], 2)
        assert scores(current) == scores(before)
        assert len(standalone.asset_events(self.DAG_ID)) == events + 1
        first = standalone.run_dir(self.DAG_ID, run_ids[1]) / "policies"
        assert len([read_json(path) for path in first.iterdir()]) == 2


class TestAScheduler:
    """Killed while models train, and started again; the last test, since it is another one then."""

    def test_that_is_killed_loses_no_run(self, standalone: Scheduled) -> None:
        dag_id = "elpa_orphaned"
        wait = "echo $$ > pid; for i in $(seq 300); do [ ! -e {config_dir}/go ] || break; sleep 0.2; done"
        models = [
            model("slow", cmd=train_cmd(3, 4, first=wait)),
            model("quick"),
            model("off", "offline", cmd=train_cmd(5, 6, first=wait)),
        ]
        standalone.config("orphaned", models, airflow={"retries": 1, "retry_delay": 0})
        run_id = standalone.start_run(dag_id)
        pids = [standalone.run_dir(dag_id, run_id) / "models" / name / "pid" for name in ("slow", "off")]
        eventually(lambda: all(path.exists() for path in pids), "both commands have started")
        assert standalone.kill_scheduler() >= 1
        assert standalone.airflow.run_state(dag_id, run_id) == "running"
        assert standalone.policy(dag_id, run_id) is None
        (standalone.configs / "go").touch()
        standalone.start_scheduler()
        eventually(
            lambda: standalone.airflow.run_state(dag_id, run_id) in {"success", "failed"}, "the run ends", 240
        )
        state, policy = standalone.airflow.run_state(dag_id, run_id), standalone.policy(dag_id, run_id)
        assert (state == "success") == (policy is not None)
        assert state == "success", standalone.states(dag_id, run_id)
        assert (policy["degraded"], set(policy["scores"])) == (False, {"slow", "quick", "off"})
        # The next run is as any other.
        other, state = standalone.run(dag_id)
        assert state == "success"
        assert scores(standalone.policy(dag_id, other)) == scores(policy)
