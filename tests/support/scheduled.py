"""A standalone Airflow whose scheduler can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from support.airflow_runs import eventually
from support.airflow_site import alive
from support.standalone_airflow import Standalone


class Scheduled(Standalone):
    """A standalone Airflow with the command line, and a scheduler that can be killed."""

    restarted: subprocess.Popen[bytes] | None = None

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

    def kill_scheduler(self) -> int:
        """Kill the scheduler as a full machine does, and return how many processes it was."""
        pids = [
            pid
            for pid in self._processes()
            if _arguments(pid)[-2:] == ["scheduler", "--skip-serve-logs"] and "-m" in _arguments(pid)
        ]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(map(alive, pids)), "the scheduler is dead", 10)
        return len(pids)

    def start_scheduler(self) -> None:
        """Start a scheduler in the place of the one that was killed."""
        with (self.home / "scheduler.log").open("ab") as log:
            self.restarted = subprocess.Popen(
                [self.home / "bin" / "airflow", "scheduler"],
                env=self.airflow.environment(),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self.restarted is not None:
            os.killpg(self.restarted.pid, signal.SIGTERM)
            until = time.monotonic() + 20
            while self.restarted.poll() is None and time.monotonic() < until:
                time.sleep(0.2)
            if self.restarted.poll() is None:
                os.killpg(self.restarted.pid, signal.SIGKILL)
                self.restarted.wait()
            self.restarted = None
        super().stop()


def _arguments(pid: int) -> list[str]:
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in data.split(b"\0")[:-1]]
