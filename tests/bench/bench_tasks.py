"""What tasks cost above plain operators with the same commands and the same outlet.

Airflow runs the tasks of both Dags in turn by ``dag.test()`` in one process, after a first run that counts
for nothing: it loads what a worker loads once. What the API server does for a request of a task is taken off,
and the requests are counted. What the supervisor of a command costs is measured apart.

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
    train = [BashOperator(task_id=name, bash_command={COMMAND!r}) for name in ("online", "offline")]
    train >> PythonOperator(task_id="integrate", python_callable=print, outlets=[Asset("x://by_hand")])
"""
# CPU of the process and of the commands that it has waited for.
TASKS = """
import collections, json, logging, resource, sys
import airflow.sdk.execution_time.supervisor as supervisor
import httpx
from airflow.dag_processing.dagbag import DagBag

def cpu():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

def request(client, *arguments):
    before = cpu()
    try:
        return send(client, *arguments)
    finally:
        served.append(cpu() - before)

def measured(ti, task):
    served.clear()
    before = cpu()
    result = run_task(ti=ti, task=task)
    own = cpu() - before - sum(served)
    found[f"{ti.dag_id} {ti.task_id}"].append((own, len(served)))
    return result

served = []
send, httpx.Client._send_single_request = httpx.Client._send_single_request, request
logging.disable(logging.WARNING)
found = collections.defaultdict(list)
run_task, supervisor.run_task_in_process = supervisor.run_task_in_process, measured
dags = DagBag(sys.argv[1], bundle_name="dags-folder").dags
for number in range(1 + int(sys.argv[2])):
    if number == 1:
        found.clear()
    for dag in dags.values():
        assert dag.test().state == "success"
with open(sys.argv[3], "w") as file:
    json.dump({name: min(times) for name, times in found.items()}, file)
"""
SUPERVISED = """
from pathlib import Path
from elpa_core.processes.command import Command
for _ in range(20):
    Command("true", cwd=Path("/"), env={}).run()
"""
UNSUPERVISED = """
import subprocess
from elpa_core.processes.command import Command
for _ in range(20):
    subprocess.run(["bash", "-c", "true"])
"""
AIRFLOWS = """
from airflow.providers.standard.operators import bash, python
from airflow.sdk import Asset
from airflow.sdk.execution_time import task_runner
Asset("x://by_hand")
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
        env = {**os.environ, **environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        for command in (
            [sys.executable, "-m", "airflow", "db", "migrate"],
            [sys.executable, "-m", "airflow", "dags", "reserialize"],
            python(TASKS, dags, str(times), home / "cpu.json"),
        ):
            subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
        found = json.loads((home / "cpu.json").read_text(encoding="utf-8"))
        cpu, requests = ({name: both[which] for name, both in found.items()} for which in (0, 1))
        supervised, unsupervised = (cpu_of(python(code), times) / 20 for code in (SUPERVISED, UNSUPERVISED))
        results = [
            Result(
                "a model's task without its supervisor",
                cpu["elpa_pool online.online"] - (supervised - unsupervised),
                cpu["by_hand online"],
                "BashOperator",
                reach=0.03,
                difference=True,
            ),
            Result("the supervisor of a command", supervised, unsupervised, "bash -c", difference=True),
            Result(
                "modules, once per worker",
                cpu_of(python(f"{AIRFLOWS}import elpa_airflow.worker_preload"), times),
                cpu_of(python(AIRFLOWS), times),
                "Airflow's own",
                difference=True,
            ),
            Result(
                "integrate of two models",
                cpu["elpa_pool integrate"],
                cpu["by_hand integrate"],
                "PythonOperator",
                reach=0.15,
                difference=True,
            ),
            *(
                Result(
                    f"requests of {name}", requests[f"elpa_pool {task}"], requests[f"by_hand {plain}"], of, ""
                )
                for name, task, plain, of in (
                    ("a model's task", "online.online", "online", "BashOperator"),
                    ("integrate", "integrate", "integrate", "PythonOperator"),
                )
            ),
        ]
    report("tasks", results)


if __name__ == "__main__":
    main()
