"""From a config to the exact command of every model of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from elpa_core.artifacts.error_columns import Role
from elpa_core.commands.masking import MASK, mask_text, mask_values, names_a_secret, secret_values
from elpa_core.commands.placeholders import Scalar, render_command, render_text
from elpa_core.commands.unquoted import unquoted_values
from elpa_core.config.airflow import ModelRunOptions
from elpa_core.config.placeholder_values import (
    placeholder_values,
    starts_warm,
    written_texts,
    written_values,
)
from elpa_core.config.training import LoadedConfig, Model, TrainingConfig
from elpa_core.errors import PlaceholderError
from elpa_core.runs.folder import RunFolder
from elpa_core.times import RunMoment


@dataclass(frozen=True)
class PlannedModel:
    """One model of a run, planned.

    Parameters
    ----------
    model : Model
        The model's block of the config.
    command : str
        The exact command.
    shown_command : str
        The same with secrets masked: this one may be printed and kept.
    model_dir : Path
        The command's working folder, absolute.
    environment : mapping of str to str
        Variables of the command's environment besides those of its parent process.
    error_csv : Path
        Where the command leaves its validation errors, absolute.
    secrets : tuple of str
        Values that are never to be printed.
    options : ModelRunOptions
        How the model runs: its own options over those of the whole config.
    previous_dir : Path or None
        The folder from which its command starts warm; None if the command does not read it.
    error_columns : mapping of str to str
        Names of columns of the error CSV by what they hold: the model's own over those of the whole config.
    """

    model: Model
    command: str
    shown_command: str
    model_dir: Path
    environment: Mapping[str, str]
    error_csv: Path
    secrets: tuple[str, ...]
    options: ModelRunOptions
    previous_dir: Path | None
    error_columns: Mapping[Role, str]

    def masked_environment(self) -> dict[str, str]:
        """Return the model's own ``env`` with secrets masked."""
        return {name: mask_text(value, self.secrets) for name, value in mask_values(self.model.env).items()}


@dataclass(frozen=True)
class Plan:
    """All models of one run, in config order.

    Parameters
    ----------
    loaded : LoadedConfig
        The config.
    run_dir : Path
        The run's folder, absolute.
    moment : RunMoment
        The dates of the run.
    models : tuple of PlannedModel
        One per model, disabled ones too.
    """

    loaded: LoadedConfig
    run_dir: Path
    moment: RunMoment
    models: tuple[PlannedModel, ...]


def plan_run(
    loaded: LoadedConfig, run_dir: Path, moment: RunMoment, changed: Mapping[str, Scalar] | None = None
) -> Plan:
    """Return the plan of a run; nothing is written and nothing runs.

    Parameters
    ----------
    loaded : LoadedConfig
        The config.
    run_dir : Path
        The run's folder, absolute.
    moment : RunMoment
        The dates of the run.
    changed : mapping of str to scalar, optional
        Values given when the run was started, where they differ from the config's.

    Raises
    ------
    PlaceholderError
        If a value cannot reach a command exactly as it is.
    """
    models = tuple(plan_model(loaded, model, run_dir, moment, changed) for model in loaded.config.models)
    return Plan(loaded, run_dir, moment, models)


def plan_model(
    loaded: LoadedConfig,
    model: Model,
    run_dir: Path,
    moment: RunMoment,
    changed: Mapping[str, Scalar] | None = None,
    model_dir: Path | None = None,
    previous_dir: Path | None = None,
) -> PlannedModel:
    """Return the plan of one model; see `plan_run`.

    ``model_dir`` is where the command works, if not in the model's folder of the run; ``previous_dir`` from
    where it starts warm, if not from the empty folder of a cold start.
    """
    config = loaded.config
    if starts_warm(model, config):
        previous_dir = previous_dir or RunFolder(run_dir).previous(model.name).path
    else:
        previous_dir = None
    model_dir = model_dir or RunFolder(run_dir).model(model.name).path
    values = placeholder_values(
        written_values(config),
        run_dir=run_dir,
        model_dir=model_dir,
        model_name=model.name,
        config_dir=loaded.path.parent,
        moment=moment,
        changed=changed,
        previous_dir=previous_dir,
    )
    index = next(index for index, other in enumerate(config.models) if other.name == model.name)
    place = f'$.models[{index}].train_cmd (model "{model.name}")'
    hidden = {name: MASK if names_a_secret(name) else value for name, value in values.written.items()}
    hidden_data = {name: MASK if names_a_secret(name) else value for name, value in values.data.items()}
    secrets = secret_values(model.env, config.extras, config.context, changed or {})
    try:
        command = render_command(
            model.train_cmd, values.written, values.data, source=loaded.source, place=place
        )
    except PlaceholderError as error:
        raise _with_unquoted(error, model, config) from error
    try:
        shown = render_command(model.train_cmd, hidden, hidden_data, source=loaded.source, place=place)
    except PlaceholderError:  # a secret where only a number can stand
        shown = MASK
    return PlannedModel(
        model=model,
        command=command,
        shown_command=mask_text(shown, secrets),
        model_dir=model_dir,
        environment={**values.environment(), **model.env},
        error_csv=model_dir / render_text(model.error_csv, {**values.written, **values.data}),
        secrets=secrets,
        options=model.airflow.over(config.airflow),
        previous_dir=previous_dir,
        error_columns=model.error_columns.over(config.error_columns),
    )


def _with_unquoted(error: PlaceholderError, model: Model, config: TrainingConfig) -> PlaceholderError:
    """Return the error with the values of the config that may be behind it: bash reads their signs."""
    unquoted = unquoted_values(model.train_cmd, written_texts(config))
    if not unquoted:
        return error
    hint = "; ".join(f"the value of {{{name}}} stands {where}" for name, where in unquoted)
    return PlaceholderError(
        replace(problem, hint=f"{problem.hint}; {hint}" if problem.hint else hint)
        for problem in error.problems
    )
