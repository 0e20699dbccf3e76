"""A task's view of its run: folder, dates, frozen config, states of the other tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.sdk.execution_time import task_runner

from elpa_airflow.frozen_config import frozen_config
from elpa_airflow.offline_schedule import OfflineTick, offline_tick
from elpa_airflow.run_context import moment_of, run_dir_of, store_of
from elpa_core.config import LoadedConfig, Model
from elpa_core.placeholder_values import RunMoment
from elpa_core.run_choices import RunChoices, run_choices


@dataclass(frozen=True)
class RunState:
    """What a task needs to know of its run.

    Parameters
    ----------
    loaded : LoadedConfig
        The frozen config.
    run_dir : Path
        The run's folder, absolute.
    moment : RunMoment
        The run's dates.
    generation : str
        Another one after each clearing.
    states : dict of str to str or None
        States of the run's other tasks, by task id.
    tick : OfflineTick or None
        As of when the offline models are trained, if the config says so apart.
    given : mapping
        What was given when the run was started.
    """

    loaded: LoadedConfig
    run_dir: Path
    moment: RunMoment
    generation: str
    states: dict[str, str | None]
    tick: OfflineTick | None
    given: Mapping[str, Any]

    @property
    def store(self) -> Path:
        """The policy store; a run's folder lies in it under its Dag and ``runs``."""
        return self.run_dir.parents[2]

    @cached_property
    def choices(self) -> RunChoices:
        """What was chosen when the run was started.

        Raises
        ------
        ConfigError
            If that is no choice that the config has.
        """
        return run_choices(self.loaded.config, self.given, f"the values given for run {self.moment.run_id}")

    def moment_for(self, model: Model) -> RunMoment:
        """Return the dates for a model's command: an offline model may be trained as of another moment."""
        if self.tick is None or model.group != "offline":
            return self.moment
        return replace(self.moment, as_of=self.tick.as_of.isoformat())

    @classmethod
    def of(cls, context: Any, current: LoadedConfig, store: Path | None) -> RunState:
        """Return the state of the run that the task of ``context`` belongs to, and freeze its config."""
        ti, dag_run = context["ti"], context["dag_run"]
        run_dir = run_dir_of(store_of(current, store), ti.dag_id, ti.run_id)
        started = dag_run.start_date.strftime("%Y%m%dT%H%M%S%f") if dag_run.start_date else "unstarted"
        generation = f"{dag_run.clear_number or 0}-{started}"
        if getattr(task_runner, "SUPERVISOR_COMMS", None) is None:
            # `airflow tasks render`: no task runs, so nothing is frozen.
            return cls(
                current,
                run_dir,
                moment_of(dag_run),
                generation,
                {},
                offline_tick(current.config.airflow, dag_run),
                dag_run.conf or {},
            )
        states = dict(ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {}))
        states.pop(ti.task_id, None)
        loaded = frozen_config(current, run_dir, generation, states)
        return cls(
            loaded,
            run_dir,
            moment_of(dag_run),
            generation,
            states,
            offline_tick(loaded.config.airflow, dag_run),
            dag_run.conf or {},
        )
