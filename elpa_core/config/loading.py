"""From the bytes of a file to a checked training config, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from elpa_core.commands.placeholders import template_problems
from elpa_core.config.airflow import cross_field_problems
from elpa_core.config.misplaced import TOP_FIELDS, hint_at_top, with_place
from elpa_core.config.placeholder_values import (
    CONFIG_NAMES,
    MODEL_NAMES,
    POLICY_NAMES,
    RUN_NAMES,
    has_variable,
    variable_of,
)
from elpa_core.config.pool_checks import (
    container_problems,
    duplicate_names,
    missing_groups,
    settle_groups,
    without_comments,
)
from elpa_core.config.training import LoadedConfig, TrainingConfig, config_kind
from elpa_core.config.typed_values import free_text_problems
from elpa_core.config.types import is_airflow_key
from elpa_core.config.warnings import config_warnings
from elpa_core.errors import ConfigError, Problem, quoted
from elpa_core.files.strict_json import member_path, parse_object, read_file
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.problems import problems_of

_NAMES = (*CONFIG_NAMES, *MODEL_NAMES, *RUN_NAMES, *POLICY_NAMES)


def load_training_config(path: Path, *, both_groups: bool = False) -> LoadedConfig:
    """Read, check and return the training config at ``path``; see `parse_training_config`."""
    return parse_training_config(read_file(path), path, both_groups=both_groups)


def load_if_training(path: Path) -> LoadedConfig | None:
    """Return the training config at ``path`` as a Dag needs it, or None for an integration config.

    Raises
    ------
    ConfigError
        With every problem of a training config.
    """
    data = read_file(path)
    raw = parse_object(data, str(path))
    if config_kind(raw) == "integration":
        return None
    return check_training_config(raw, data, path, both_groups=True)


def parse_training_config(data: bytes, path: Path, *, both_groups: bool = False) -> LoadedConfig:
    """Return the training config that ``data`` holds.

    Parameters
    ----------
    data : bytes
        The file's content.
    path : Path
        Where it came from; its folder is ``{config_dir}``.
    both_groups : bool
        Whether each group needs an enabled model, as a Dag and a policy do.

    Raises
    ------
    InputError
        With every problem of the config.
    """
    return check_training_config(parse_object(data, str(path)), data, path, both_groups=both_groups)


def check_training_config(
    raw: Mapping[str, Any], data: bytes, path: Path, *, both_groups: bool = False
) -> LoadedConfig:
    """Return the training config that the JSON object ``raw`` means; see `parse_training_config`."""
    source = str(path)
    raw = without_comments(raw)
    known = {name: value for name, value in raw.items() if name in TOP_FIELDS}
    extras = {name: value for name, value in raw.items() if name not in TOP_FIELDS}
    problems = list(container_problems(extras, hint_at_top, source))
    extras = {name: value for name, value in extras.items() if not isinstance(value, dict | list)}
    models, warnings = settle_groups(known.get("models"), source)
    if "models" in known:
        known["models"] = models
    config: TrainingConfig | None = None
    try:
        config = TrainingConfig.model_validate({**known, "extras": extras})
    except ValidationError as error:
        problems += map(with_place, problems_of(error, source, TrainingConfig))
    problems += duplicate_names(raw.get("models"), source)
    options = raw.get("airflow")
    if isinstance(options, dict):
        problems += [
            Problem(source, f"$.airflow.{field}", found, wanted)
            for field, found, wanted in cross_field_problems(options)
        ]
    context = raw.get("context")
    context = context if isinstance(context, dict) else {}
    problems += _shared_variables(extras, context, source)
    problems += _template_problems(raw.get("models"), {**extras, **context}, source)
    if config is not None:
        problems += free_text_problems(config.airflow.free_text, config.context, source)
    if both_groups:
        problems += missing_groups(models, source, "enabled ")
        if config is not None:
            problems += _dag_problems(config, path)
    if problems or config is None:
        raise ConfigError(problems)
    warnings += config_warnings(config, source)
    return LoadedConfig(path.absolute(), source, data, config, tuple(warnings))


def _dag_problems(config: TrainingConfig, path: Path) -> Iterator[Problem]:
    source, options = str(path), config.airflow
    dag_id = f"elpa_{path.stem}"
    if options.dag_id is None and not is_airflow_key(dag_id):
        expected = "1 to 250 letters, digits, dashes, dots and underscores"
        hint = "rename the file or set airflow.dag_id"
        yield Problem(source, "", f"the Dag id {quoted(dag_id)}", expected, hint)
    enabled: list[str] = [model.group for model in config.enabled_models()]
    for group in GROUPS:
        if 0 < enabled.count(group) < options.min_models_per_group:
            found = f"{options.min_models_per_group}, with {enabled.count(group)} enabled {group} models"
            yield Problem(source, "$.airflow.min_models_per_group", found, "no more than each group has")


def _shared_variables(
    extras: Mapping[str, Any], context: Mapping[str, Any], source: str
) -> Iterator[Problem]:
    """Yield a problem for each value whose variable has the value of another placeholder."""
    first = {variable_of(name): (name, f"{{{name}}}") for name in _NAMES}
    for where, values in (("$", extras), ("$.context", context)):
        for name in filter(has_variable, values):
            place = member_path(where, name)
            other, other_place = first.setdefault(variable_of(name), (name, place))
            if other != name:
                found = f"the variable {variable_of(name)}, which {other_place} has too"
                hint = "rename one of them: capitals make no difference"
                yield Problem(source, place, found, "a variable of its own", hint)


def _template_problems(models: object, own_names: Mapping[str, Any], source: str) -> Iterator[Problem]:
    if not isinstance(models, list):
        return
    names = dict.fromkeys((*_NAMES, *own_names))
    for index, block in enumerate(models):
        if not isinstance(block, dict):
            continue
        for field, kind in (("train_cmd", "command"), ("error_csv", "path")):
            if isinstance(template := block.get(field), str):
                place = f"$.models[{index}].{field}"
                for problem in template_problems(template, names, source=source, place=place, kind=kind):
                    yield replace(problem, place=f"{place} (model {quoted(block.get('name'))})")
