"""A run keeps the config that it started with: its first task stores a copy, later tasks read it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elpa_airflow.run.status import read_status
from elpa_core import files
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.files.reading import UnsuitableFileError
from elpa_core.files.strict_json import parse_object, read_file, read_object
from elpa_core.runs.folder import RunFolder
from elpa_core.times import now_text, parse_moment

log = logging.getLogger(__name__)

ENDED = {"success", "failed", "skipped", "upstream_failed"}


def frozen_config(
    current: LoadedConfig,
    run_dir: StorePath,
    generation: str,
    other_states: Callable[[], Mapping[str, str | None]],
) -> LoadedConfig:
    """Return the config that this run works with.

    Parameters
    ----------
    current : LoadedConfig
        The config as it is now.
    run_dir : path
        The run's folder.
    generation : str
        A new one after each clearing of the run's tasks, of all or of some. The first task of a
        generation decides for the whole generation.
    other_states : callable
        Returns the states of the run's other tasks, by task id. Called only where they decide.

    Returns
    -------
    LoadedConfig
        The copy in the run's folder. If there is none, or if all tasks were cleared, the copy is
        made anew from ``current``.
    """
    record = RunFolder(run_dir).generation(generation)
    copy = RunFolder(run_dir).config
    if recorded := files.exists(record):
        data = str(read_object(record)["config"]).encode()
    else:
        data = current.data
        if _exists(copy) and _in_use(run_dir, generation, other_states()):
            data = read_file(copy)
            parse_object(data, str(copy))  # what is no config is refused, not kept
        files.create(record, json_bytes({"config": data.decode(), "begun_at": now_text()}), private=True)
        data = str(read_object(record)["config"]).encode()
    found = _content(copy)
    if found != data:
        if recorded and found is not None:
            log.warning("%s is not the config that the run froze: it is written anew", copy)
        _put(copy, data)
    return current if data == current.data else parse_training_config(data, current.path, both_groups=True)


def begun_at(run_dir: StorePath, generation: str) -> dt.datetime | None:
    """Return when the first task of a generation began, or None if nobody knows."""
    try:
        return parse_moment(str(read_object(RunFolder(run_dir).generation(generation)).get("begun_at")))
    except (InputError, OSError, ValueError):
        return None


def is_still_frozen(loaded: LoadedConfig, run_dir: StorePath, generation: str) -> bool:
    """Tell whether the config that a generation of tasks works with is still ``loaded``."""
    path = RunFolder(run_dir).generation(generation)
    try:
        return parse_object(files.read(path), str(path)).get("config") == loaded.data.decode()
    except (FileNotFoundError, NotADirectoryError, UnsuitableFileError, InputError):
        return False


def _exists(path: StorePath) -> bool:
    try:
        return files.exists(path)
    except OSError:  # a link that leads to itself
        return True


def _content(path: StorePath) -> bytes | None:
    """Return what a file holds, nothing of what is no file; None if there is none."""
    try:
        return files.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnsuitableFileError:
        return b""


def _put(path: StorePath, data: bytes) -> None:
    """Write a file, also in the place of a folder."""
    if isinstance(path, Path) and path.is_dir() and not path.is_symlink():
        files.remove_tree(path)
    files.write(path, data, private=True)


def _in_use(run_dir: StorePath, generation: str, states: Mapping[str, str | None]) -> bool:
    """Tell whether a task that was not cleared worked, or still works, with the copy."""
    if ENDED & set(states.values()):
        return True
    running = (task_id for task_id, state in states.items() if state == "running")
    return any(_runs_since_earlier(read_status(run_dir, task_id), generation) for task_id in running)


def _runs_since_earlier(status: dict[str, Any] | None, generation: str) -> bool:
    return status is not None and status["status"] == "running" and status["generation"] != generation
