"""The training config: one JSON object that names a pool of forecasting sub-models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from elpa_core.config.airflow import DagRunOptions, ModelRunOptions
from elpa_core.config.types import AnyScalar, Environment, KeptPattern, ModelName, StrictModel, Text
from elpa_core.schema.groups import Group

ERROR_SOURCES = ("ewma_score", "error_values", "error_csv")


class PolicyFields(StrictModel):
    """The fields that steer scores and routing; training and integration configs share them."""

    beta: float = Field(default=0.7, ge=0, lt=1, description="EWMA factor of the scores.")
    dirty_interval: int = Field(default=3, ge=0, description="Steps that are dirty after a mutation.")
    amplitude_window: int = Field(default=6, ge=1, description="Steps that calibrate the amplitude.")
    mutant_epsilon: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Relative error above which a step is a mutation; null: no detection.",
    )


class Model(StrictModel):
    """One forecasting sub-model: a command that trains it and leaves its validation errors."""

    name: ModelName = Field(description="Unique in the pool; becomes a folder and a task id.")
    group: Group = Field(
        default="online", description="online: cheap, retrained often; offline: heavy, rarely."
    )
    enabled: bool = Field(default=True, description="A disabled model is planned, shown and not run.")
    train_cmd: str = Field(description="Template of the shell command that trains the model.")
    env: Environment = Field(default_factory=dict, description="More environment for this command.")
    error_csv: str = Field(
        default="{model_dir}/errors.csv",
        description="Template of the path where the command leaves its validation errors.",
    )
    artifacts: tuple[KeptPattern, ...] = Field(
        default=(),
        strict=False,
        description="Glob patterns of files in the command's folder to keep with the run, such as the trained"
        " model; each must name at least one.",
    )
    airflow: ModelRunOptions = Field(
        default_factory=ModelRunOptions,
        description="How this model's task runs; wins over the same field above.",
    )


class RunFields(PolicyFields):
    """The fields that a person may choose anew when starting a run."""

    dataset: Text = Field(default="", description="Training data path.")
    val_dataset: Text = Field(default="", description="Validation data path.")
    test_dataset: Text = Field(default="", description="Test data path.")
    horizon: int = Field(default=1, ge=1, description="Forecast horizon, steps.")
    period: int = Field(default=24, ge=1, description="Cycle length, steps.")
    seed: int = Field(default=42, description="Random seed.")
    context: dict[str, AnyScalar] = Field(default_factory=dict, description="More placeholder values.")


class TrainingConfig(RunFields):
    """A pool of sub-models, the values that their commands take, and how it all runs."""

    airflow: DagRunOptions = Field(
        default_factory=DagRunOptions, description="How the config runs in Airflow."
    )
    models: tuple[Model, ...] = Field(min_length=1, strict=False, description="The pool.")
    extras: dict[str, AnyScalar] = Field(
        default_factory=dict, description="Any other top-level scalar: a placeholder value."
    )

    def enabled_models(self) -> tuple[Model, ...]:
        """Return the models that take part, in config order."""
        return tuple(model for model in self.models if model.enabled)


@dataclass(frozen=True)
class LoadedConfig:
    """A training config together with the file that it came from.

    Parameters
    ----------
    path : Path
        The file, absolute.
    source : str
        The file as the user named it, for messages.
    data : bytes
        What the file held.
    config : TrainingConfig
        What that means.
    warnings : tuple of str
        What its author should know, one line each.
    """

    path: Path
    source: str
    data: bytes
    config: TrainingConfig
    warnings: tuple[str, ...]

    @property
    def dag_id(self) -> str:
        """Id of the config's Dag: its own, or made from the file's name."""
        return self.config.airflow.dag_id or f"elpa_{self.path.stem}"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def config_kind(raw: Mapping[str, Any]) -> Literal["training", "integration"]:
    """Tell what a config is for, from what its models say.

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
