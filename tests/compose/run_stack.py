"""``make compose-test``: docker-compose.yaml, built and run with two workers and a third for the queue gpu.

Needs Python and ``docker compose``, nothing of ELPA: check_runs.py speaks with Airflow, inside a container.
The project, its folder, port and .env are the test's own; all of it is taken down, however the test ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".runtime" / "compose-test"
PROJECT = "elpa-compose-test"
WORKERS = ("airflow-worker", "airflow-worker-gpu")

# A model of an online group, and a heavy one that is for a worker with a GPU.
TRAIN = "printf 'abs_error\\n2\\n1\\n' > {model_dir}/errors.csv"
QUEUE_TRIAL = {
    "models": [
        {"name": "light", "group": "online", "train_cmd": TRAIN},
        {"name": "heavy", "group": "offline", "train_cmd": TRAIN, "airflow": {"queue": "gpu"}},
    ]
}


def main() -> int:
    """Bring the stack up, run the checks in it, take it down."""
    if shutil.which("docker") is None:
        print("make compose-test needs docker with its compose plugin", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        take_down()  # what a test that was killed may have left
        prepare()
        check()
    except subprocess.CalledProcessError as error:
        print(f"FAILED with exit status {error.returncode}: {' '.join(error.cmd)}", file=sys.stderr)
        show_what_happened()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        say("taking everything down")
        down = take_down()
    if not down:
        return 1
    say("passed")
    return 0


def prepare() -> None:
    """Make the folder that the stack sees as its own: the demo's Dags, and one more config."""
    shutil.copytree(ROOT / "dags", FOLDER / "dags")
    for name in ("logs", "config", "plugins"):
        (FOLDER / name).mkdir()
    config = FOLDER / "dags" / "configs" / "queue_trial.json"
    config.write_text(json.dumps(QUEUE_TRIAL, indent=2), encoding="utf-8")


def check() -> None:
    """Build, start, and run what is to be seen."""
    say("building the image")
    compose("build")
    say("starting two workers and one for the queue gpu")
    compose("up", "--detach", "--wait", "--quiet-pull", "--scale", "airflow-worker=2")
    compose("ps")
    address = compose_output("port", "airflow-apiserver", "8080").strip()
    with urllib.request.urlopen(f"http://{address}/api/v2/monitor/health", timeout=60) as answer:
        say(f"http://{address} answers: {answer.status}")
    workers = {}
    for service in WORKERS:
        for container in compose_output("ps", "--quiet", service).split():
            workers[container[:12]] = service
    with Path(__file__).with_name("check_runs.py").open("rb") as program:
        path = "PYTHONPATH=/opt/airflow/dags/demo"  # the check uses the demo's own modules
        python = ("exec", "-T", "--env", path, "airflow-apiserver", "python", "-")
        compose(*python, json.dumps(workers), stdin=program)


def show_what_happened() -> None:
    """Print the end of what every service said."""
    for arguments in (["ps", "--all"], ["logs", "--no-color", "--tail", "50"]):
        subprocess.run([*command(), *arguments], env=environment(), check=False, stdout=sys.stderr)


def take_down() -> bool:
    """Leave no container, network, volume, file; tell whether docker did its part."""
    done = subprocess.run(
        [*command(), "down", "--volumes", "--remove-orphans", "--timeout", "10"],
        env=environment(),
        check=False,
    )
    shutil.rmtree(FOLDER, ignore_errors=True)
    return done.returncode == 0


def compose(*arguments: str, stdin: object = subprocess.DEVNULL) -> None:
    """Call ``docker compose`` on the test's project."""
    subprocess.run([*command(), *arguments], env=environment(), check=True, stdin=stdin)


def compose_output(*arguments: str) -> str:
    """Return what a call of ``docker compose`` prints."""
    done = subprocess.run(
        [*command(), *arguments], env=environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def command() -> list[str]:
    """Return the start of every call; the .env of the user, with databases and secrets, is not for it."""
    return [
        "docker",
        "compose",
        "--project-directory",
        str(ROOT),
        "--project-name",
        PROJECT,
        "--env-file",
        os.devnull,
        "--profile",
        "gpu",
    ]


def environment() -> dict[str, str]:
    """Return the variables that make this project one of its own."""
    # Root in a container would be refused by Celery; files of another user are no trouble for root.
    mine = {"AIRFLOW_UID": str(os.getuid())} if os.getuid() != 0 else {}
    return {
        **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
        **mine,
        "AIRFLOW_PROJ_DIR": str(FOLDER),
        "ENV_FILE_PATH": os.devnull,
        "AIRFLOW_PORT": "0",
    }


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
