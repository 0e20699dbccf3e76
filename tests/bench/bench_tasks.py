"""What a model's task costs above a plain BashOperator with the same command.

Each task runs in a process of its own, by ``airflow tasks test``, in an Airflow home that this script makes.
What the supervisor of a command costs is measured apart.

    python tests/bench/bench_tasks.py [--times N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from results import ROOT, Result, cpu_of, python, report

COMMAND = "python -c 'print(\"abs_error\"); [print(row) for row in range(100)]' > errors.csv"
ELPA = "from elpa_airflow import elpa_dags\n\nglobals().update(elpa_dags(__file__))  # dag, airflow\n"
BY_HAND = f"""
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset

with DAG("by_hand"):
    train = BashOperator(task_id="train", bash_command={COMMAND!r})
    train >> PythonOperator(task_id="integrate", python_callable=print, outlets=[Asset("x://by_hand")])
"""
SUPERVISED = """
from pathlib import Path
from elpa_core.processes.command import Command
Command("true", cwd=Path("/"), env={}).run()
"""
UNSUPERVISED = """
import subprocess
from elpa_core.processes.command import Command
subprocess.run(["bash", "-c", "true"])
"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--times", type=int, default=5, help="how often each is measured; the least counts"
    )
    times = arguments.parse_args().times
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as name:
        home = Path(name)
        dags = home / "dags"
        (dags / "configs").mkdir(parents=True)
        (dags / "pools.py").write_text(ELPA, encoding="utf-8")
        (dags / "by_hand.py").write_text(BY_HAND, encoding="utf-8")
        models = [{"name": group, "group": group, "train_cmd": COMMAND} for group in ("online", "offline")]
        (dags / "configs" / "pool.json").write_text(json.dumps({"models": models}), encoding="utf-8")
        environment = {
            "AIRFLOW_HOME": name,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        airflow = [sys.executable, "-m", "airflow"]
        env = {**os.environ, **environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        for words in (["db", "migrate"], ["dags", "reserialize"]):
            subprocess.run([*airflow, *words], check=True, env=env, stdout=subprocess.DEVNULL)

        def task(dag_id: str, task_id: str) -> float:
            return cpu_of([*airflow, "tasks", "test", dag_id, task_id, "2026-01-01"], times, **environment)

        results = [
            Result(
                "a model's task",
                task("elpa_pool", "online.online"),
                task("by_hand", "train"),
                "BashOperator",
                reach=0.03,
                difference=True,
            ),
            Result(
                "of it the supervisor",
                cpu_of(python(SUPERVISED), times),
                cpu_of(python(UNSUPERVISED), times),
                "bash -c",
                difference=True,
            ),
        ]
    report("tasks", results)


if __name__ == "__main__":
    main()
