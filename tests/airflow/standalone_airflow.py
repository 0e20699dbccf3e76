"""One real standalone Airflow for all tests that need a scheduler, and REST calls on it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_site import DagsFolder, alive, migrated_home

ENDED = {"success", "failed"}
MARK = "ELPA_TEST_MARK"


class Standalone(DagsFolder):
    """A standalone Airflow whose Dags come from configs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = folder / "home"
        self.mark = secrets.token_hex(8)
        self.airflow: Any = None

    def start(self) -> None:
        from elpa_airflow.local_airflow import LocalAirflow

        self.home.mkdir()
        shutil.copy(migrated_home() / "airflow.db", self.home)
        settings = {
            # So that an edit and a new file are seen soon.
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "1",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            MARK: self.mark,
        }
        self.airflow = LocalAirflow(self.home, self.dags, settings=settings)
        self.airflow.start()

    def run_dir(self, dag_id: str, run_id: str) -> Path:
        return self.home / "elpa" / dag_id / "runs" / run_id

    def trigger(self, dag_id: str) -> str:
        self.airflow.wait_for_dag(dag_id)
        return str(self.airflow.trigger(dag_id))

    def wait(self, dag_id: str, run_id: str) -> str:
        """Return how a run ended."""
        eventually(lambda: self.airflow.run_state(dag_id, run_id) in ENDED, f"{dag_id} {run_id} ends")
        return str(self.airflow.run_state(dag_id, run_id))

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        return dict(self.airflow.task_states(dag_id, run_id))

    def task(self, dag_id: str, run_id: str, task_id: str, more: str = "") -> Any:
        """Return what the REST API says of a task, or of something below it."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task_id)}{more}"
        return self.airflow.call("GET", path)

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        lines = self.task(dag_id, run_id, task_id, f"/logs/{attempt}")["content"]
        return "\n".join(str(line.get("event")) for line in lines)

    def clear(self, dag_id: str, run_id: str, task_ids: Iterable[str] | None = None) -> None:
        """Clear some tasks of a run and integrate, or all tasks."""
        chosen: Mapping[str, Any] = {"task_ids": [*task_ids, "integrate"]} if task_ids else {}
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, **chosen}
        self.airflow.call("POST", f"/dags/{dag_id}/clearTaskInstances", **body)

    def mark_failed(self, dag_id: str, run_id: str, task_id: str) -> None:
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task_id)}"
        self.airflow.call("PATCH", path, new_state="failed")

    def stop(self) -> None:
        """Stop it, and find nothing of it left."""
        if self.airflow is None:
            return
        # If the mark could not be read, the check below would find nothing whatever is left.
        assert self._processes()
        self.airflow.stop()
        left = {pid: _command_of(pid) for pid in self._processes()}
        assert not left, f"processes that the standalone left behind: {left}"

    def _processes(self) -> list[int]:
        mark = f"{MARK}={self.mark}".encode()
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if alive(pid) and pid != os.getpid() and mark in _read(pid, "environ")]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _command_of(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def eventually(check: Callable[[], object], what: str, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, f"never came true: {what}"
        time.sleep(0.2)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
