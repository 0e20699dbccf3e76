"""The worker pods that Airflow's Kubernetes executor would ask for, without a cluster.

Arguments: the Dag file, the pod template. The Dags are serialized, written as JSON, read and deserialized
as the scheduler does. The answer has the executor of each task, the Pod of each task that has one, and
whether the parse of each Dag imported the Kubernetes client.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main(dag_file: str, template: str) -> dict[str, Any]:
    """Return what became of the tasks of a Dag file."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(dag_file)
    imported = "kubernetes.client" in sys.modules
    executors: dict[str, Any] = {}
    pods: dict[str, Any] = {}
    for dag_id, dag in sorted(bag.dags.items()):
        back = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        for task in back.tasks:
            executors[f"{dag_id} {task.task_id}"] = task.executor
            if task.executor_config:
                pods[f"{dag_id} {task.task_id}"] = worker_pod(dag_id, task, template)
    return {"errors": bag.import_errors, "executors": executors, "pods": pods, "imported": imported}


def worker_pod(dag_id: str, task: Any, template: str) -> Any:
    """Return the Pod as the executor's watcher makes it, as JSON."""
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
    from kubernetes.client import ApiClient

    pod = PodGenerator.construct_pod(
        dag_id=dag_id,
        task_id=task.task_id,
        pod_id="worker-1",
        try_number=1,
        kube_image="apache/airflow:3.3.2",
        date=None,
        args=["python", "-m", "airflow.sdk.execution_time.execute_workload", "--json-string", "{}"],
        run_id="manual__2026",
        pod_override_object=PodGenerator.from_obj(task.executor_config),
        base_worker_pod=PodGenerator.deserialize_model_file(template),
        namespace="airflow",
        scheduler_job_id="1",
    )
    return ApiClient().sanitize_for_serialization(pod)


if __name__ == "__main__":
    print(f"\n{json.dumps(main(*sys.argv[1:]))}")
