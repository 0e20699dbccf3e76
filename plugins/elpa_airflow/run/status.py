"""What each model's task writes down about itself, in ``models/<name>/status.json``."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.commands.masking import secret_values
from elpa_core.config.training import Model
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import STATUS_NAME
from elpa_core.runs.manifest import model_entry
from elpa_core.runs.plan import PlannedModel


def task_id_of(model: Model) -> str:
    """Return the id of a model's task."""
    return f"{model.group}.{model.name}"


def read_status(run_dir: StorePath, task_id: str) -> dict[str, Any] | None:
    """Return what a model's task last wrote down, or None if that was nothing."""
    return status_in(run_dir / "models" / task_id.partition(".")[2])


def status_in(model_dir: StorePath) -> dict[str, Any] | None:
    """Return what the task of a model wrote down last into its folder, or None if that was nothing.

    Raises
    ------
    OSError
        If it cannot be read: then nobody knows whether an attempt has begun.
    """
    path = model_dir / STATUS_NAME
    if isinstance(path, Path) and path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no regular file", str(path))  # a pipe would be read for ever
    try:
        return parse_object(files.read(path), str(path))
    except (FileNotFoundError, InputError):
        return None


def refused_entry(model: Model, run_dir: Path) -> dict[str, Any]:
    """Return the manifest's entry of a model whose command cannot be made in this run."""
    model_dir = run_dir / "models" / model.name
    planned = PlannedModel(model, "", "", model_dir, {}, model_dir, secret_values(model.env))
    return model_entry(planned) | {"train_cmd": None, "error_csv": None}


def write_status(model_dir: StorePath, status: dict[str, Any]) -> None:
    """Write down the state of a model's task in one step."""
    files.write(model_dir / STATUS_NAME, json_bytes(status))
