"""The integration config: existing validation errors from which to make a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from elpa_core.config.pool_checks import (
    container_problems,
    duplicate_names,
    missing_groups,
    settle_groups,
    without_comments,
)
from elpa_core.config.training import ERROR_SOURCES, ErrorColumns, ErrorFields, PolicyFields
from elpa_core.config.types import ModelName, StrictModel
from elpa_core.errors import Caution, ConfigError, Problem, nearest
from elpa_core.files.strict_json import member_path, read_object
from elpa_core.schema.fields import Score, Steps
from elpa_core.schema.groups import Group
from elpa_core.schema.problems import problems_of

ErrorValue = Annotated[float, Field(allow_inf_nan=False)]


class ScoredBlock(StrictModel):
    """A model and the source of its score; of several sources, the first of these fields counts."""

    name: ModelName = Field(description="Name, unique in the pool.")
    group: Group = Field(default="online", description="Group of the model.")
    ewma_score: Score | None = Field(default=None, description="The score.")
    error_values: Annotated[tuple[ErrorValue, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None, description="Validation errors, oldest first."
    )
    error_csv: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Path of an error CSV, relative to the working folder."
    )
    error_columns: ErrorColumns = Field(
        default_factory=ErrorColumns,
        description="Columns of this model's error CSV; they override those at the top.",
    )


class IntegrationConfig(PolicyFields, ErrorFields):
    """Models with their validation errors, and the fields for scores and routing."""

    models: tuple[ScoredBlock, ...] = Field(min_length=1, strict=False, description="The pool.")
    horizon: Steps = Field(default=1, description="Number of steps that are forecast together.")


@dataclass(frozen=True)
class LoadedIntegration:
    """An integration config, its file, and warnings for its author."""

    source: str
    config: IntegrationConfig
    warnings: tuple[Caution, ...]


def load_integration_config(path: Path) -> LoadedIntegration:
    """Read, check and return the integration config at ``path``.

    Raises
    ------
    InputError
        If the config is not valid; the error lists every problem.
    """
    return check_integration_config(read_object(path), path)


def check_integration_config(raw: Mapping[str, Any], path: Path) -> LoadedIntegration:
    """Return the integration config in the JSON object ``raw``."""
    source = str(path)
    raw = without_comments(raw)
    models = raw.get("models")
    if isinstance(models, list) and any(isinstance(block, dict) and "train_cmd" in block for block in models):
        hint = "elpa train runs it; elpa integrate --run-dir makes the policy of its run"
        raise ConfigError(Problem(source, "$.models", "a training config", "an integration config", hint))
    fields = tuple(IntegrationConfig.model_fields)
    known = {name: value for name, value in raw.items() if name in fields}
    unknown = {name: value for name, value in raw.items() if name not in fields}
    problems = list(container_problems(unknown, lambda name: nearest(name, fields), source))
    models, warnings = settle_groups(raw.get("models"), source)
    for name, value in unknown.items():
        if not isinstance(value, dict | list):
            warnings.append(Caution(source, member_path("$", name), "not used", nearest(name, fields)))
    config: IntegrationConfig | None = None
    try:
        config = IntegrationConfig.model_validate({**known, "models": models} if "models" in raw else known)
    except ValidationError as error:
        problems += problems_of(error, source, IntegrationConfig)
    problems += duplicate_names(raw.get("models"), source)
    problems += _without_source(raw.get("models"), source)
    problems += missing_groups(models, source, "")
    if problems or config is None:
        raise ConfigError(problems)
    return LoadedIntegration(source, config, tuple(warnings))


def _without_source(models: object, source: str) -> Iterator[Problem]:
    for index, block in enumerate(models if isinstance(models, list) else []):
        if isinstance(block, dict) and all(block.get(name) is None for name in ERROR_SOURCES):
            place, expected = f"$.models[{index}]", "ewma_score, error_values or error_csv"
            yield Problem(source, place, "no error source", expected)
