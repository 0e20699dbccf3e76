"""The shared corpus of commands through TrainModelOperator: each runs as it is written. About 20 seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.airflow_site import DagRunResult, Site, model
from support.commands_corpus import CORPUS, CORPUS_HORIZON, CorpusCommand


@pytest.fixture(scope="module")
def run(new_site: Callable[[str], Site]) -> DagRunResult:
    site = new_site("commands")
    models = [model(entry.name, cmd=entry.train_cmd, env=entry.env) for entry in CORPUS]
    context = {name: value for entry in CORPUS for name, value in entry.context.items()}
    airflow = {"retries": 0, "on_model_failure": "continue"}
    models.append(model("off", "offline"))
    site.config("corpus", models, context=context, horizon=CORPUS_HORIZON, airflow=airflow)
    return site.dag_test()["elpa_corpus"]


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.name)
def test_it_runs_as_written(entry: CorpusCommand, run: DagRunResult) -> None:
    assert run.states[f"online.{entry.name}"] == "success", run.task_log(f"online.{entry.name}")
    assert (run.run_dir / "models" / entry.name / "out").read_bytes() == entry.out


def test_the_policy_has_them_all(run: DagRunResult) -> None:
    assert run.state == "success"
    assert run.policy["online_models"] == [entry.name for entry in CORPUS]
