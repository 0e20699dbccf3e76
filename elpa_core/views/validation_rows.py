"""The validation rows behind a policy: actuals, forecasts of the models, and what a router makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.artifacts.error_columns import NONE_NAMED
from elpa_core.backtest.evaluation import replay
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import TrainingConfig
from elpa_core.errors import ArtifactError, InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.strict_json import read_file, read_object
from elpa_core.policy.comparison import compare
from elpa_core.policy.scoring import ReadModel, read_artifact
from elpa_core.runs.earlier_artifacts import EarlierArtifact
from elpa_core.runs.folder import ModelFolder, RunFolder
from elpa_core.schema.policy import ErrorSource
from elpa_core.store.reading import recorded_policy
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.views.book import Book
from elpa_core.views.shapes import Rows

MOST_ROWS = 2_000


def validation_rows(book: Book, run_id: str, number: int | None = None, most: int = MOST_ROWS) -> Rows:
    """Return the last validation rows that all models of a policy share.

    Parameters
    ----------
    book : Book
        The policies of the Dag.
    run_id, number
        The policy; the latest of the run if no number is given.
    most : int
        At most so many rows.

    Raises
    ------
    InputError
        If there is no such policy.
    """
    stored = recorded_policy(book.folder, run_id, number)
    try:
        config = _config(book, run_id)
        manifest = read_object(RunFolder(book.folder.run(run_id)).manifest)
        models = _read_models(book, stored, config, manifest)
    except InputError as error:
        return _none(str(error))
    horizon = int(manifest.get("horizon", config.horizon))
    found = compare({m.name: m.errors for m in models}, horizon)
    if isinstance(found.validation, str):
        return _none(found.validation)
    try:
        run = replay(stored.raw, found.validation, horizon)
    except InputError as error:
        return _none(f"a router refuses the rows: {error}")
    actuals, times = found.validation.actuals, found.times
    total = len(actuals)
    last = slice(max(0, total - most), total)
    return Rows(
        total=total,
        first=last.start + 1,
        times=None if times is None else list(times[last]),
        actuals=actuals[last].tolist(),
        forecasts={
            name: _numbers(found.validation.forecasts[last, place])
            for place, name in enumerate(found.validation.names)
        },
        router=_numbers(run.served[last]),
        by=found.comparison.by,
        reason=None,
    )


def _config(book: Book, run_id: str) -> TrainingConfig:
    path = RunFolder(book.folder.run(run_id)).config
    return parse_training_config(read_file(path), Path(str(path))).config


def _read_models(
    book: Book, stored: StoredPolicy, config: TrainingConfig, manifest: dict[str, Any]
) -> list[ReadModel]:
    run = RunFolder(book.folder.run(stored.record.run_id))
    entries = {e.get("name"): e for e in manifest.get("models", []) if isinstance(e, dict)}
    named = {model.name: model.error_columns.over(config.error_columns) for model in config.models}
    models: list[ReadModel] = []
    for name in stored.contents.names:
        status: dict[str, Any] = entries.get(name, {})
        source = stored.contents.errors.get(name)
        if source is not None and source.carried_from is not None:
            status = {"artifact": _carried(run.model(name), name, stored, source)}
        try:
            artifact = ErrorArtifact.from_json(status["artifact"])
        except (KeyError, TypeError) as error:
            problem = Problem(str(run.manifest), "", f"no artifact of {name}", "one of each model")
            raise ArtifactError(problem) from error
        if source is None or source.sha256 != artifact.sha256:
            found = f"another artifact of {name} than the policy used"
            raise ArtifactError(Problem(str(run.manifest), "", found, "the one of this policy"))
        folder = run.model(name).path
        place = EarlierArtifact(artifact, stored.record.as_of, stored.record.run_id, folder, status).place
        with as_input_error(place, "the validation errors of the model"):
            models.append(read_artifact(artifact, config.beta, named.get(name, NONE_NAMED), place))
    return models


def _carried(
    folder: ModelFolder[StorePath], name: str, stored: StoredPolicy, source: ErrorSource
) -> dict[str, Any]:
    """Return the artifact of a model that the run did not train: a copy lies in the run's folder."""
    group = "online" if name in stored.contents.online_models else "offline"
    facts = {"rows": source.rows or 0, "sha256": source.sha256 or "", "written_at": ""}
    moments = {"started_at": "", "finished_at": source.trained_at or ""}
    return {"model": name, "group": group, "path": str(folder.carried_errors), **facts, **moments}


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _none(reason: str) -> Rows:
    return Rows(total=0, first=1, times=None, actuals=[], forecasts={}, router=None, by=None, reason=reason)
