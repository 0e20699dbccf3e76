"""The record of a model's task: its entry in the manifest, written as its status each time it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.tasks.attempt import Attempt
from elpa_airflow.tasks.warm_start import WarmStart
from elpa_core.config.training import Model
from elpa_core.runs.manifest import model_entry, refused_entry
from elpa_core.runs.plan import PlannedModel
from elpa_core.runs.trained_on import trained_on


@dataclass
class StatusRecord:
    """What the task of a model writes about itself.

    Parameters
    ----------
    ti : TaskInstance
        Of the task.
    run : RunState
        The run.
    model : Model
        The model.
    attempt : Attempt
        The attempt.
    planned : PlannedModel or None
        Its plan; None where the config's values are refused.
    start : WarmStart or None
        Where its training starts; None if its command does not ask for that.
    """

    ti: Any
    run: RunState
    model: Model
    attempt: Attempt
    planned: PlannedModel | None = None
    start: WarmStart | None = None

    @property
    def warm_started_from(self) -> str | None:
        """The run from whose training it starts; None for a cold start."""
        return self.start.run_id if self.start else None

    def write(self, *, ends: bool = False, **fields: Any) -> None:
        """Write the status.

        Parameters
        ----------
        ends : bool
            Whether the attempt ends with it; see `Attempt.record`.
        **fields
            Of the entry, in the place of those of the plan.
        """
        run, ti, planned = self.run, self.ti, self.planned
        entry = refused_entry(self.model, run.work_dir) if planned is None else model_entry(planned)
        # The command's output is the task's log.
        entry |= {"stdout_log": None, "stderr_log": None, "task_id": ti.task_id, "try_number": ti.try_number}
        entry |= {"generation": run.generation, "config_sha256": run.loaded.sha256}
        entry |= {"run_id": ti.run_id, "as_of": run.moment_for(self.model).as_of, "max_tries": ti.max_tries}
        entry |= {"warm_started_from": self.warm_started_from}
        entry |= {"trained_on": trained_on(run.choices.config, planned.secrets) if planned else None}
        self.attempt.record(entry | fields, ends=ends)
