"""What another run trained: whether it counts in this run, and how to keep it while this run needs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import how_it_ended, task_id_of
from elpa_core import files
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError, Problem
from elpa_core.runs.earlier_artifacts import EarlierArtifact
from elpa_core.store import DagFolder, folder_of_run
from elpa_core.store.pruning import no_pruning

log = logging.getLogger(__name__)


def why_unfit(
    ti: Any, run: RunState, model: Model, one: EarlierArtifact, secrets: Collection[str] = ()
) -> str | None:
    """Tell why the training of an earlier run does not count in a run, or return None if it does."""
    return one.misfit(run.choices.config, secrets) or _not_as_recorded(ti, model, one)


def hold(run: RunState, dag_id: str, origin: str, write: Callable[[], object]) -> None:
    """Write down that this run needs what another run trained, so that pruning leaves that one.

    Parameters
    ----------
    run : RunState
        The run.
    dag_id : str
        Its Dag.
    origin : str
        The id of the other run.
    write : callable
        Writes a status that names the other run.

    Raises
    ------
    ArtifactError
        If the other run was removed meanwhile; then nothing is written.
    """
    folder = DagFolder(run.store, dag_id)
    with no_pruning(folder):
        if not files.is_folder(folder.run(origin)):
            found, expected = "no such folder", "the run whose training this one takes"
            raise ArtifactError(
                Problem(str(folder.run(origin)), "", found, expected, "it was pruned meanwhile")
            )
        write()


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
