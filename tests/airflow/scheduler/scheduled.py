"""A standalone Airflow with what people do with runs, and models whose errors follow from their dates."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_site import PROGRAMS, alive
from standalone_airflow import Standalone, eventually, read_json


def training(name: str, group: str = "online", **more: Any) -> dict[str, Any]:
    """Return a model whose errors follow from as_of, seed and name, and that notes what it saw."""
    program = shlex.quote(str(PROGRAMS / "write_errors.py")).replace("{", "{{").replace("}", "}}")
    first = more.pop("first", "")
    arguments = "{as_of} {seed} {model_name} {run_id} {run_dir}/../../seen"
    cmd = f"{first}{{python}} -I -S {program} {arguments}"
    return {"name": name, "group": group, "train_cmd": cmd, **more}


class Scheduled(Standalone):
    """A standalone Airflow with what people do with runs: choose, backfill, clear, look."""

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

    def start_run(self, dag_id: str, conf: dict[str, Any] | None = None, **fields: Any) -> str:
        """Trigger a run over REST."""
        self.airflow.wait_for_dag(dag_id)
        return str(self.airflow.trigger(dag_id, **({"conf": conf} if conf is not None else {}), **fields))

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, **fields: Any) -> tuple[str, str]:
        """Trigger a run, and return its id and how it ended."""
        run_id = self.start_run(dag_id, conf, **fields)
        return run_id, self.wait(dag_id, run_id)

    def tries(self, dag_id: str, run_id: str) -> dict[str, int]:
        answer = self.airflow.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=1000")
        return {ti["task_id"]: ti["try_number"] for ti in answer["task_instances"]}

    def policy(self, dag_id: str, run_id: str) -> Any:
        """Return the policy of a run, or None if it has none."""
        path = self.run_dir(dag_id, run_id) / "elpa_policy.json"
        return read_json(path) if path.exists() else None

    def manifest(self, dag_id: str, run_id: str) -> Any:
        return read_json(self.run_dir(dag_id, run_id) / "train_manifest.json")

    def entry(self, dag_id: str, run_id: str, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.manifest(dag_id, run_id)["models"] if one["name"] == name]
        return dict(found)

    def current(self, dag_id: str) -> Any:
        return read_json(self.home / "elpa" / dag_id / "current.json")

    def history(self, dag_id: str) -> list[dict[str, Any]]:
        text = (self.home / "elpa" / dag_id / "history.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def seen(self, dag_id: str) -> list[dict[str, Any]]:
        """Return what the commands of a Dag noted, in the order in which they ran."""
        path = self.home / "elpa" / dag_id / "seen"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def asset_events(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the events that a Dag's integrate emitted."""
        answer = self.airflow.call("GET", f"/assets/events?source_dag_id={dag_id}&limit=100")
        return list(answer["asset_events"])

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
