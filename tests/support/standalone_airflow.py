"""One real standalone Airflow for all tests that need a scheduler, and REST calls on it."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from support.airflow_runs import AirflowRuns
from support.airflow_site import alive, migrated_home

MARK = "ELPA_TEST_MARK"


class Standalone(AirflowRuns):
    """A standalone Airflow whose Dags come from configs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mark = secrets.token_hex(8)

    def start(self) -> None:
        from local_airflow import LocalAirflow

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
