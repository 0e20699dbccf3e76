"""Which artifact of another run takes part where a model is not trained: the newest one that fits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.tasks.earlier_training import why_unfit
from elpa_airflow.tasks.training_result import TrainingResult
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError
from elpa_core.files import StorePath
from elpa_core.runs.earlier_artifacts import EarlierArtifact, carry
from elpa_core.store import DagFolder
from elpa_core.store.holding import hold

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
        Writes a status that names the other run; see `elpa_core.store.holding.hold`.
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
                hold(DagFolder(run.store, ti.dag_id), one.run_id, partial(write, result))
                return Carried(result, tuple(refused))
        except ArtifactError as error:  # its run is being removed or done again, or it lies elsewhere
            reason = str(error)
        refused.append(f"run {one.run_id}: {reason}")
        log.info("%s: the artifact of run %s is not carried: %s", model.name, one.run_id, reason)
    return Carried(None, tuple(refused))
