"""Score the validation errors of the models of a policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.artifacts.error_csv import summarise_error_csv
from elpa_core.config.integration import ScoredBlock
from elpa_core.errors import ArtifactError, Problem
from elpa_core.policy.build import ScoredModel
from elpa_core.scores.ewma import SumOverflowError, ewma_score, score_floor


def score_block(block: ScoredBlock, beta: float, place: str, source: str) -> ScoredModel:
    """Score one model of an integration config.

    Raises
    ------
    ArtifactError
        If the error source of the model cannot be used.
    """
    if block.ewma_score is not None:
        return ScoredModel(block.name, block.group, score_floor(block.ewma_score))
    if block.error_values is not None:
        try:
            score = ewma_score(block.error_values, beta)
        except SumOverflowError as error:
            place = f"{place}.error_values[{error.index}]"
            found, expected = "a value at which the sum of all so far overflows", "values whose sum is finite"
            raise ArtifactError(Problem(source, place, found, expected)) from error
        return ScoredModel(block.name, block.group, score, rows=len(block.error_values))
    summary = summarise_error_csv(Path(block.error_csv or ""), beta)
    return ScoredModel(block.name, block.group, summary.score, summary.rows, summary.sha256)


def score_artifacts(artifacts: Sequence[ErrorArtifact], beta: float) -> list[ScoredModel]:
    """Score the error artifacts of a training.

    Raises
    ------
    ArtifactError
        If an artifact cannot be read, or was changed after the training.
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
