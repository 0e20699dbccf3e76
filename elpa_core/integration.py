"""From validation errors to a policy: of an integration config, or of a finished training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elpa_core.artifacts import ErrorArtifact, now_text
from elpa_core.config_loading import parse_training_config
from elpa_core.error_csv import summarise_error_csv
from elpa_core.errors import ArtifactError, InputError, Problem
from elpa_core.integration_config import LoadedIntegration, ScoredBlock
from elpa_core.json_input import parse_object, read_file
from elpa_core.manifest import CONFIG_NAME, MANIFEST_NAME
from elpa_core.policy import MissingModel, Policy, RunReference, ScoredModel, build_policy
from elpa_core.scores import ewma_score, score_floor


def integrate_config(loaded: LoadedIntegration) -> Policy:
    """Return the policy of an integration config; relative paths are relative to the working folder.

    Raises
    ------
    ArtifactError
        With every problem of every source of errors.
    """
    config = loaded.config
    scored: list[ScoredModel] = []
    problems: list[Problem] = []
    for index, block in enumerate(config.models):
        try:
            scored.append(_score_block(block, config.beta, f"$.models[{index}]", loaded.source))
        except ArtifactError as error:
            problems += error.problems
    if problems:
        raise ArtifactError(problems)
    return build_policy(config, scored, created_at=now_text(), source=loaded.source)


def _score_block(block: ScoredBlock, beta: float, place: str, source: str) -> ScoredModel:
    if block.ewma_score is not None:
        return ScoredModel(block.name, block.group, score_floor(block.ewma_score))
    if block.error_values is not None:
        try:
            score = ewma_score(block.error_values, beta)
        except OverflowError as error:
            expected = "values whose sum is finite"
            raise ArtifactError(
                Problem(source, f"{place}.error_values", "a sum that overflows", expected)
            ) from error
        return ScoredModel(block.name, block.group, score, rows=len(block.error_values))
    summary = summarise_error_csv(Path(block.error_csv or ""), beta)
    return ScoredModel(block.name, block.group, summary.score, summary.rows, summary.sha256)


def score_artifacts(artifacts: Sequence[ErrorArtifact], beta: float) -> list[ScoredModel]:
    """Score the error artifacts that training handed on.

    Raises
    ------
    ArtifactError
        If one cannot be read, or is not what it was when training handed it on.
    """
    scored: list[ScoredModel] = []
    problems: list[Problem] = []
    for artifact in artifacts:
        try:
            summary = summarise_error_csv(Path(artifact.path), beta)
        except ArtifactError as error:
            problems += error.problems
            continue
        if summary.sha256 != artifact.sha256:
            found = f"content with SHA-256 {summary.sha256}"
            expected = f"that of the training of {artifact.model}, {artifact.sha256}"
            problems.append(Problem(artifact.path, "", found, expected, "train the model again"))
            continue
        scored.append(
            ScoredModel(artifact.model, artifact.group, summary.score, summary.rows, summary.sha256)
        )
    if problems:
        raise ArtifactError(problems)
    return scored


def integrate_run(run_dir: Path, manifest_path: Path | None = None) -> Policy:
    """Return the policy of a finished ``elpa train``.

    Parameters
    ----------
    run_dir : Path
        The run's folder.
    manifest_path : Path, optional
        The run's manifest, if it is not in the folder under its usual name.

    Raises
    ------
    InputError
        If the run has not finished, a model has failed (unless it was told to continue), or a
        model has left no usable artifact.
    """
    path = manifest_path or run_dir / MANIFEST_NAME
    manifest = parse_object(read_file(path), str(path))
    entries = _entries(manifest, str(path))
    config_path = run_dir / CONFIG_NAME
    loaded = parse_training_config(read_file(config_path), config_path)
    artifacts, missing, problems = [], [], []
    for index, entry in enumerate(entries):
        place = f"$.models[{index}] ({entry['name']})"
        status, reason = entry["status"], entry.get("reason") or ""
        if status == "ok" and entry.get("artifact"):
            artifacts.append(ErrorArtifact.from_json(entry["artifact"]))
        elif status == "disabled":
            missing.append(
                MissingModel(name=entry["name"], group=entry["group"], reason="disabled", intended=True)
            )
        elif status == "failed" and manifest.get("continue_on_error"):
            missing.append(
                MissingModel(name=entry["name"], group=entry["group"], reason=reason, intended=False)
            )
        else:
            found = f"status {status}" + (f" ({reason})" if reason else "")
            problems.append(Problem(str(path), place, found, "status ok and an error artifact"))
    if problems:
        raise ArtifactError(problems)
    scored = score_artifacts(artifacts, loaded.config.beta)
    return build_policy(
        loaded.config,
        scored,
        created_at=now_text(),
        source=str(path),
        missing=missing,
        run=RunReference(
            dag_id=None,
            run_id=None,
            run_dir=str(run_dir.absolute()),
            as_of=str(manifest.get("as_of", "")),
            config_sha256=loaded.sha256,
        ),
    )


def _entries(manifest: dict[str, Any], source: str) -> list[dict[str, Any]]:
    entries = manifest.get("models")
    if manifest.get("skill") != "ELPA" or not isinstance(entries, list):
        raise InputError(Problem(source, "$", "another object", "the manifest that elpa train writes"))
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not {"name", "group", "status"} <= entry.keys():
            raise InputError(Problem(source, f"$.models[{index}]", "another object", "a model's entry"))
    return entries
