"""The manifest: what a run planned, and what became of each model. It is true at every moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.commands.masking import mask_text, secret_values
from elpa_core.config.training import Model
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.runs.folder import ModelFolder, RunFolder
from elpa_core.runs.plan import Plan, PlannedModel
from elpa_core.times import utc_text

SKILL = "ELPA"


def model_entry(planned: PlannedModel) -> dict[str, Any]:
    """Return the manifest's entry of a model before anything ran."""
    model, folder = planned.model, ModelFolder(planned.model_dir)
    return {
        "name": model.name,
        "group": model.group,
        "enabled": model.enabled,
        "train_cmd_template": mask_text(model.train_cmd, planned.secrets),
        "train_cmd": planned.shown_command,
        "model_dir": str(planned.model_dir),
        "env": planned.masked_environment(),
        "error_csv": mask_text(str(planned.error_csv), planned.secrets),
        "status": "planned" if model.enabled else "disabled",
        "reason": None,
        "return_code": None,
        "stdout_log": str(folder.stdout_log),
        "stderr_log": str(folder.stderr_log),
        "started_at": None,
        "finished_at": None,
        "artifact": None,
        "artifacts": [],
        "warm_started_from": None,
        "warnings": [],
    }


def refused_entry(model: Model, run_dir: Path) -> dict[str, Any]:
    """Return the manifest's entry of a model whose command cannot be made in this run.

    Parameters
    ----------
    model : Model
        The model's block of the config.
    run_dir : Path
        The run's folder.
    """
    model_dir = RunFolder(run_dir).model(model.name).path
    planned = PlannedModel(
        model, "", "", model_dir, {}, model_dir, secret_values(model.env), model.airflow, None, {}
    )
    return model_entry(planned) | {"train_cmd": None, "error_csv": None}


def manifest_of(
    plan: Plan, entries: Iterable[dict[str, Any]], *, created_at: str, **more: Any
) -> dict[str, Any]:
    """Return the manifest of a run.

    Parameters
    ----------
    plan : Plan
        The run.
    entries : iterable of dict
        One per model, from `model_entry`; whoever runs the models keeps them up to date.
    created_at : str
        When the plan was made, UTC, ISO 8601.
    **more
        Further fields.
    """
    config = plan.loaded.config
    return {
        "skill": SKILL,
        "created_at": created_at,
        "run_dir": str(plan.run_dir),
        "config": str(plan.loaded.path),
        "config_sha256": plan.loaded.sha256,
        "dataset": config.dataset,
        "horizon": config.horizon,
        "period": config.period,
        "beta": config.beta,
        "as_of": utc_text(dt.datetime.fromisoformat(plan.moment.as_of)),
        **more,
        "models": list(entries),
    }


def write_manifest(path: StorePath, manifest: dict[str, Any]) -> None:
    """Write a manifest in one step."""
    files.write(path, json_bytes(manifest))
