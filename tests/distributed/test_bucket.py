"""A store on S3: workers share no folder for it, and an outage of the service fails nothing for good."""

from __future__ import annotations

import pytest
from support.airflow_site import model, train_cmd
from support.cluster import QUEUES, Cluster
from support.s3_service import s3_service

from elpa_core.files import open_location
from elpa_core.store import PolicyStore

DAG = "elpa_on_s3"


def test_two_workers_train_and_publish_through_the_bucket(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_service() as service:
        service.make_bucket("policies")
        service.connect(cluster.airflow, "minio")
        for name, value in service.env.items():
            monkeypatch.setenv(name, value)
        slow = "printf weights > model.pt; sleep 2"
        models = [model(f"on{i}", cmd=train_cmd(i + 1.0, first=slow), artifacts=["*.pt"]) for i in range(4)]
        models += [model(f"off{i}", "offline", cmd=train_cmd(i + 5.0, first=slow)) for i in range(4)]
        store = {"store": "s3://minio@policies/elpa", "retries": 2, "retry_delay": 1}
        cluster.config("on_s3", models, airflow=store)
        first = cluster.trigger(DAG)
        assert cluster.wait(DAG, first) == "success", cluster.states(DAG, first)
        hosts = {cluster.task(DAG, first, f"online.on{i}")["hostname"] for i in range(4)}
        hosts |= {cluster.task(DAG, first, f"offline.off{i}")["hostname"] for i in range(4)}
        assert hosts == set(QUEUES)

        # Each request of a publication fails more often than the client tries again.
        service.faults(("PUT", f"{DAG}/history.jsonl", "refuse", 8))
        second = cluster.trigger(DAG)
        assert cluster.wait(DAG, second) == "success", cluster.states(DAG, second)
        assert cluster.task(DAG, second, "integrate")["try_number"] > 1

        policies = PolicyStore(open_location("s3://policies/elpa"), DAG)
        published = [(entry.action, entry.run_id) for entry in policies.history()]
        assert published == [("published", first), ("published", second)]
        scores = {f"on{i}": i + 1.0 for i in range(4)} | {f"off{i}": i + 5.0 for i in range(4)}
        assert policies.current().contents.scores == scores
        assert policies.current().record.run_id == second
