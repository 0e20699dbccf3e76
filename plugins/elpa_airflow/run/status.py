"""What each model's task writes about itself: one status per model."""

from __future__ import annotations

from typing import Any

from elpa_core import files
from elpa_core.config.training import Model
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import ModelFolder, RunFolder


def task_id_of(model: Model) -> str:
    """Return the id of a model's task."""
    return f"{model.group}.{model.name}"


def how_it_ended(state: str) -> str:
    """Return in words how a task ended.

    >>> how_it_ended("failed"), how_it_ended("upstream_failed")
    ('the task failed', 'the task is upstream_failed')
    """
    return _ENDED.get(state, f"the task is {state}")


_ENDED = {"failed": "the task failed", "skipped": "the task was skipped"}


def read_status(run_dir: StorePath, task_id: str) -> dict[str, Any] | None:
    """Return what a model's task last wrote, or None if it wrote nothing."""
    return status_in(RunFolder(run_dir).model(task_id.partition(".")[2]).path)


def status_in(model_dir: StorePath) -> dict[str, Any] | None:
    """Return what the task of a model last wrote into the model's folder, or None if it wrote nothing.

    Raises
    ------
    OSError
        If it cannot be read: then nobody knows whether an attempt has begun.
    """
    path = ModelFolder(model_dir).status
    try:
        return parse_object(files.read(path), str(path))
    except (FileNotFoundError, InputError):
        return None


def write_status(model_dir: StorePath, status: dict[str, Any]) -> None:
    """Write the state of a model's task, in one step."""
    files.write(ModelFolder(model_dir).status, json_bytes(status))
