"""The training config: a JSON object that describes a pool of forecasting sub-models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from elpa_core.artifacts.error_columns import Role
from elpa_core.config.airflow import DagRunOptions, ModelRunOptions
from elpa_core.config.types import AnyScalar, Environment, KeptPattern, ModelName, StrictModel, Text
from elpa_core.errors import Caution, quoted
from elpa_core.schema.fields import Epsilon, Steps, StepsFromZero
from elpa_core.schema.groups import Group
from elpa_core.schema.problems import expected, refuse

ColumnName = str | None
"""The name of a column; an index that pandas writes has an empty one."""

ERROR_SOURCES = ("ewma_score", "error_values", "error_csv")


class ErrorColumns(StrictModel):
    """Which column of an error CSV holds what, where a tool gave them names of its own."""

    abs_error: ColumnName = Field(default=None, description="Absolute error.")
    y_true: ColumnName = Field(default=None, description="Actual value.")
    pred: ColumnName = Field(default=None, description="Forecast of the actual value.")
    time: ColumnName = Field(
        default=None, description="Time of the step; rows are scored in the order of (origin, time)."
    )
    origin: ColumnName = Field(default=None, description="Time at which the step was forecast.")
    series: ColumnName = Field(
        default=None,
        description="Name of the series; each is scored by itself, relative to its mean |y_true|.",
    )

    def over(self, other: ErrorColumns) -> Mapping[Role, str]:
        """Return the names given here, and those of ``other`` that are not given here."""
        names: dict[Role, str | None] = {role: getattr(self, role) for role in get_args(Role)}
        names = {role: getattr(other, role) if name is None else name for role, name in names.items()}
        return {role: name for role, name in names.items() if name is not None}

    @model_validator(mode="after")
    def _each_its_own(self) -> ErrorColumns:
        names: dict[str, str] = {}
        for role, name in self.model_dump(exclude_none=True).items():
            if (other := names.setdefault(name, role)) != role:
                refuse({role: expected(f"a column of its own: {other} has this one", found=quoted(name))})
        return self


class PolicyFields(StrictModel):
    """The fields for scores and routing; training and integration configs share them."""

    beta: float = Field(default=0.7, ge=0, lt=1, description="EWMA factor of the scores.")
    dirty_interval: StepsFromZero = Field(default=3, description="Number of dirty steps after a mutation.")
    amplitude_window: Steps = Field(default=6, description="Number of steps that calibrate the amplitude.")
    mutant_epsilon: Epsilon | None = Field(
        default=None,
        description="Relative error above which a step counts as a mutation; null: no detection.",
    )


class ErrorFields(StrictModel):
    """How error CSVs are read and compared; training and integration configs share it."""

    error_columns: ErrorColumns = Field(
        default_factory=ErrorColumns, description="Columns of the error CSVs that have other names."
    )
    on_incomparable: Literal["warn", "fail"] = Field(
        default="warn",
        description="What to do if the models' errors cannot be compared: warn, or make no policy.",
    )


class Model(StrictModel):
    """A forecasting sub-model: the command that trains it and writes its validation errors."""

    name: ModelName = Field(
        description="Name, unique in the pool; also the name of its folder and part of its task id."
    )
    group: Group = Field(
        default="online", description="online: cheap, retrained often; offline: heavy, retrained rarely."
    )
    enabled: bool = Field(default=True, description="A disabled model is shown in the plan and not trained.")
    description: str | None = Field(
        default=None, description="What the model is, in Markdown, shown in the documentation of its task."
    )
    train_cmd: str = Field(description="Template of the shell command that trains the model.")
    env: Environment = Field(
        default_factory=dict, description="Additional environment variables of the command."
    )
    error_csv: str = Field(
        default="{model_dir}/errors.csv",
        description="Template of the path to which the command writes its validation errors.",
    )
    error_columns: ErrorColumns = Field(
        default_factory=ErrorColumns,
        description="Columns of this model's error CSV; they override those at the top.",
    )
    artifacts: tuple[KeptPattern, ...] = Field(
        default=(),
        strict=False,
        description="Glob patterns of files in the command's folder that are kept with the run, such as the"
        " trained model; one that matches no file is a warning.",
    )
    resume_from: tuple[KeptPattern, ...] = Field(
        default=(),
        strict=False,
        description="Glob patterns of files in the command's folder, such as checkpoints, that are there"
        " again when Airflow retries the task; a task that a person clears starts with an empty folder.",
    )
    airflow: ModelRunOptions = Field(
        default_factory=ModelRunOptions,
        description="Options of this model's task; they override those at the top.",
    )


class RunFields(PolicyFields):
    """The fields that a person can change at the start of a run."""

    dataset: Text = Field(default="", description="Path of the training data.")
    val_dataset: Text = Field(default="", description="Path of the validation data.")
    test_dataset: Text = Field(default="", description="Path of the test data.")
    horizon: Steps = Field(default=1, description="Forecast horizon in steps.")
    period: int = Field(default=24, ge=1, description="Length of a cycle in steps.")
    seed: int = Field(default=42, description="Random seed.")
    context: dict[str, AnyScalar] = Field(default_factory=dict, description="Additional placeholder values.")


class TrainingConfig(RunFields, ErrorFields):
    """A pool of sub-models, the values for their commands, and the options of the Dag."""

    airflow: DagRunOptions = Field(default_factory=DagRunOptions, description="Options of the Dag.")
    models: tuple[Model, ...] = Field(min_length=1, strict=False, description="The pool.")
    extras: dict[str, AnyScalar] = Field(
        default_factory=dict, description="Any other scalar at the top: a placeholder value."
    )

    def enabled_models(self) -> tuple[Model, ...]:
        """Return the enabled models, in config order."""
        return tuple(model for model in self.models if model.enabled)


@dataclass(frozen=True)
class LoadedConfig:
    """A training config and its file.

    Parameters
    ----------
    path : Path
        Absolute path of the file.
    source : str
        The file as the user named it, for messages.
    data : bytes
        The content of the file.
    config : TrainingConfig
        The config in the file.
    warnings : tuple of Caution
        Warnings for its author.
    """

    path: Path
    source: str
    data: bytes
    config: TrainingConfig
    warnings: tuple[Caution, ...]

    @property
    def dag_id(self) -> str:
        """Id of the config's Dag: its ``dag_id``, or a default from the file's name."""
        return self.config.airflow.dag_id or f"elpa_{self.path.stem}"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def config_kind(raw: Mapping[str, Any]) -> Literal["training", "integration"]:
    """Return the kind of a config, from the fields of its models.

    >>> config_kind({"models": [{"name": "a", "error_csv": "a.csv"}]})
    'integration'
    >>> config_kind({"models": [{"name": "a", "train_cmd": "true"}]})
    'training'
    """
    models = raw.get("models")
    blocks = [block for block in models if isinstance(block, dict)] if isinstance(models, list) else []
    if any("train_cmd" in block for block in blocks):
        return "training"
    integration = any(source in block for block in blocks for source in ERROR_SOURCES)
    return "integration" if integration else "training"
