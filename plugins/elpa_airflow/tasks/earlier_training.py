"""Whether what another run trained counts in this run."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import how_it_ended, task_id_of
from elpa_core.config.training import Model
from elpa_core.runs.earlier_artifacts import EarlierArtifact
from elpa_core.store import folder_of_run

log = logging.getLogger(__name__)


def why_unfit(
    ti: Any, run: RunState, model: Model, one: EarlierArtifact, secrets: Collection[str] = ()
) -> str | None:
    """Tell why the training of an earlier run does not count in a run, or return None if it does."""
    return one.misfit(run.choices.config, secrets) or _not_as_recorded(ti, model, one)


def _not_as_recorded(ti: Any, model: Model, one: EarlierArtifact) -> str | None:
    """Tell why an artifact is not what the task of its run handed to Airflow, or return None if it is.

    A command can write into any folder of the store, and into no database.
    """
    if folder_of_run(one.run_id) != one.run_dir.name:
        return f"its status lies in the folder of another run, {one.run_dir.name}"
    task_id, dag_id = task_id_of(model), ti.dag_id
    handed_on = ti.xcom_pull(task_ids=task_id, dag_id=dag_id, run_id=one.run_id)
    if isinstance(handed_on, dict):
        files = {"artifacts": one.status.get("artifacts")}
        same = {**handed_on, **one.artifact.to_json(), "as_of": one.as_of, **files} == handed_on
        return None if same else "its file, hash or path is not what the task of that run recorded"
    states = ti.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=[one.run_id])
    state = states.get(one.run_id, {}).get(task_id, "success")
    if state != "success":
        return f"{how_it_ended(state)}, and recorded no artifact"
    if not one.is_in_manifest():
        return "neither Airflow nor the manifest of that run has a record of its artifact"
    log.warning(
        "%s: Airflow no longer has what run %s recorded; its manifest is believed", model.name, one.run_id
    )
    return None
