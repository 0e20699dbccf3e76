"""A real standalone Airflow: its REST API, its command line, and a scheduler that can be killed."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from local_airflow import LocalAirflow
from rest_api import RestApiError
from support.airflow_runs import AirflowRuns, eventually
from support.airflow_site import alive

MARK = "ELPA_TEST_MARK"
_LONGEST_LOCK = 120
SCHEDULER = ["scheduler", "--skip-serve-logs"]
# The parts that write to the database all the time, if only that they live.
WRITERS = (SCHEDULER, ["triggerer", "--skip-serve-logs"], ["airflow", "dag-processor"])


class _Airflow(LocalAirflow):
    """An Airflow on SQLite that is asked again for what its database was locked for."""

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the REST API.

        Before it does what it is asked to, Airflow 3.3.2 notes it in its audit log, from its event loop.
        A task's call that is about to end its transaction waits for that loop, which waits for SQLite's
        lock, which the transaction has. After 5 seconds SQLite answers that it is locked: nothing is done.
        """
        until = time.monotonic() + _LONGEST_LOCK
        while True:
            try:
                return super().call(method, path, **body)
            except RestApiError as error:
                if ": 500 " not in str(error) or "Database error" not in str(error):
                    raise
                if time.monotonic() > until:
                    raise


class Standalone(AirflowRuns):
    """A standalone Airflow whose Dags come from configs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mark = secrets.token_hex(8)
        self._restarted: subprocess.Popen[bytes] | None = None

    def start(self, more: Mapping[str, str]) -> None:
        """Start it, with these settings besides its own."""
        settings = {
            # A new or edited config touches the Dag file, and what was touched is parsed at once. This is
            # for a touch while it is being parsed.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "0",
            # Instead of 5 seconds: after which time the end of a task process is noticed.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__ELPA__RESUME_UPLOAD_INTERVAL": "0.5",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            MARK: self.mark,
            **more,
        }
        self.airflow = _Airflow(self.home, self.dags, settings=settings)
        self.airflow.start()

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the ``airflow`` command on it, as a user does."""
        done = subprocess.run(
            [self.home / "bin" / "airflow", *arguments],
            env=self.airflow.environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done

    @contextmanager
    def nobody_else_writes(self) -> Iterator[None]:
        """Halt the writers: SQLite refuses to write in a transaction that another writer has overtaken."""
        pids = self._parts(*WRITERS)
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def kill_scheduler(self) -> int:
        """Kill the scheduler as a full machine does, and return how many processes it was."""
        pids = self._parts(SCHEDULER)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(map(alive, pids)), "the scheduler is dead", 10)
        return len(pids)

    def start_scheduler(self) -> None:
        """Start a scheduler in the place of the one that was killed."""
        with (self.home / "scheduler.log").open("ab") as log:
            self._restarted = subprocess.Popen(
                [self.home / "bin" / "airflow", "scheduler"],
                env=self.airflow.environment(),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it, and find nothing of it left."""
        if self.airflow is None:
            return
        # If the mark could not be read, the check below would find nothing whatever is left.
        assert self._processes()
        if self._restarted is not None:
            os.killpg(self._restarted.pid, signal.SIGTERM)
            try:
                self._restarted.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self._restarted.pid, signal.SIGKILL)
                self._restarted.wait()
        self.airflow.stop()
        left = {pid: " ".join(_arguments(pid)) for pid in self._processes()}
        assert not left, f"processes that the standalone left behind: {left}"

    def _parts(self, *parts: list[str]) -> list[int]:
        found = {pid: _arguments(pid) for pid in self._processes()}
        return [pid for pid, words in found.items() if words[-2:] in parts and "-m" in words]

    def _processes(self) -> list[int]:
        mark = f"{MARK}={self.mark}".encode()
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if alive(pid) and pid != os.getpid() and mark in _read(pid, "environ")]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _arguments(pid: int) -> list[str]:
    return [part.decode(errors="replace") for part in _read(pid, "cmdline").split(b"\0")[:-1]]
