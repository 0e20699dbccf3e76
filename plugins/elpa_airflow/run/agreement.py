"""All tasks of a run work with one config: each says to Airflow which, where no command can change it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
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


def require_agreement(ti: Any, run: RunState, *, of_all: bool) -> None:
    """Refuse a frozen config with which another task of the run does not work.

    To be asked after `push_config`.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.
    of_all : bool
        Whether all other tasks are asked, a request for each. Else only the first one that has an answer,
        one that has ended before one that runs: this does for a task that is followed by one that asks all.

    Raises
    ------
    ConfigError
        If a task that was asked has ended and works with another config, or has started since the last
        clearing: somebody has changed the frozen config.
    """
    unknown: list[str] = []
    known = _configs(ti, run, unknown)
    for task_id, sha256 in known if of_all else islice(known, 1):
        if sha256 != run.loaded.sha256:
            raise ConfigError(
                Problem(
                    str(RunFolder(run.run_dir).config),
                    "",
                    f"a config with SHA-256 {run.loaded.sha256}",
                    f"that of the task {task_id}, {sha256}",
                    "somebody changed the frozen config: clear all tasks of the run to begin anew",
                )
            )
    if unknown:
        log.info(
            "Taken as they are, since no SHA-256 of their config is recorded (marked by hand, or run by "
            "version 0.1.0): %s",
            ", ".join(unknown),
        )


def _configs(ti: Any, run: RunState, unknown: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the SHA-256 of the config of each other task whose config counts; collect those without one."""
    started = {
        task_id: state
        for task_id, state in run.states.items()
        if state not in _NOT_STARTED and "." in task_id
    }
    for task_id, state in sorted(started.items(), key=lambda one: one[1] not in ENDED):
        value = ti.xcom_pull(task_ids=task_id, key=CONFIG_KEY)
        if isinstance(value, dict):
            if state in ENDED or value["generation"] == run.generation:
                yield task_id, value["sha256"]
        elif state in {"success", "skipped"}:
            unknown.append(task_id)
