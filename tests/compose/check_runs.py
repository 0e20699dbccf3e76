"""Inside the stack: run the demo Dag and the queue trial over REST, and check what came of them, and where.

The argument is a JSON object: the service of each worker, by the name of its host.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demo import DAG_ID, follow
from elpa_core.policy.table import policy_lines
from elpa_core.schema.policy import Policy
from elpa_core.schema.reading import read
from rest_api import RestApi

QUEUE_TRIAL = "elpa_queue_trial"
MODELS = 10


def main() -> None:
    """Run the checks; the first that does not hold ends the program."""
    services: dict[str, str] = json.loads(sys.argv[1])
    airflow = RestApi("http://localhost:8080")
    airflow.log_in("airflow", Path("/run/airflow-secrets/admin_password").read_text(encoding="utf-8"))

    run_id = run(airflow, DAG_ID)
    check_policy(run_id)
    hosts = Counter(task["hostname"] for task in tasks(airflow, DAG_ID, run_id) if task["state"] == "success")
    for host, number in hosts.items():
        print(f"{services.get(host, 'no worker')} {host}: {number} tasks")
    workers = {host for host, service in services.items() if service == "airflow-worker"}
    expect(set(hosts) == workers, f"both of {sorted(workers)} ran tasks of the demo, and nobody else did")

    run_id = run(airflow, QUEUE_TRIAL)
    ran = {task["task_id"]: services.get(task["hostname"]) for task in tasks(airflow, QUEUE_TRIAL, run_id)}
    print(f"{QUEUE_TRIAL}: {ran}")
    heavy = {task_id for task_id, service in ran.items() if service == "airflow-worker-gpu"}
    expect(heavy == {"offline.heavy"}, "the worker of the queue gpu ran the heavy model, and nothing else")


def run(airflow: RestApi, dag_id: str) -> str:
    """Trigger a run, and return its id once it has ended well."""
    airflow.wait_for_dag(dag_id, seconds=300)
    run_id = airflow.trigger(dag_id)
    print(f"triggered {dag_id}, run {run_id}", flush=True)
    state = follow(airflow, dag_id, run_id)
    if state != "success":
        for task in tasks(airflow, dag_id, run_id):
            if task["state"] == "failed":
                print(f"\nlog of {task['task_id']}:\n{log(airflow, task)}", file=sys.stderr)
    expect(state == "success", f"{dag_id} has ended: {state}")
    return run_id


def tasks(airflow: RestApi, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """Return what the API says of the tasks of a run."""
    answer = airflow.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=100")
    found: list[dict[str, Any]] = answer["task_instances"]
    return found


def log(airflow: RestApi, task: dict[str, Any]) -> str:
    """Return the log of a task's last attempt."""
    path = f"/dags/{task['dag_id']}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{task['task_id']}"
    lines = airflow.call("GET", f"{path}/logs/{task['try_number']}")["content"]
    return "\n".join(str(line.get("event")) for line in lines)


def check_policy(run_id: str) -> None:
    """Check the policy that the store holds as the current one."""
    path = Path(os.environ["AIRFLOW__ELPA__STORE"], DAG_ID, "current.json")
    policy = read(Policy, json.loads(path.read_bytes()), str(path))
    print("\n".join(["", *policy_lines(policy), ""]))
    expect(policy.run is not None and policy.run.run_id == run_id, f"{path} is the policy of this run")
    expect(not policy.degraded, "it is not degraded")
    for weights in (policy.online_weights, policy.offline_weights):
        expect(all(weight > 0 for weight in weights.values()), "all its weights are positive")
        expect(abs(sum(weights.values()) - 1) < 1e-9, "those of a group sum to 1")
    models = {*policy.online_weights, *policy.offline_weights}
    expect(
        len(models) == MODELS and models == set(policy.scores),
        f"it has scores and weights of {MODELS} models",
    )


def expect(holds: bool, what: str) -> None:
    """End the program unless it holds."""
    if not holds:
        sys.exit(f"expected, and not so: {what}")
    print(f"ok: {what}", flush=True)


main()
