"""Run a demo: ``make demo``, ``make demo-deep``, ``make up`` and ``make down``, in a clone."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import own_configs
from elpa_core.cli.console import print_problem
from elpa_core.errors import InputError, some
from elpa_core.policy.table import policy_lines
from elpa_core.schema.policy import Policy
from elpa_core.store import POLICY_NAME, folder_of_run
from local_airflow import LocalAirflow
from private_files import write_private
from rest_api import RestApi, RestApiError

DAG_ID = "elpa_water_flow"
_DAGS = Path(__file__).resolve().parents[1]
_STATE = _DAGS.with_name(".runtime") / "airflow"
_READY, _PID, _SERVE_LOG = _STATE / "ready.json", _STATE / "serve.pid", _STATE / "serve.log"
_ENDED = {"success", "failed", "skipped", "upstream_failed"}
_UP_PORT = 8080


def main() -> int:
    """Run one of the commands and return its exit status."""
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in {"demo": _demo, "up": _up, "serve": _serve, "down": _down}.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        if run in {_up, _serve}:
            command.add_argument("--configs", type=Path, help="folder of configs, instead of the demo's")
        if run is _demo:
            command.add_argument("--dag", default=DAG_ID, help="id of the Dag to run (default: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return int(options.run(options))
    except InputError as error:
        for problem in error.problems:
            print_problem("error", str(problem))
        return error.exit_status
    except RestApiError as error:
        print_problem("error", str(error))
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything is stopped", file=sys.stderr)
        return 130


def _airflow(name: str, dags: Path, port: int | None = None) -> LocalAirflow:
    return LocalAirflow(_STATE.with_name(name), dags, port=port)


def _demo(options: argparse.Namespace) -> int:
    dag_id: str = options.dag
    airflow = _airflow("demo", _DAGS)
    # Otherwise the run of an interrupted demo would continue beside this one, and lock SQLite.
    shutil.rmtree(airflow.state, ignore_errors=True)
    print(f"starting Airflow on {airflow.url} (log: {airflow.log_path})", flush=True)
    with airflow:
        airflow.wait_for_dag(dag_id)
        run_id = airflow.trigger(dag_id)
        print(f"triggered {dag_id}, run {run_id}", flush=True)
        state = follow(airflow, dag_id, run_id)
        run_dir = airflow.state / "elpa" / dag_id / "runs" / folder_of_run(run_id)
        if state != "success":
            print(f"the run ended as {state}; logs of the tasks: {airflow.state / 'logs'}", file=sys.stderr)
    if state != "success":
        return 1
    policy = Policy.model_validate(json.loads((run_dir / POLICY_NAME).read_text(encoding="utf-8")))
    print("\nthe policy: the EWMA of each model's validation errors, and its weight in its group\n")
    print("\n".join(policy_lines(policy)))
    print(f"\npolicy: {run_dir / POLICY_NAME}\nrun:    {run_dir}")
    print("Airflow is stopped; make up starts it with its UI")
    return 0


def follow(airflow: RestApi, dag_id: str, run_id: str) -> str:
    """Print each task when it starts and ends; return the final state of the run."""
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


def _up(options: argparse.Namespace) -> int:
    configs = str(options.configs.expanduser().resolve()) if options.configs else None
    if configs is not None:
        own_configs.dag_ids(Path(configs))  # report their problems before Airflow starts
    started = None
    if _running_pid() is None:
        print("starting Airflow (about a minute)", flush=True)
        started = _start_serving(configs)
    try:
        while not _READY.exists():
            # What /proc shows of a process that has just begun may still be empty.
            if started.poll() is not None if started else _running_pid() is None:
                print(_SERVE_LOG.read_text(encoding="utf-8"), end="", file=sys.stderr)
                return 1
            time.sleep(0.5)
    except BaseException:
        if started is not None:
            started.terminate()
            started.wait()
        raise
    running = json.loads(_READY.read_text(encoding="utf-8"))
    _print_running(running)
    if configs not in {None, running["configs"]}:
        print_problem(
            "error", f"it does not run with {configs}, but with {running['configs']}: make down first"
        )
        return 1
    return 0


def _start_serving(configs: str | None) -> subprocess.Popen[bytes]:
    """Start the process that runs the Airflow of ``make up``."""
    _STATE.mkdir(parents=True, exist_ok=True)
    _READY.unlink(missing_ok=True)
    with _SERVE_LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, "serve", *(["--configs", configs] if configs else [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _PID.write_text(str(process.pid), encoding="ascii")
    return process


def _print_running(running: dict[str, Any]) -> None:
    home, airflow = (shlex.quote(str(path)) for path in (_STATE, Path(sys.executable).with_name("airflow")))
    print(
        f"Airflow is running: {running['url']}\n"
        f"log in as {running['user']} with the password {running['password']}\n"
        f"then: Dags, {some(running['dags'])}, Trigger;"
        " when the run is done, Policies in the side bar shows what serving reads, and why\n"
        f"on the command line: AIRFLOW_HOME={home} {airflow} dags list\n"
        "make down stops it"
    )


def _serve(options: argparse.Namespace) -> int:
    """Run the Airflow of ``make up`` until SIGTERM."""
    dags, dag_ids = _DAGS, [DAG_ID]
    if options.configs is not None:
        dags, dag_ids = _STATE / "dags", own_configs.dag_ids(options.configs)
        own_configs.write_dag_file(dags, options.configs)
    airflow = _airflow("airflow", dags, _UP_PORT if _is_free(_UP_PORT) else None)
    with airflow:
        for dag_id in dag_ids:
            airflow.wait_for_dag(dag_id)
        running = {
            "url": airflow.url,
            "user": airflow.user,
            "password": airflow.password,
            "configs": str(options.configs or _DAGS / "configs"),
            "dags": dag_ids,
        }
        write_private(_READY, json.dumps(running))
        airflow.wait()
    return 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _down(options: argparse.Namespace) -> int:
    del options
    pid = _running_pid()
    if pid is None:
        print("nothing is running")
        return 0
    os.kill(pid, signal.SIGTERM)
    while _running_pid() == pid:
        time.sleep(0.2)
    print("stopped")
    return 0


def _running_pid() -> int | None:
    try:
        pid = int(_PID.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"demo.py\0serve" in command else None


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
