"""The manifest: what a run planned, and what became of each model, true at every moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from elpa_core import files
from elpa_core.commands.masking import mask_text
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.runs.folder import STDERR_NAME, STDOUT_NAME
from elpa_core.runs.plan import Plan, PlannedModel
from elpa_core.times import utc_text

SKILL = "ELPA"


def model_entry(planned: PlannedModel) -> dict[str, Any]:
    """Return the manifest's entry of a model before anything ran."""
    model = planned.model
    return {
        "name": model.name,
        "group": model.group,
        "enabled": model.enabled,
        "train_cmd_template": mask_text(model.train_cmd, planned.secrets),
        "train_cmd": planned.shown_command,
        "model_dir": str(planned.model_dir),
        "env": planned.masked_environment(),
        "error_csv": str(planned.error_csv),
        "status": "planned" if model.enabled else "disabled",
        "reason": None,
        "return_code": None,
        "stdout_log": str(planned.model_dir / STDOUT_NAME),
        "stderr_log": str(planned.model_dir / STDERR_NAME),
        "started_at": None,
        "finished_at": None,
        "artifact": None,
        "artifacts": [],
    }


def manifest_of(
    plan: Plan, entries: Iterable[dict[str, Any]], *, created_at: str, **more: Any
) -> dict[str, Any]:
    """Return the manifest of a run.

    Parameters
    ----------
    plan : Plan
        The run.
    entries : iterable of dict
        One a model, from `model_entry`, kept up to date by who runs the models.
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
