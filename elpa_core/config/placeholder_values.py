"""The placeholders, the value of each, and the origin of the value: the config's author or ELPA."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elpa_core.commands.placeholders import Scalar, placeholder_names
from elpa_core.config.training import Model, PolicyFields, TrainingConfig
from elpa_core.times import RunMoment

PREVIOUS_DIR = "previous_dir"
"""The placeholder for the folder of the model's earlier training."""
CONFIG_NAMES = ("dataset", "train_dataset", "val_dataset", "test_dataset", "horizon", "period", "seed")
MODEL_NAMES = ("run_dir", "model_dir", "model_name")
RUN_NAMES = (
    "config_dir",
    "python",
    "as_of",
    "data_interval_start",
    "data_interval_end",
    "run_id",
    "run_type",
    PREVIOUS_DIR,
)
POLICY_NAMES = tuple(PolicyFields.model_fields)
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class PlaceholderValues:
    """The values for one model's command.

    Parameters
    ----------
    written : mapping of str to scalar
        Values from the config's author; they are inserted into the command unchanged.
    data : mapping of str to str
        Values from ELPA; they are quoted, so that each reaches the command as one word.
    """

    written: Mapping[str, Scalar]
    data: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """Return every value as the environment variable ``ELPA_<NAME>``."""
        values = {**{name: str(value) for name, value in self.written.items()}, **self.data}
        return {
            variable_of(name): value
            for name, value in values.items()
            if has_variable(name) and "\0" not in value
        }


def has_variable(name: str) -> bool:
    """Tell whether the environment can hold the value of a placeholder: not of ``my-value``."""
    return _ENVIRONMENT_NAME.fullmatch(name) is not None


def variable_of(name: str) -> str:
    """Return the environment variable that holds the value of a placeholder."""
    return f"ELPA_{name.upper()}"


def written_values(config: TrainingConfig) -> dict[str, Scalar]:
    """Return the values from the author of a config: top-level values, context, named fields.

    Later ones override earlier ones.
    """
    values: dict[str, Scalar] = {name: getattr(config, name) for name in POLICY_NAMES}
    values.update(config.extras)
    values.update(config.context)
    values.update(
        dataset=config.dataset,
        train_dataset=config.dataset,
        val_dataset=config.val_dataset,
        test_dataset=config.test_dataset,
        horizon=config.horizon,
        period=config.period,
        seed=config.seed,
    )
    for name in MODEL_NAMES:
        values.pop(name, None)
    return values


def written_texts(config: TrainingConfig) -> dict[str, str]:
    """Return those of `written_values` that are texts."""
    return {name: value for name, value in written_values(config).items() if isinstance(value, str)}


def starts_warm(model: Model, config: TrainingConfig) -> bool:
    """Tell whether the command of a model reads the folder of its earlier training."""
    reads = PREVIOUS_DIR in placeholder_names(model.train_cmd) or variable_of(PREVIOUS_DIR) in model.train_cmd
    return reads and PREVIOUS_DIR not in written_values(config)


def placeholder_values(
    written: Mapping[str, Scalar],
    *,
    run_dir: Path,
    model_dir: Path,
    model_name: str,
    config_dir: Path,
    moment: RunMoment,
    changed: Mapping[str, Scalar] | None = None,
    previous_dir: Path | None = None,
) -> PlaceholderValues:
    """Return the values for the command of one model.

    Parameters
    ----------
    written : mapping of str to scalar
        The result of `written_values`; its values override ELPA's values of the `RUN_NAMES`.
    run_dir, model_dir : Path
        Absolute paths of the run's folder and of the command's folder.
    model_name : str
        The model.
    config_dir : Path
        Absolute path of the config's folder.
    moment : RunMoment
        The dates of the run.
    changed : mapping of str to scalar, optional
        Values from the start of the run. They replace the author's and are quoted, as data.
    previous_dir : Path, optional
        Absolute path of the folder from which a warm start starts.
    """
    changed = changed or {}
    written = {name: value for name, value in written.items() if name not in changed}
    data = {
        "run_dir": str(run_dir),
        "model_dir": str(model_dir),
        "model_name": model_name,
        "config_dir": str(config_dir),
        "python": sys.executable,
        "as_of": moment.as_of,
        "data_interval_start": moment.data_interval_start,
        "data_interval_end": moment.data_interval_end,
        "run_id": moment.run_id,
        "run_type": moment.run_type,
        PREVIOUS_DIR: "" if previous_dir is None else str(previous_dir),
    }
    data = {name: value for name, value in data.items() if name not in written}
    return PlaceholderValues(written, {**data, **{name: str(value) for name, value in changed.items()}})
