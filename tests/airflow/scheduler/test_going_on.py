"""Retries that go on after SIGKILL, on disk and on S3, and tasks that a person clears. Half a minute."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.airflow_runs import eventually
from support.airflow_site import model, pids_in
from support.s3_service import S3Service, s3_service
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

# It notes what it found, leaves a checkpoint that names its folder, and waits.
WAITS = """\
[ -e a.ckpt ] && cat a.ckpt >> {config_dir}/{place} || echo cold >> {config_dir}/{place}
awk '{{print $4}}' /proc/$PPID/stat > task_process
echo "$PWD" > a.ckpt
until [ -e {config_dir}/goes_on ]; do sleep 0.1; done
printf '%s\\n' abs_error 1 > errors.csv
"""


@dataclass(frozen=True)
class Waiting:
    """A run whose model waits."""

    standalone: Standalone
    place: str
    run_id: str
    work_dir: Path

    @property
    def dag_id(self) -> str:
        return f"elpa_{self.place}"

    def found(self) -> list[str]:
        path = self.standalone.configs / self.place
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def kill_task_process(self) -> None:
        (task_process,) = pids_in(self.work_dir / "task_process")
        os.kill(task_process, signal.SIGKILL)


def begin(standalone: Standalone, place: str, **airflow: object) -> Waiting:
    once_more = {"retries": 1, "retry_delay": 0}
    waits = model("waits", cmd=WAITS, resume_from=["*.ckpt"], airflow=once_more)
    standalone.config(place, [waits, model("off", "offline")], context={"place": place}, airflow=airflow)
    run_id = standalone.trigger(f"elpa_{place}")
    root = "elpa_work" if airflow else "elpa"
    work_dir = standalone.home / root / f"elpa_{place}" / "runs" / run_id / "models" / "waits"
    return Waiting(standalone, place, run_id, work_dir)


def test_a_retry_goes_on_after_sigkill_and_a_task_cleared_while_it_runs_begins_anew(
    standalone: Standalone,
) -> None:
    with s3_service() as service:
        service.make_bucket("resume")
        service.connect(standalone.airflow, "resume")
        runs = [
            begin(standalone, "waits_on_disk"),
            begin(standalone, "waits_on_s3", store="s3://resume@resume/elpa"),
        ]
        for run in runs:
            eventually((run.work_dir / "a.ckpt").exists, f"{run.place} has left a checkpoint")
        eventually(lambda: saved(service), "the checkpoint is on S3")
        for run in runs:
            run.kill_task_process()
        for run in runs:
            eventually(lambda run=run: len(run.found()) == 2, f"{run.place} is tried again")
            assert run.found() == ["cold", str(run.work_dir)]
            (second,) = run.work_dir.glob("try-2-*")
            eventually((second / "a.ckpt").exists, f"{run.place} works in a folder of its own")
            standalone.clear(run.dag_id, run.run_id, ["online.waits"])
        for run in runs:
            eventually(lambda run=run: len(run.found()) == 3, f"{run.place} begins anew")
            assert run.found()[2] == "cold"
        (standalone.configs / "goes_on").touch()
        for run in runs:
            assert standalone.wait(run.dag_id, run.run_id) == "success"
            assert standalone.tries(run.dag_id, run.run_id)["online.waits"] == 3
        assert saved(service) == []


def saved(service: S3Service) -> list[str]:
    return [name for name in service.below("resume/elpa") if name.endswith("/.resume/index.json")]
