"""A worker is killed while its models train: the other one trains them again.

The scheduler notices after `task_instance_heartbeat_timeout`: 300 seconds unless set otherwise, 20 here.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from support.airflow_runs import eventually
from support.airflow_site import alive, model, pids_in, train_cmd, training
from support.cluster import Cluster
from support.programs import PROGRAMS
from support.programs.leave_an_orphan import RIGHT
from support.s3_service import s3_service
from support.sound_policy import assert_sound

PROGRAM = PROGRAMS / "leave_an_orphan.py"
RETRIED = {"retries": 2, "retry_delay": 1}


@pytest.fixture(scope="module", autouse=True)
def _soon_noticed(cluster: Cluster) -> Iterator[None]:
    """A scheduler that gives up on a silent task sooner."""
    scheduler = cluster.components["scheduler"]
    usual = dict(scheduler.env)
    scheduler.env["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] = "20"
    scheduler.env["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL"] = "2"
    scheduler.kill()
    yield
    scheduler.env = usual
    scheduler.kill()


def test_an_orphaned_command_does_not_reach_the_next_attempt(cluster: Cluster) -> None:
    dag_id, notes = "elpa_orphan", cluster.configs
    leaves = f"{{python}} -I -S {shlex.quote(str(PROGRAM))} {{config_dir}} {{model_dir}}"
    gate = "until [ -e {config_dir}/written_when_ended ]; do sleep 0.1; done"
    models = [model("leaves", cmd=leaves), model("gate", "offline", cmd=train_cmd(4, 3, first=gate))]
    cluster.config("orphan", models, airflow=RETRIED)
    run_id = cluster.trigger(dag_id)
    eventually((notes / "orphan").exists, "the command has left its orphan")
    (orphan,) = pids_in(notes / "orphan")
    killed = cluster.task(dag_id, run_id, "online.leaves")["hostname"]
    try:
        cluster.workers[killed].kill(spared=[orphan], stays_down=True)
        eventually((notes / "written_when_retried").exists, "the orphan writes beside the next attempt")
        eventually(lambda: cluster.states(dag_id, run_id)["online.leaves"] == "success", "it is retried")
        task = cluster.task(dag_id, run_id, "online.leaves")
        assert (task["try_number"], task["hostname"] != killed) == (2, True)
        (notes / "ended").touch()
        assert cluster.wait(dag_id, run_id) == "success"
        assert (notes / "written_when_ended").exists()
    finally:
        with suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)
        cluster.workers[killed].start()
    assert_sound(cluster, dag_id, run_id, exact=False)
    artifact = cluster.entry(dag_id, run_id, "leaves")["artifact"]["path"]
    assert np.loadtxt(artifact, skiprows=1).tolist() == RIGHT


@pytest.mark.sweep
def test_a_worker_that_loses_its_main_process_alone(cluster: Cluster) -> None:
    """Its children may go on for a while, beside the next attempt."""
    dag_id = "elpa_headless"
    note = "echo $$ >> {config_dir}/headless_{model_name}; "
    checkpoint = "[ -e a.ckpt ] && cp a.ckpt found; pwd > a.ckpt; "
    first = checkpoint + note + "until [ -e {config_dir}/headless ]; do sleep 0.1; done; "
    models = [
        training("on", first=first, resume_from=["*.ckpt"]),
        training("off", "offline", first=first, resume_from=["*.ckpt"]),
    ]
    cluster.config("headless", models, airflow=RETRIED)
    run_id = cluster.trigger(dag_id)
    notes = [cluster.configs / f"headless_{name}" for name in ("on", "off")]
    eventually(lambda: all(path.exists() and pids_in(path) for path in notes), "both commands wait")
    pids = [pid for path in notes for pid in pids_in(path)]
    killed = cluster.task(dag_id, run_id, "online.on")["hostname"]
    cluster.workers[killed].kill_main_process(stays_down=True)
    try:
        eventually(lambda: len(pids_in(notes[0])) == 2, "the model is trained again")
        (cluster.configs / "headless").touch()
        assert cluster.wait(dag_id, run_id) == "success"
    finally:
        cluster.workers[killed].start()
    assert cluster.task(dag_id, run_id, "online.on")["hostname"] != killed
    eventually(lambda: not any(map(alive, pids)), "nothing of the first attempt lives", 30)
    assert_sound(cluster, dag_id, run_id)
    # The next attempt went on from where the first one was.
    folder = cluster.run_dir(dag_id, run_id) / "models" / "on"
    assert [path.read_text(encoding="utf-8").strip() for path in folder.glob("try-*/found")] == [str(folder)]


def test_a_checkpoint_of_a_lost_worker_is_fetched_from_s3(cluster: Cluster) -> None:
    dag_id, worker = "elpa_lost", cluster.workers["worker1"]  # the only one for the queue gpu
    first = "[ -e a.ckpt ] || { pwd > a.ckpt; sleep 600; }; cp a.ckpt found.txt"
    first = first.replace("{", "{{").replace("}", "}}")
    lost = model(
        "lost",
        cmd=train_cmd(1, first=first),
        resume_from=["*.ckpt"],
        artifacts=["found.txt"],
        airflow={"queue": "gpu"},
    )
    with s3_service() as service:
        service.make_bucket("lost")
        service.connect(cluster.airflow, "lost")
        cluster.config(
            "lost", [lost, model("off", "offline")], airflow={"store": "s3://lost@lost/elpa", **RETRIED}
        )
        run_id = cluster.trigger(dag_id)
        place = f"lost/elpa/{dag_id}/runs/{run_id}/models/lost"
        eventually(lambda: ".resume/index.json" in service.below(place), "the checkpoint is on S3")
        worker.kill(stays_down=True)
        work_dir = cluster.home / "elpa_work" / dag_id / "runs" / run_id / "models" / "lost"
        shutil.rmtree(work_dir)
        worker.start()
        assert cluster.wait(dag_id, run_id) == "success", cluster.states(dag_id, run_id)
        left = service.below(place)
    assert [left[name].strip() for name in left if name.endswith("/found.txt")] == [str(work_dir)]
    assert not [name for name in left if ".resume/" in name]
