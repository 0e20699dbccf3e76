"""The disk of the store is full when `integrate` is to publish."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.airflow_runs import eventually, read_json
from support.airflow_site import training
from support.cluster import Cluster
from support.sound_policy import assert_sound

DAG = "elpa_full"
POOL = "elpa_models"


@pytest.fixture
def disk(cluster: Cluster) -> Iterator[Path]:
    """A disk of a megabyte, as the Dag's part of the store."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    folder = cluster.home / "elpa" / DAG
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "elpa-tests", folder], check=True)
    try:
        yield folder
    finally:
        unmount = ["umount", folder]
        eventually(lambda: subprocess.run(unmount, check=False).returncode == 0, "it is unmounted", 30)


def fill(path: Path) -> None:
    done = subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=4k"], capture_output=True, check=False)
    assert b"No space left on device" in done.stderr


def test_what_was_current_stays_until_there_is_room(cluster: Cluster, disk: Path) -> None:
    cluster.airflow.call("POST", "/pools", name=POOL, slots=8)
    many = {"retries": 100, "retry_delay": 1, "pool": POOL}
    cluster.config("full", [training("on"), training("off", "offline")], airflow=many)
    first = cluster.trigger(DAG)
    assert cluster.wait(DAG, first) == "success"
    before = (disk / "current.json").read_bytes()

    integrate_waits(cluster, slots=0)
    try:
        run_id = cluster.trigger(DAG)
        eventually(
            lambda: [*cluster.states(DAG, run_id).values()].count("success") == 2, "the models are trained"
        )
        fill(disk / "filler")
    finally:
        integrate_waits(cluster, slots=128)
    eventually(lambda: cluster.tries(DAG, run_id)["integrate"] >= 2, "integrate has failed")
    log = str(cluster.task(DAG, run_id, "integrate", "/logs/1"))
    assert "No space left on device; the policy store could not be changed" in log
    assert str(disk) in log
    assert (disk / "current.json").read_bytes() == before
    assert [line["run_id"] for line in cluster.history(DAG)] == [first]
    (disk / "filler").unlink()
    assert cluster.wait(DAG, run_id) == "success"
    assert_sound(cluster, DAG, run_id)
    assert [line["run_id"] for line in cluster.history(DAG)] == [first, run_id]
    assert read_json(disk / "current.json")["record"]["run_id"] == run_id


def integrate_waits(cluster: Cluster, *, slots: int) -> None:
    """Set how many tasks outside of the models' pool may run: with none, integrate waits."""
    cluster.airflow.call("PATCH", "/pools/default_pool?update_mask=slots", pool="default_pool", slots=slots)
