"""Commands that are not to go on: nothing of them lives on, and the policy tells why. About 30 seconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.airflow_runs import eventually, read_json
from support.airflow_site import alive, model, pids_in
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

# It minds no SIGTERM, and has a child in its group and one in a session of its own that mind none.
STUBBORN = """\
trap '' TERM
echo it is running
awk '{{print $4}}' /proc/$PPID/stat > task_process
sleep 600 & echo $! > started
setsid bash -c 'trap "" TERM; echo $$ >> started; sleep 600; sleep 600' &
while [ "$(wc -l < started)" -lt 2 ]; do sleep 0.02; done
echo $$ >> started
mv started pids
wait
"""


def begin(standalone: Standalone, name: str, *more: dict[str, object], **airflow: object) -> tuple[str, Path]:
    """Start a run, and return its id and the folder of its stubborn model, whose command runs then."""
    models = [model("good"), model("stubborn", cmd=STUBBORN), *more, model("off", "offline")]
    standalone.config(name, models, airflow={"retries": 0, "stop_grace": 1, **airflow})
    run_id = standalone.trigger(f"elpa_{name}")
    folder = standalone.run_dir(f"elpa_{name}", run_id) / "models" / "stubborn"
    eventually((folder / "pids").exists, "the command has started its children")
    assert all(map(alive, pids_in(folder / "pids")))
    eventually(
        lambda: "it is running" in standalone.log(f"elpa_{name}", run_id, "online.stubborn"),
        "the log shows what the command has printed so far",
    )
    return run_id, folder


def assert_nothing_lives(folder: Path) -> None:
    pids = pids_in(folder / "pids")
    assert len(pids) == 3
    eventually(lambda: not any(map(alive, pids)), "nothing of the command lives", 30)


def test_nothing_outlives_a_task_that_is_marked_failed_and_a_strict_run_has_no_policy(
    standalone: Standalone,
) -> None:
    dag_id = "elpa_marked"
    run_id, folder = begin(standalone, "marked")
    standalone.mark_failed(dag_id, run_id, "online.stubborn")
    assert_nothing_lives(folder)
    assert standalone.wait(dag_id, run_id) == "failed"
    log = str(standalone.task(dag_id, run_id, "integrate", "/logs/1"))
    assert "no policy: online model stubborn (the task failed" in log
    assert standalone.policy(dag_id, run_id) is None
    assert standalone.asset_events(dag_id) == []


def test_nothing_outlives_a_killed_task_process_nor_a_timeout_and_the_policy_tells_both(
    standalone: Standalone,
) -> None:
    dag_id = "elpa_killed"
    slow = model("slow", cmd="echo $$ > pid; sleep 300", airflow={"execution_timeout": 2})
    run_id, folder = begin(standalone, "killed", slow, on_model_failure="continue")
    (task_process,) = pids_in(folder / "task_process")
    os.kill(task_process, signal.SIGKILL)
    assert_nothing_lives(folder)
    assert standalone.wait(dag_id, run_id) == "success"
    policy = standalone.policy(dag_id, run_id)
    assert (policy["degraded"], policy["online_weights"]) == (True, {"good": 1.0})
    assert policy["missing"] == [
        {"name": name, "group": "online", "reason": f"the task failed: {reason}", "intended": False}
        for name, reason in (
            ("stubborn", "its process was killed"),
            ("slow", "the command was stopped after its execution_timeout of 2 seconds"),
        )
    ]
    assert not any(map(alive, pids_in(folder.parent / "slow" / "pid")))
    assert read_json(folder / "status.json")["status"] == "failed"
    statuses = {entry["name"]: entry["status"] for entry in standalone.manifest(dag_id, run_id)["models"]}
    assert statuses == {"good": "ok", "stubborn": "failed", "slow": "failed", "off": "ok"}
