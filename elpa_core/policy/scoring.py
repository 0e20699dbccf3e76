"""Read the validation errors of the models of a policy, and score them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.artifacts.error_columns import Role
from elpa_core.artifacts.model_errors import ModelErrors, read_model_errors
from elpa_core.artifacts.steps import Key, Steps, step_keys
from elpa_core.config.integration import ScoredBlock
from elpa_core.errors import ArtifactError, InputError, Problem, quoted, some
from elpa_core.files import StorePath, objects
from elpa_core.policy.build import ScoredModel
from elpa_core.scores.ewma import SumOverflowError, ewma_score, score_floor


@dataclass(frozen=True)
class ReadModel:
    """A model with what gives its score.

    Parameters
    ----------
    name, group : str
        The model and its group.
    errors : ModelErrors or None
        What its error CSV holds; None if the config gives score or errors.
    given : float or None
        The score that follows from what the config gives.
    rows : int or None
        Number of validation errors, if known.
    """

    name: str
    group: str
    errors: ModelErrors | None
    given: float | None
    rows: int | None


def read_block(
    block: ScoredBlock, beta: float, named: Mapping[Role, str], place: str, source: str
) -> ReadModel:
    """Read what gives the score of one model of an integration config.

    Raises
    ------
    ArtifactError
        If the error source of the model cannot be used.
    """
    if block.ewma_score is not None:
        return ReadModel(block.name, block.group, None, score_floor(block.ewma_score), None)
    if block.error_values is not None:
        try:
            score = ewma_score(block.error_values, beta)
        except SumOverflowError as error:
            place = f"{place}.error_values[{error.index}]"
            found, expected = "a value at which the sum of all so far overflows", "values whose sum is finite"
            raise ArtifactError(Problem(source, place, found, expected)) from error
        return ReadModel(block.name, block.group, None, score, len(block.error_values))
    errors = read_model_errors(Path(block.error_csv or ""), beta, named)
    return ReadModel(block.name, block.group, errors, None, errors.rows)


def read_artifact(
    artifact: ErrorArtifact, beta: float, named: Mapping[Role, str], place: StorePath | None = None
) -> ReadModel:
    """Read the error artifact of a training.

    Parameters
    ----------
    artifact : ErrorArtifact
        What the training recorded.
    beta : float
        Of the config.
    named : mapping of str to str
        The columns that ``error_columns`` names.
    place : path, optional
        Where it is now, if not at the path of the artifact; an object is copied to a temporary file first.

    Raises
    ------
    ArtifactError
        If the artifact is not there, cannot be read, or was changed after the training.
    OSError
        If the object storage cannot be reached.
    """
    if place is None or isinstance(place, Path):
        return _read_file(replace(artifact, path=str(place or artifact.path)), beta, named)
    with tempfile.TemporaryDirectory(prefix="elpa-errors-") as folder:
        copy = Path(folder, "errors.csv")
        try:
            objects.download(place, copy)
            return _read_file(replace(artifact, path=str(copy)), beta, named)
        except FileNotFoundError as error:
            problem = Problem(str(place), "", "no such object", "the artifact that training has left there")
            raise ArtifactError(problem) from error
        except ArtifactError as error:
            raise ArtifactError(replace(problem, source=str(place)) for problem in error.problems) from error


def _read_file(artifact: ErrorArtifact, beta: float, named: Mapping[Role, str]) -> ReadModel:
    errors = read_model_errors(Path(artifact.path), beta, named)
    if errors.sha256 != artifact.sha256:
        found = f"content with SHA-256 {errors.sha256}"
        expected = f"that of the training of {artifact.model}, {artifact.sha256}"
        raise ArtifactError(Problem(artifact.path, "", found, expected, "train the model again"))
    return ReadModel(artifact.model, artifact.group, errors, None, errors.rows)


def score_models(models: Sequence[ReadModel], source: str) -> tuple[list[ScoredModel], list[str]]:
    """Return the models with their scores, and warnings.

    A model whose rows are of several series has the mean over the series of score / scale, where the scale is
    the mean absolute actual of all rows of that series that any model has, in the order of their steps.

    Parameters
    ----------
    models : sequence of ReadModel
    source : str
        The config's or run's name, for errors.

    Raises
    ------
    InputError
        If models have different series, or only some of them have series.
    """
    by_series = {m.name: m.errors for m in models if m.errors is not None and m.errors.series}
    scores: Mapping[str, float] = {}
    warnings: list[str] = []
    if by_series:
        _require_same_series(models, by_series, source)
        scales = _scales(by_series)
        zero = [name for name, scale in scales.items() if scale == 0.0]
        if zero:
            warnings.append(
                f"series of zeros only are left out of the scores: {some(list(map(quoted, zero)))}"
            )
        counting = {name: scale for name, scale in scales.items() if scale > 0.0}
        if not counting:
            found = "no series with an actual other than 0"
            raise InputError(
                Problem(source, "$.error_columns.series", found, "at least one: it gives the scale")
            )
        scores = {name: _mean_relative(errors, counting) for name, errors in by_series.items()}
    scored = []
    for model in models:
        given = model.errors.score if model.errors is not None else model.given
        score = scores.get(model.name, given)
        sha256 = model.errors.sha256 if model.errors is not None else None
        if score is not None:
            scored.append(ScoredModel(model.name, model.group, score, model.rows, sha256))
    return scored, warnings


def _require_same_series(
    models: Sequence[ReadModel], by_series: Mapping[str, ModelErrors], source: str
) -> None:
    place = "$.error_columns.series"
    if other := [model.name for model in models if model.name not in by_series]:
        found = f"a name that does not count for {some(other)}"
        expected = "error CSVs with that column for all models, or for none"
        raise InputError(
            Problem(source, place, found, expected, "scores of series are relative to their scale")
        )
    (first, errors), *others = by_series.items()
    for name, theirs in others:
        if apart := sorted(errors.series.keys() ^ theirs.series.keys()):
            lacking = name if apart[0] in errors.series else first
            found = f"{len(apart)} series that only {first} or {name} has: {lacking} lacks {quoted(apart[0])}"
            raise InputError(Problem(source, place, found, "the same series in the error CSVs of all models"))


def _scales(by_series: Mapping[str, ModelErrors]) -> dict[str, float]:
    """Return the mean absolute actual of each series, over the steps that any model has."""
    scales = {}
    for name in next(iter(by_series.values())).series:
        sizes: dict[Key, float] = {}
        for steps in _told_apart_alike([errors.series[name] for errors in by_series.values()]):
            if steps.y_true is not None:
                for key, size in zip(step_keys(steps), np.abs(steps.y_true).tolist(), strict=True):
                    sizes.setdefault(key, size)
        total = 0.0
        for key in sorted(sizes):
            total += sizes[key]
        scales[name] = total / len(sizes)
    return scales


def _told_apart_alike(models: Sequence[Steps]) -> Sequence[Steps]:
    """Return the steps of models without their times, unless all have times of one kind."""
    kinds = {tuple(times and times.kind for times in (steps.time, steps.origin)) for steps in models}
    return models if len(kinds) == 1 else [replace(steps, time=None) for steps in models]


def _mean_relative(errors: ModelErrors, scales: Mapping[str, float]) -> float:
    total = 0.0
    for name, scale in scales.items():
        total += errors.series_scores[name] / scale
    return score_floor(total / len(scales))
