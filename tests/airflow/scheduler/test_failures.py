"""What becomes of runs in which something fails. About a minute.

After each failure the policy is either the right one or absent, and the run's state tells the truth.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.airflow_runs import eventually, numbers
from support.airflow_site import model, train_cmd
from support.notifiers import TEXT, noted, notes
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

ONCE = {"retries": 0}
# Fails as long as the file is there, and counts its attempts.
MAY_FAIL = "echo >> {config_dir}/attempts_{model_name}; [ ! -e {config_dir}/broken_{model_name} ] || exit 3"


def may_fail(name: str, group: str = "online", *errors: float) -> dict[str, Any]:
    return model(name, group, cmd=train_cmd(*errors or (1.5, 2.5), first=MAY_FAIL))


def attempts(standalone: Standalone, name: str) -> int:
    path = standalone.configs / f"attempts_{name}"
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


class TestAModelThatFails:
    def test_fails_the_run_until_it_is_mended_and_cleared(self, standalone: Standalone) -> None:
        dag_id = "elpa_strict"
        worse = "; [ ! -e {config_dir}/worse ] || MORE=9"
        off = model("off", "offline", cmd=train_cmd(1.5, "${{MORE:-2.5}}", first=MAY_FAIL + worse))
        models = [may_fail("good"), may_fail("bad", "online", 5, 6), off]
        told = standalone.home / "told_of_strict"
        text = f"{TEXT}|{{{{ reason }}}}|{{{{ verdict }}}}"
        blocks = notes(told, "failed", "held_back", "published", text=text)
        blocks.append({"on": ["held_back"], "notifier": "notifiers_of_tests.Kill"})
        gate = {"promotion": {"max_score_increase": 0.1}}
        standalone.config("strict", models, airflow={**ONCE, **gate, "notify": blocks})
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
        ((*what, reason, verdict),) = noted(told)
        assert (what, verdict) == ([run_id, "failed", "bad"], "no policy")
        assert reason.startswith("no policy: online model bad (the task failed: the command ended with exit")
        # Mended: what did not fail is not trained again.
        broken.unlink()
        standalone.clear(dag_id, run_id, ["online.bad"])
        eventually(lambda: standalone.policy(dag_id, run_id), "there is a policy")
        assert standalone.wait(dag_id, run_id) == "success"
        assert [attempts(standalone, name) for name in ("good", "bad", "off")] == [1, 2, 1]
        other, state = standalone.run(dag_id)
        assert state == "success"
        assert numbers(standalone.policy(dag_id, run_id)) == numbers(standalone.policy(dag_id, other))
        assert [line[:3] for line in noted(told)[1:]] == [[name, "published", ""] for name in (run_id, other)]
        (standalone.configs / "worse").touch()
        last, state = standalone.run(dag_id)
        assert state == "failed"
        assert noted(told)[3][:3] == [last, "held_back", ""]
        assert noted(told)[3][3].startswith("the best offline score, ")
        # Nobody tells of his own death: the Dag processor does, and of each failed run one of them tells.
        eventually(lambda: len(noted(told)) == 5, "somebody tells of the killed process")
        reason = "the process of integrate was killed, or somebody has marked it failed"
        assert noted(told)[4] == [last, "failed", "", reason, "no policy"]


class TestAScheduler:
    """Killed while models train, and started again; test_restarts.py kills one of a cluster."""

    @pytest.mark.sweep
    def test_that_is_killed_loses_no_run(self, standalone: Standalone) -> None:
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
        assert numbers(standalone.policy(dag_id, other)) == numbers(policy)
