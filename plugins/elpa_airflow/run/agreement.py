"""All tasks of a run work with one config: each says to Airflow which, where no command can change it."""

from __future__ import annotations

import logging
from typing import Any

from elpa_airflow.run.frozen_config import ENDED
from elpa_airflow.run.state import RunState
from elpa_core.errors import ConfigError, Problem
from elpa_core.runs.folder import RunFolder

log = logging.getLogger(__name__)

CONFIG_KEY = "elpa_config"
_NOT_STARTED = {None, "scheduled", "queued", "upstream_failed"}


def push_config(ti: Any, run: RunState) -> None:
    """Tell Airflow which config a task works with. Airflow forgets it when the task starts anew."""
    ti.xcom_push(key=CONFIG_KEY, value={"sha256": run.loaded.sha256, "generation": run.generation})


def require_agreement(ti: Any, run: RunState) -> None:
    """Refuse a frozen config with which another task of the run does not work.

    To be asked after `push_config`: of two tasks that start together at least one sees the other.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.

    Raises
    ------
    ConfigError
        If another task that has ended works with another config, or one that has started since the
        last clearing: somebody has changed the frozen config.
    """
    unknown = []
    for task_id, state in run.states.items():
        if state in _NOT_STARTED or "." not in task_id:
            continue
        value = ti.xcom_pull(task_ids=task_id, key=CONFIG_KEY)
        if not isinstance(value, dict):
            if state in {"success", "skipped"}:
                unknown.append(task_id)
            continue
        counts = state in ENDED or value["generation"] == run.generation
        if counts and value["sha256"] != run.loaded.sha256:
            raise ConfigError(
                Problem(
                    str(RunFolder(run.run_dir).config),
                    "",
                    f"a config with SHA-256 {run.loaded.sha256}",
                    f"that of the task {task_id}, {value['sha256']}",
                    "somebody changed the frozen config: clear all tasks of the run to begin anew",
                )
            )
    if unknown:
        log.info(
            "Taken as they are, since no SHA-256 of their config is recorded (marked by hand, or run by "
            "version 0.1.0): %s",
            ", ".join(unknown),
        )
