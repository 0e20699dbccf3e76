"""Executors of a config, and Pods where no Kubernetes client is installed. About 8 seconds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.airflow_site import DagsFolder, Site, model, pair
from support.programs import PROGRAMS

from elpa_airflow.dag.builder import build_dag
from elpa_core.config.loading import load_training_config
from elpa_core.errors import ConfigError

WITHOUT_KUBERNETES = """
import runpy, sys
sys.modules["kubernetes"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
POD = {"spec": {"containers": [{"image": "trainer:7"}]}}


def test_an_executor_that_airflow_has_is_taken_over_that_of_the_top(folder: DagsFolder) -> None:
    models = [model("on", airflow={"executor": "LocalExecutor"}), *pair()[1:]]
    path = folder.config("placed", models)
    dag = build_dag(load_training_config(path), None)
    executors = {task.task_id: task.executor for task in dag.tasks}
    assert executors == {"online.on": "LocalExecutor", "offline.off": None, "integrate": None}


def test_one_that_it_does_not_have_is_refused_wherever_it_stands(folder: DagsFolder) -> None:
    models = [model("on", airflow={"executor": "CeleryExecutor"}), *pair()[1:]]
    path = folder.config("placed", models, airflow={"executor": "LocalExecuter"})
    with pytest.raises(ConfigError) as caught:
        build_dag(load_training_config(path), None)
    assert str(caught.value).splitlines() == [
        f'{path}: $.airflow.executor: found "LocalExecuter"; expected an executor of this Airflow'
        ' ([core] executor); did you mean "LocalExecutor"?',
        f'{path}: $.models[0].airflow.executor: found "CeleryExecutor"; expected an executor of this Airflow'
        ' ([core] executor); did you mean "LocalExecutor"?',
    ]


@pytest.fixture(scope="module")
def found(new_site: Any) -> list[dict[str, Any]]:
    site: Site = new_site("placement")
    on_gpu = {"executor": "KubernetesExecutor", "pod_override": POD}
    site.config("pods", [*pair(), model("gpu", "offline", airflow=on_gpu)])
    site.config("plain")
    orders = json.dumps([(str(site.dag_file), dag_id) for dag_id in (None, "elpa_pods")])
    done = site.python("-c", WITHOUT_KUBERNETES, PROGRAMS / "parse_dags.py", orders)
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
class TestWithoutKubernetes:
    """As on a worker, which needs neither client nor executor; and where Dags are parsed."""

    def test_a_pod_is_refused_where_dags_are_parsed_and_the_other_dags_stay(
        self, found: list[dict[str, Any]]
    ) -> None:
        (error,) = found[0]["import_errors"].values()
        assert found[0]["dags"] == ["elpa_plain"]
        assert (
            '$.models[2].airflow.executor: found "KubernetesExecutor"; expected an executor of this' in error
        )
        assert "$.models[2].airflow.pod_override: found a Pod, which takes the Kubernetes client (" in error
        assert "pip install '.[kubernetes]' wherever Dags are parsed or scheduled" in error

    def test_a_task_runs_where_it_runs(self, found: list[dict[str, Any]]) -> None:
        assert (found[1]["dags"], found[1]["import_errors"]) == (["elpa_pods"], {})
