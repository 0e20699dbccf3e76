"""Configs of ten models, triggered at once: six of them, or fifty, which take about four minutes."""

from __future__ import annotations

from collections import Counter

import pytest
from support.airflow_site import training
from support.cluster import Cluster
from support.sound_policy import assert_sound

PAIRS = 5


@pytest.mark.parametrize("configs", [6, pytest.param(50, marks=pytest.mark.sweep)])
def test_no_task_is_lost_or_run_twice(cluster: Cluster, configs: int) -> None:
    names = [f"load{index:02}_of_{configs}" for index in range(configs)]
    for name in names:
        models = [training(f"on{index}", first="sleep 1; ") for index in range(PAIRS)]
        models += [training(f"off{index}", "offline", first="sleep 1; ") for index in range(PAIRS)]
        cluster.config(name, models)
    runs = {f"elpa_{name}": "" for name in names}
    for dag_id in runs:
        cluster.airflow.wait_for_dag(dag_id)
    for dag_id in runs:
        runs[dag_id] = cluster.airflow.trigger(dag_id)
    for dag_id, run_id in runs.items():
        assert cluster.wait(dag_id, run_id, 1200) == "success", cluster.states(dag_id, run_id)
    notes: Counter[tuple[str, str]] = Counter()
    for dag_id, run_id in runs.items():
        assert set(cluster.tries(dag_id, run_id).values()) == {1}, dag_id
        assert_sound(cluster, dag_id, run_id)
        notes.update((dag_id, line["name"]) for line in cluster.seen(dag_id))
    assert set(notes.values()) == {1}
    assert len(notes) == configs * 2 * PAIRS
