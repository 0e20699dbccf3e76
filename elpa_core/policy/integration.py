"""Make the policy of an integration config, or of a finished training run, from validation errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.config.integration import LoadedIntegration
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ArtifactError, InputError, Problem
from elpa_core.files.strict_json import read_file, read_object
from elpa_core.policy.build import build_policy
from elpa_core.policy.evaluation import EvaluatedPolicy, evaluate_policy
from elpa_core.policy.scoring import ReadModel, read_artifact, read_block, score_models
from elpa_core.runs.folder import RunFolder
from elpa_core.schema.groups import Group
from elpa_core.schema.policy import MissingModel, RunReference
from elpa_core.schema.problems import problems_of
from elpa_core.schema.trained_file import TrainedFile, trained_files
from elpa_core.times import now_text


def integrate_config(loaded: LoadedIntegration) -> EvaluatedPolicy:
    """Return the policy of an integration config; paths are relative to the working folder.

    Raises
    ------
    ArtifactError
        If a source of errors cannot be used; the error lists every problem.
    """
    config = loaded.config
    models: list[ReadModel] = []
    problems: list[Problem] = []
    for index, block in enumerate(config.models):
        named = block.error_columns.over(config.error_columns)
        try:
            models.append(read_block(block, config.beta, named, f"$.models[{index}]", loaded.source))
        except ArtifactError as error:
            problems += error.problems
    if problems:
        raise ArtifactError(problems)
    scored, warnings = score_models(models, loaded.source)
    policy = build_policy(config, scored, created_at=now_text(), source=loaded.source)
    return evaluate_policy(policy, models, config, config.horizon, source=loaded.source, warnings=warnings)


def integrate_run(run_dir: Path, manifest_path: Path | None = None) -> EvaluatedPolicy:
    """Return the policy of a finished ``elpa train``.

    Parameters
    ----------
    run_dir : Path
        The run's folder.
    manifest_path : Path, optional
        The run's manifest, if it is not at its default path in the folder.

    Raises
    ------
    InputError
        If the run is not finished, or if a model failed or left no usable artifact, except with
        ``--continue-on-error``.
    """
    path = manifest_path or RunFolder(run_dir).manifest
    manifest = _read_manifest(path)
    loaded = _config_of(manifest, run_dir, path)
    columns = {
        model.name: model.error_columns.over(loaded.config.error_columns) for model in loaded.config.models
    }
    models: list[ReadModel] = []
    missing: list[MissingModel] = []
    problems: list[Problem] = []
    for index, entry in enumerate(manifest.models):
        reason = entry.reason or ""
        if entry.status == "ok" and entry.artifact is not None:
            try:
                models.append(read_artifact(entry.artifact, loaded.config.beta, columns[entry.name]))
            except ArtifactError as error:
                problems += error.problems
        elif entry.status == "disabled":
            missing.append(MissingModel(name=entry.name, group=entry.group, reason="disabled", intended=True))
        elif entry.status in {"failed", "ok"} and manifest.continue_on_error:
            missing.append(MissingModel(name=entry.name, group=entry.group, reason=reason, intended=False))
        else:
            place = f"$.models[{index}] ({entry.name})"
            found = f"status {entry.status}" + (f" ({reason})" if reason else "")
            problems.append(Problem(str(path), place, found, "status ok and an error artifact"))
    if problems:
        raise ArtifactError(problems)
    scored, warnings = score_models(models, str(path))
    entries = {entry.name: entry for entry in manifest.models}
    scored = [replace(one, artifacts=trained_files(entries[one.name].artifacts)) for one in scored]
    policy = build_policy(
        loaded.config,
        scored,
        created_at=now_text(),
        source=str(path),
        missing=missing,
        run=RunReference(
            dag_id=None,
            run_id=None,
            run_dir=str(run_dir.absolute()),
            as_of=manifest.as_of,
            config_sha256=loaded.sha256,
        ),
    )
    return evaluate_policy(
        policy, models, loaded.config, loaded.config.horizon, source=str(path), warnings=warnings
    )


class _Entry(BaseModel):
    """The fields of a model's manifest entry that integration needs."""

    name: str
    group: Group
    status: Literal["planned", "disabled", "running", "ok", "failed"]
    reason: str | None
    artifact: ErrorArtifact | None
    artifacts: list[str | TrainedFile] = []


class _Manifest(BaseModel):
    """The fields of a manifest that integration needs."""

    skill: Literal["ELPA"]
    as_of: str
    config_sha256: str
    continue_on_error: bool = False
    models: list[_Entry]


def _read_manifest(path: Path) -> _Manifest:
    try:
        return _Manifest.model_validate(read_object(path))
    except ValidationError as error:
        raise InputError(problems_of(error, str(path), _Manifest)) from error


def _config_of(manifest: _Manifest, run_dir: Path, manifest_path: Path) -> LoadedConfig:
    """Return the config of a run; refuse it if it does not match the manifest."""
    path = RunFolder(run_dir).config
    loaded = parse_training_config(read_file(path), path)
    if loaded.sha256 != manifest.config_sha256:
        found = f"content with SHA-256 {loaded.sha256}"
        expected = f"the config of the run, {manifest.config_sha256}"
        raise InputError(Problem(str(path), "", found, expected, "train again"))
    if [entry.name for entry in manifest.models] != [model.name for model in loaded.config.models]:
        raise InputError(
            Problem(str(manifest_path), "$.models", "other models than in the config", f"those of {path}")
        )
    return loaded
