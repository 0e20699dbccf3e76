"""Broker, database, scheduler and API server die while models train, and come back.

Models wait for a file, so that each death comes in the middle: some commands run, others are queued.
After it every command has run exactly once, and the policy is what their errors make it.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.airflow_runs import eventually
from support.airflow_site import training
from support.cluster import CONCURRENCY, Cluster
from support.sound_policy import assert_sound

WAIT = "touch {config_dir}/waits_NAME_{model_name}; until [ -e {config_dir}/go_NAME ]; do sleep 0.1; done; "


class Held:
    """A run of more models than the workers have slots; they wait until they are let go."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name, self.dag_id = cluster, name, f"elpa_{name}"
        first = WAIT.replace("NAME", name)
        models = [training(f"on{i}", first=first) for i in range(CONCURRENCY)]
        models += [training(f"off{i}", "offline", first=first) for i in range(CONCURRENCY + 1)]
        self.names = [model["name"] for model in models]
        cluster.config(name, models, airflow={"retries": 2, "retry_delay": 1})
        self.run_id = cluster.trigger(self.dag_id)
        # Not all slots: a worker that lost its broker takes one more at each task that ends.
        eventually(lambda: len(self.waiting()) >= CONCURRENCY, "commands run")
        eventually(lambda: self.count("queued") > 0, "others are queued")

    def waiting(self) -> list[Any]:
        return list(self.cluster.configs.glob(f"waits_{self.name}_*"))

    def count(self, state: str) -> int:
        return list(self.cluster.states(self.dag_id, self.run_id).values()).count(state)

    def let_go(self) -> None:
        (self.cluster.configs / f"go_{self.name}").touch()

    def assert_each_ran_once(self) -> None:
        assert self.cluster.wait(self.dag_id, self.run_id) == "success"
        assert_sound(self.cluster, self.dag_id, self.run_id)
        names = [line["name"] for line in self.cluster.seen(self.dag_id)]
        assert sorted(names) == sorted(self.names)


def test_redis_is_killed(cluster: Cluster) -> None:
    held = Held(cluster, "redis")
    cluster.servers.redis.kill(stays_down=True)
    # The scheduler cannot hand these to the workers now.
    cluster.config("meanwhile", [training("on"), training("off", "offline")])
    other = cluster.trigger("elpa_meanwhile")
    eventually(lambda: "queued" in cluster.states("elpa_meanwhile", other).values(), "it is to be queued")
    time.sleep(10)  # longer than Celery tries to publish, unless told otherwise
    cluster.servers.redis.start()
    held.let_go()
    held.assert_each_ran_once()
    assert cluster.wait("elpa_meanwhile", other) == "success"
    assert_sound(cluster, "elpa_meanwhile", other)
    assert len(cluster.seen("elpa_meanwhile")) == 2


def test_postgresql_is_killed(cluster: Cluster) -> None:
    held = Held(cluster, "postgresql")
    cluster.servers.postgres.kill(stays_down=True)
    held.let_go()
    eventually(lambda: len(cluster.seen(held.dag_id)) >= CONCURRENCY, "the commands have ended")
    cluster.servers.postgres.start()
    cluster.wait_until_healthy()
    held.assert_each_ran_once()


def test_the_scheduler_is_killed(cluster: Cluster) -> None:
    held = Held(cluster, "scheduler")
    cluster.components["scheduler"].kill(stays_down=True)
    held.let_go()
    eventually(lambda: len(cluster.seen(held.dag_id)) >= CONCURRENCY, "the commands have ended")
    cluster.components["scheduler"].start()
    held.assert_each_ran_once()


@pytest.mark.sweep
def test_the_api_server_is_gone_for_half_a_minute(cluster: Cluster) -> None:
    held = Held(cluster, "api")
    cluster.components["api-server"].kill(stays_down=True)
    gone = time.monotonic()
    held.let_go()
    eventually(lambda: len(cluster.seen(held.dag_id)) >= CONCURRENCY, "the commands have ended")
    eventually(lambda: time.monotonic() > gone + 30, "half a minute is over")
    cluster.components["api-server"].start()
    cluster.wait_until_healthy()
    held.assert_each_ran_once()


@pytest.fixture(autouse=True)
def _healthy(cluster: Cluster) -> None:
    cluster.wait_until_healthy()
