"""Commands that are stopped, or leave something running, by ``dag.test()``. About 15 seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.airflow_site import DagRunResult, Site, alive, model, pair, pids_in, train_cmd

# Between the rendering of a task and the start of its command comes a SIGTERM.
DAG_FILE_THAT_STOPS_EARLY = """\
import os
import signal

from elpa_airflow import elpa_dags

dags = elpa_dags(__file__)
globals().update(dags)


def stop(context):
    os.kill(os.getpid(), signal.SIGTERM)


if "elpa_stops_early" in dags:
    dags["elpa_stops_early"].get_task("online.early").on_execute_callback = [stop]
"""

# What is left when SIGTERM does not end a command: a child, and one in a session of its own.
STUBBORN = """\
trap '' TERM
echo $$ > pids
sleep 600 & echo $! >> pids
setsid bash -c 'trap "" TERM; echo $$ >> pids; sleep 600; sleep 600' &
wait
"""
LEAVES_A_CHILD = "setsid bash -c 'echo $$ > child; sleep 600' & while [ ! -s child ]; do sleep 0.02; done"


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("stopped")
    once = {"on_model_failure": "continue", "retries": 0}
    stops = [
        model("stubborn", cmd=STUBBORN, airflow={"execution_timeout": 4, "stop_grace": 0.5}),
        model("leaves_a_child", cmd=train_cmd(1, first=LEAVES_A_CHILD)),
        model("off", "offline"),
    ]
    site.config("stops", stops, airflow=once)
    early = model("early", cmd="touch {config_dir}/early_was_started")
    site.dag_file.write_text(DAG_FILE_THAT_STOPS_EARLY, encoding="utf-8")
    site.config("stops_early", [early, *pair()], airflow=once)
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test().items()}


class TestStopping:
    def test_nothing_lives_past_the_timeout(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["stops"]
        assert run.states["online.stubborn"] == "failed"
        pids = pids_in(run.run_dir / "models" / "stubborn" / "pids")
        assert len(pids) == 3
        assert not [pid for pid in pids if alive(pid)]

    def test_the_reason_is_the_timeout(self, runs: dict[str, DagRunResult]) -> None:
        (missing,) = runs["stops"].policy["missing"]
        assert missing["name"] == "stubborn"
        assert missing["reason"] == (
            "the task failed: the command was stopped after its execution_timeout of 4 seconds"
        )

    def test_what_a_good_command_leaves_running_is_ended(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["stops"]
        assert run.states["online.leaves_a_child"] == "success"
        (child,) = pids_in(run.run_dir / "models" / "leaves_a_child" / "child")
        assert not alive(child)

    def test_a_task_that_is_stopped_before_its_command_starts_does_not_start_it(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["stops_early"]
        assert not (home.configs / "early_was_started").exists()
        (missing,) = run.policy["missing"]
        assert missing["reason"] == "the task failed: the command was stopped"
