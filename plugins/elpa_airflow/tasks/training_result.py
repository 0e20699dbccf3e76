"""The result of a model's training, which its task hands on to `integrate` by XCom."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import read_status, task_id_of, write_status
from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError
from elpa_core.files import StorePath
from elpa_core.policy.build import ScoredModel
from elpa_core.runs.earlier_artifacts import EarlierArtifact, carry, newest_artifacts
from elpa_core.runs.folder import RunFolder

log = logging.getLogger(__name__)

CARRIED_KEY = "carried_artifact"


@dataclass(frozen=True)
class TrainingResult:
    """A model's error artifact, as of when it was trained, and by which run if not by this one.

    Parameters
    ----------
    artifact : ErrorArtifact
        The artifact, in the folder of this run.
    as_of : str
        The moment up to which the training used data, ISO 8601.
    carried_from : str or None
        The run that trained the model, if it was another one.
    fallback_reason : str or None
        Why an older artifact than expected takes part.
    artifacts : tuple of str
        Where other files are kept, such as the trained model. Empty for a carried result: its files
        stay in the run that trained the model.
    """

    artifact: ErrorArtifact
    as_of: str
    carried_from: str | None = None
    fallback_reason: str | None = None
    artifacts: tuple[str, ...] = ()

    @classmethod
    def carried(
        cls, earlier: Iterable[EarlierArtifact], model_dir: StorePath, fallback_reason: str | None = None
    ) -> Self | None:
        """Copy the first of several earlier artifacts that is still there into the folder of this run."""
        for one in earlier:
            try:
                return cls(carry(one, model_dir), one.as_of, one.run_id, fallback_reason)
            except ArtifactError:
                continue  # its run is being removed or done again
        return None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the result that the JSON object ``value`` describes."""
        fields = dict(value)
        as_of, carried_from, files = fields.pop("as_of"), fields.pop("carried_from"), fields.pop("artifacts")
        return cls(ErrorArtifact.from_json(fields), as_of, carried_from, artifacts=tuple(files))

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return {
            **self.artifact.to_json(),
            "as_of": self.as_of,
            "carried_from": self.carried_from,
            "artifacts": list(self.artifacts),
        }

    def describe(self, scored: ScoredModel, run_as_of: str) -> ScoredModel:
        """Return a score together with where it comes from, where that is not this run."""
        return replace(
            scored,
            as_of=self.as_of if self.as_of != run_as_of else None,
            trained_at=self.artifact.finished_at if self.carried_from else None,
            carried_from=self.carried_from,
            fallback_reason=self.fallback_reason,
        )


def training_result(ti: Any, run: RunState, model: Model) -> tuple[TrainingResult | None, str]:
    """Return the result with which a model takes part in a policy, or why it has none.

    An offline model whose training failed takes part with its newest earlier artifact, if there is one.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.
    model : Model
        The model.
    """
    result, reason = _handed_on(ti, run, model)
    return result or _fallback(run, model, reason), reason


def _handed_on(ti: Any, run: RunState, model: Model) -> tuple[TrainingResult | None, str]:
    """Return what the model's task handed on, or why it handed on nothing."""
    if not model.enabled:
        return None, "disabled"
    task_id = task_id_of(model)
    if task_id not in run.states:
        return None, "the task is no longer in the Dag"
    state = run.states[task_id]
    if state is None:
        return None, "the task did not run"
    key = {"success": "return_value", "skipped": CARRIED_KEY}.get(state)
    value = ti.xcom_pull(task_ids=task_id, key=key) if key else None
    if value is not None:
        return TrainingResult.from_json(value), ""
    if state == "success":
        return None, "the task is marked as success, but it handed on no error artifact"
    status = read_status(run.run_dir, task_id) or {}
    if status.get("status") == "running":
        # Left standing, it would tell the tasks of a cleared run that this one still goes on.
        status |= {"status": "failed", "reason": "its process was killed"}
        write_status(RunFolder(run.run_dir).model(model.name).path, status)
    reason = status.get("reason") if status.get("status") in {"failed", "planned"} else None
    return None, _ENDED.get(state, f"the task is {state}") + (f": {reason}" if reason else "")


_ENDED = {"failed": "the task failed", "skipped": "the task was skipped"}


def _fallback(run: RunState, model: Model, reason: str) -> TrainingResult | None:
    """Return the newest earlier artifact of an offline model whose training failed."""
    if not model.enabled or run.tick is None or model.group != "offline" or not run.choices.takes(model):
        return None
    earlier = newest_artifacts(run.run_dir, model.name, model.group, run.tick.as_of)
    carried = TrainingResult.carried(earlier, RunFolder(run.run_dir).model(model.name).path, reason)
    if carried is not None:
        log.warning("%s: %s; its artifact of run %s takes part", model.name, reason, carried.carried_from)
    return carried
