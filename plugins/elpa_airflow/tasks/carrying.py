"""Which artifact of another run takes part where a model is not trained: the newest one that fits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import how_it_ended, task_id_of
from elpa_airflow.tasks.training_result import TrainingResult
from elpa_core import files
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import StorePath
from elpa_core.runs.earlier_artifacts import EarlierArtifact, carry
from elpa_core.store import DagFolder, folder_of_run
from elpa_core.store.pruning import no_pruning

log = logging.getLogger(__name__)

_MOST_REASONS = 3


@dataclass(frozen=True)
class Carried:
    """What became of the search for an artifact to carry.

    Parameters
    ----------
    result : TrainingResult or None
        The newest artifact that fits, copied into the folder of this run.
    refused : tuple of str
        Why newer ones were not taken.
    """

    result: TrainingResult | None
    refused: tuple[str, ...]

    @property
    def why_none(self) -> str:
        """Why there is no result."""
        if not self.refused:
            return "no earlier run has left an artifact"
        more = len(self.refused) - _MOST_REASONS
        shown = "; ".join(self.refused[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")
        return f"no artifact of an earlier run fits ({shown})"


def carry_first(
    ti: Any,
    run: RunState,
    model: Model,
    earlier: Iterable[EarlierArtifact],
    model_dir: StorePath,
    write: Callable[[TrainingResult], object],
    *,
    secrets: Collection[str] = (),
    fallback_reason: str | None = None,
) -> Carried:
    """Copy the first of several earlier artifacts that may take part into the folder of this run.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.
    model : Model
        The model.
    earlier : iterable of EarlierArtifact
        The artifacts, the best one first.
    model_dir : path
        Where the copy goes.
    write : callable
        Writes a status that names the other run; see `hold`.
    secrets : collection of str
        Texts that are never to be shown.
    fallback_reason : str, optional
        Why an older artifact than expected takes part.
    """
    refused: list[str] = []
    for one in earlier:
        reason = why_unfit(ti, run, model, one, secrets)
        try:
            if reason is None:
                result = TrainingResult.of_carried(carry(one, model_dir), one, fallback_reason)
                hold(run, ti.dag_id, one.run_id, partial(write, result))
                return Carried(result, tuple(refused))
        except ArtifactError as error:  # its run is being removed or done again, or it lies elsewhere
            reason = str(error)
        refused.append(f"run {one.run_id}: {reason}")
        log.info("%s: the artifact of run %s is not carried: %s", model.name, one.run_id, reason)
    return Carried(None, tuple(refused))


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
