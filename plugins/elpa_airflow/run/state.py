"""A task's view of its run: folder, dates, frozen config, states of the other tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time import task_runner

from elpa_airflow.run.frozen_config import frozen_config
from elpa_airflow.run.moment import run_moment
from elpa_airflow.run.offline_schedule import OfflineTick, offline_tick
from elpa_airflow.run.store_location import open_store, store_location, work_root
from elpa_core.config.choices import RunChoices, run_choices
from elpa_core.config.training import LoadedConfig, Model
from elpa_core.errors import ConfigError
from elpa_core.files import StorePath
from elpa_core.files.location import local_folder
from elpa_core.runs.trials import is_trial
from elpa_core.store import DagFolder
from elpa_core.times import RunMoment


@dataclass(frozen=True)
class RunState:
    """What a task needs to know of its run.

    Parameters
    ----------
    loaded : LoadedConfig
        The frozen config.
    run_dir : path
        The run's folder in the policy store.
    work_dir : Path
        The folder of the run's commands, absolute: ``run_dir``, unless the store is on object storage.
    moment : RunMoment
        The run's dates.
    generation : str
        A new one after each clearing of the run's tasks.
    ask_states : callable
        Asks Airflow for `states`.
    tick : OfflineTick or None
        As of when the offline models are trained, if the config has an ``offline_schedule``.
    given : mapping
        The values given when the run was started.
    edited : bool
        Whether the config's file has changed since the run froze it.
    only_shown : bool
        Whether no task runs: ``airflow tasks render``.
    """

    loaded: LoadedConfig
    run_dir: StorePath
    work_dir: Path
    moment: RunMoment
    generation: str
    ask_states: Callable[[], Mapping[str, str | None]]
    tick: OfflineTick | None
    given: Mapping[str, Any]
    edited: bool = False
    only_shown: bool = False

    @property
    def store(self) -> StorePath:
        """The policy store; a run's folder lies in it under its Dag and ``runs``."""
        return self.run_dir.parent.parent.parent

    @cached_property
    def states(self) -> Mapping[str, str | None]:
        """States of the run's other tasks, by task id; none where no task runs."""
        return self.ask_states()

    @cached_property
    def choices(self) -> RunChoices:
        """What was chosen when the run was started.

        Raises
        ------
        ConfigError
            If that is no choice that the config has.
        """
        return run_choices(self.loaded.config, self.given, f"the values given for run {self.moment.run_id}")

    def names(self, model: Model) -> bool:
        """Tell whether a person named the model when the run was started, or its group: not all are named."""
        try:
            choices = self.choices
        except ConfigError:
            return False  # no task of this run works
        named = choices.models is not None or choices.groups is not None
        return named and choices.takes(model)

    def moment_for(self, model: Model) -> RunMoment:
        """Return the dates for a model's command.

        An offline model that nobody named is trained as of the last tick of ``offline_schedule``.
        """
        if self.tick is None or model.group != "offline" or self.names(model):
            return self.moment
        return replace(self.moment, as_of=self.tick.as_of.isoformat())

    @property
    def edit_note(self) -> str:
        """What to say of an edit of the config that does not reach this run; empty without one."""
        if not self.edited:
            return ""
        return (
            f"{self.loaded.source} was edited since this run froze its config, and the run goes on with"
            f" the old one (SHA-256 {self.loaded.sha256}): clear all tasks of the run to take the new one"
        )

    def failure(self, reason: str | None) -> str:
        """Return the words of a task's failure, with `edit_note`."""
        return "; ".join(filter(None, (reason, self.edit_note)))

    @classmethod
    def of(cls, context: Any, current: LoadedConfig, store: str | None) -> RunState:
        """Return the state of the run that the task of ``context`` belongs to, and freeze its config."""
        ti, dag_run = context["ti"], context["dag_run"]
        _refuse_a_try_on_a_real_run(ti)
        location = store_location(current, store)
        started = dag_run.start_date.strftime("%Y%m%dT%H%M%S%f") if dag_run.start_date else "unstarted"
        generation = f"{dag_run.clear_number or 0}-{started}"
        if getattr(task_runner, "SUPERVISOR_COMMS", None) is None:
            # `airflow tasks render` runs no task, so nothing is frozen.
            run_dir: StorePath = DagFolder(local_folder(location) or work_root(), ti.dag_id).run(ti.run_id)
            return cls(
                current,
                run_dir,
                _work_dir(run_dir, ti),
                run_moment(dag_run),
                generation,
                dict,
                offline_tick(current.config.airflow, dag_run),
                dag_run.conf or {},
                only_shown=True,
            )

        def states() -> dict[str, str | None]:
            found = dict(ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {}))
            found.pop(ti.task_id, None)
            return found

        run_dir = DagFolder(open_store(location), ti.dag_id).run(ti.run_id)
        loaded = frozen_config(current, run_dir, generation, states)
        return cls(
            loaded,
            run_dir,
            _work_dir(run_dir, ti),
            run_moment(dag_run),
            generation,
            states,
            offline_tick(loaded.config.airflow, dag_run),
            dag_run.conf or {},
            edited=loaded is not current,
        )


def _refuse_a_try_on_a_real_run(ti: Any) -> None:
    """Refuse ``airflow tasks test`` where Airflow does not make a run for it, but takes one that is there."""
    if os.environ.get("AIRFLOW_TEST_MODE") and not is_trial(ti.run_id):
        raise AirflowFailException(
            f"airflow tasks test would work on the real run {ti.run_id}, and so on its folder and its policy:"
            " give it a date that no run has. Nothing was changed in the store; Airflow takes the task for"
            " failed, so clear it if the run is still needed"
        )


def _work_dir(run_dir: StorePath, ti: Any) -> Path:
    return run_dir if isinstance(run_dir, Path) else DagFolder(work_root(), ti.dag_id).runs / run_dir.name
