"""The demo: ``make demo``, ``make up``, ``make down``, in a checkout of the repository."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from elpa_core.policy.table import policy_lines
from elpa_core.schema.policy import Policy
from elpa_core.store import POLICY_NAME, folder_of_run
from local_airflow import LocalAirflow
from rest_api import RestApi, RestApiError

DAG_ID = "elpa_water_flow"
_ROOT = Path(__file__).resolve().parents[2]
_STATE = _ROOT / ".runtime" / "airflow"
_ENDED = {"success", "failed", "skipped", "upstream_failed"}
_UP_PORT = 8080


def main() -> int:
    """Run one of the commands and return its exit status."""
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__)
    parser.add_argument("command", choices=("demo", "up", "serve", "down"))
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return {"demo": _demo, "up": _up, "serve": _serve, "down": _down}[command]()
    except RestApiError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything is stopped", file=sys.stderr)
        return 130


def _airflow(name: str, port: int | None = None) -> LocalAirflow:
    return LocalAirflow(_STATE.with_name(name), _ROOT / "dags", port=port)


def _demo() -> int:
    airflow = _airflow("demo")
    # A run that an interrupted demo left would go on beside this one, and keep SQLite from answering.
    shutil.rmtree(airflow.state, ignore_errors=True)
    print(f"starting Airflow on {airflow.url} (log: {airflow.log_path})", flush=True)
    with airflow:
        airflow.wait_for_dag(DAG_ID)
        run_id = airflow.trigger(DAG_ID)
        print(f"triggered {DAG_ID}, run {run_id}", flush=True)
        state = follow(airflow, DAG_ID, run_id)
        run_dir = airflow.state / "elpa" / DAG_ID / "runs" / folder_of_run(run_id)
        if state != "success":
            print(f"the run has {state}; logs of the tasks: {airflow.state / 'logs'}", file=sys.stderr)
    if state != "success":
        return 1
    policy = Policy.model_validate(json.loads((run_dir / POLICY_NAME).read_text(encoding="utf-8")))
    print("\nthe policy: the EWMA of each model's validation errors, and its weight in its group\n")
    print("\n".join(policy_lines(policy)))
    print(f"\npolicy: {run_dir / POLICY_NAME}\nrun:    {run_dir}")
    print("Airflow is stopped; make up starts it with its UI")
    return 0


def follow(airflow: RestApi, dag_id: str, run_id: str) -> str:
    """Print each task that ends, and return the state in which the run ends."""
    seen: dict[str, Any] = {}
    while True:
        run_state = airflow.run_state(dag_id, run_id)
        states = airflow.task_states(dag_id, run_id)
        for task_id, state in states.items():
            if state in {"running", *_ENDED} and seen.get(task_id) != state:
                seen[task_id] = state
                done = sum(one in _ENDED for one in states.values())
                print(
                    f"  {time.strftime('%H:%M:%S')}  {done:>2}/{len(states)} done  {task_id}: {state}",
                    flush=True,
                )
        if run_state in {"success", "failed"}:
            return run_state
        time.sleep(1)


def _up() -> int:
    if (pid := _running_pid()) is not None:
        print(f"it is running already (process {pid}); make down stops it")
        return 0
    _STATE.mkdir(parents=True, exist_ok=True)
    ready = _STATE / "ready.json"
    ready.unlink(missing_ok=True)
    serve = subprocess.Popen(
        [sys.executable, __file__, "serve"],
        stdin=subprocess.DEVNULL,
        stdout=(_STATE / "serve.log").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    print("starting Airflow (about a minute)", flush=True)
    try:
        while not ready.exists():
            if serve.poll() is not None:
                print((_STATE / "serve.log").read_text(encoding="utf-8"), file=sys.stderr)
                return 1
            time.sleep(0.5)
    except BaseException:
        serve.terminate()
        serve.wait()
        raise
    where = json.loads(ready.read_text(encoding="utf-8"))
    print(
        f"Airflow is running: {where['url']}\n"
        f"log in as {where['user']} with the password {where['password']}\n"
        f"then: Dags, {DAG_ID}, Trigger; when the run is done: integrate, Storage, XCom shows the policy\n"
        "make down stops it"
    )
    return 0


def _serve() -> int:
    """Hold the Airflow of ``make up`` until SIGTERM."""
    airflow = _airflow("airflow", port=_UP_PORT if _is_free(_UP_PORT) else None)
    with airflow:
        airflow.wait_for_dag(DAG_ID)
        _pid_file().write_text(str(os.getpid()), encoding="ascii")
        where = {"url": airflow.url, "user": airflow.user, "password": airflow.password}
        (_STATE / "ready.json").write_text(json.dumps(where), encoding="utf-8")
        airflow.wait()
    return 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _down() -> int:
    pid = _running_pid()
    if pid is None:
        print("nothing is running")
        return 0
    os.kill(pid, signal.SIGTERM)
    while _running_pid() == pid:
        time.sleep(0.2)
    print("stopped")
    return 0


def _pid_file() -> Path:
    return _STATE / "serve.pid"


def _running_pid() -> int | None:
    try:
        pid = int(_pid_file().read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"demo.py\0serve" in command else None


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
