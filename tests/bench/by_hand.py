"""The graphs of bench_cluster.py as an Airflow user would write them by hand, with plain operators.

Each Dag trains ten models that take a second, scores their errors and writes a policy.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, TaskGroup, get_parsing_context

STORE = Path(os.environ["BY_HAND_STORE"])
PROGRAM = os.environ["BY_HAND_PROGRAM"]
BETA = 0.7
MODELS = {group: [f"{group[:-4]}{index}" for index in range(5)] for group in ("online", "offline")}
RUN_DIR = f"{STORE}/{{{{ dag.dag_id }}}}/{{{{ run_id }}}}"


def integrate(dag_run, **_):
    run_dir = STORE / dag_run.dag_id / dag_run.run_id
    scores = {}
    for name in (name for names in MODELS.values() for name in names):
        with (run_dir / name / "errors.csv").open(encoding="utf-8") as file:
            errors = [abs(float(row["abs_error"])) for row in csv.DictReader(file)]
        scores[name] = errors[0]
        for error in errors[1:]:
            scores[name] = BETA * scores[name] + (1 - BETA) * error
    policy = {"scores": scores}
    for group, names in MODELS.items():
        total = sum(1 / scores[name] for name in names)
        policy[f"{group}_weights"] = {name: 1 / scores[name] / total for name in names}
    (run_dir / "policy.json").write_text(json.dumps(policy), encoding="utf-8")
    (STORE / dag_run.dag_id / "current.json").write_text(json.dumps(policy), encoding="utf-8")
    return policy


def build(dag_id):
    with DAG(dag_id, schedule=None) as dag:
        done = PythonOperator(task_id="integrate", python_callable=integrate, retries=1)
        for group, names in MODELS.items():
            with TaskGroup(group):
                for name in names:
                    folder = f"{RUN_DIR}/{name}"
                    train = (
                        f"mkdir -p {folder} && cd {folder} && sleep 1; {sys.executable} -I -S {PROGRAM} "
                        f"'{{{{ dag_run.run_after.isoformat() }}}}' 42 {name} '{{{{ run_id }}}}' ../../seen"
                    )
                    BashOperator(task_id=name, bash_command=train, retries=1) >> done
    return dag


wanted = get_parsing_context().dag_id
for number in range(int(os.environ["BY_HAND_DAGS"])):
    if wanted in (None, f"by_hand{number:02}"):
        globals()[f"dag{number}"] = build(f"by_hand{number:02}")
