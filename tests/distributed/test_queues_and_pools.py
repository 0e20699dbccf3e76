"""Queues decide which worker runs a model, pools how many run at a time."""

from __future__ import annotations

from airflow_site import training
from cluster import Cluster


def test_offline_models_run_where_their_queue_is_served(cluster: Cluster) -> None:
    heavy = {"queue": "gpu"}
    models = [training(f"on{i}") for i in range(4)]
    models += [training(f"off{i}", "offline", airflow=heavy) for i in range(4)]
    cluster.config("queues", models)
    run_id = cluster.trigger("elpa_queues")
    assert cluster.wait("elpa_queues", run_id) == "success"
    tasks = [cluster.task("elpa_queues", run_id, f"offline.off{i}") for i in range(4)]
    assert {(task["queue"], task["hostname"]) for task in tasks} == {("gpu", "worker1")}
