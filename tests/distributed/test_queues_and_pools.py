"""Queues decide which worker runs a model, pools how many run at a time."""

from __future__ import annotations

from itertools import pairwise

from support.airflow_site import training
from support.cluster import Cluster


def test_offline_models_run_where_their_queue_is_served(cluster: Cluster) -> None:
    heavy = {"queue": "gpu"}
    models = [training(f"on{i}") for i in range(4)]
    models += [training(f"off{i}", "offline", airflow=heavy) for i in range(4)]
    cluster.config("queues", models)
    run_id = cluster.trigger("elpa_queues")
    assert cluster.wait("elpa_queues", run_id) == "success"
    tasks = [cluster.task("elpa_queues", run_id, f"offline.off{i}") for i in range(4)]
    assert {(task["queue"], task["hostname"]) for task in tasks} == {("gpu", "worker1")}


def test_a_pool_of_one_slot_runs_one_model_at_a_time(cluster: Cluster) -> None:
    cluster.airflow.call("POST", "/pools", name="one_slot", slots=1)
    alone = "mkdir {config_dir}/alone; sleep 0.5; rmdir {config_dir}/alone; "
    models = [training(f"on{i}", first=alone, airflow={"pool": "one_slot"}) for i in range(4)]
    cluster.config("pools", [*models, training("off", "offline")], airflow={"retries": 0})
    run_id = cluster.trigger("elpa_pools")
    assert cluster.wait("elpa_pools", run_id) == "success", cluster.states("elpa_pools", run_id)
    tasks = [cluster.task("elpa_pools", run_id, f"online.on{i}") for i in range(4)]
    spans = sorted((task["start_date"], task["end_date"]) for task in tasks)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans)), spans
