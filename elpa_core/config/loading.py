"""From the bytes of a file to a checked training config, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from elpa_core.commands.code_readers import values_read_as_code
from elpa_core.commands.placeholders import placeholder_names, template_problems
from elpa_core.config.airflow import cross_field_problems
from elpa_core.config.placeholder_values import (
    CONFIG_NAMES,
    MODEL_NAMES,
    POLICY_NAMES,
    RUN_NAMES,
    variable_of,
)
from elpa_core.config.pool_checks import container_problems, duplicate_names, missing_groups, settle_groups
from elpa_core.config.training import LoadedConfig, TrainingConfig, config_kind
from elpa_core.config.typed_values import free_text_problems
from elpa_core.config.types import is_airflow_key
from elpa_core.errors import ConfigError, Problem, nearest, quoted, short
from elpa_core.files.strict_json import member_path, parse_object, read_file
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.problems import problems_of

_TOP_FIELDS = tuple(name for name in TrainingConfig.model_fields if name != "extras")


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
    known = {name: value for name, value in raw.items() if name in _TOP_FIELDS}
    extras = {name: value for name, value in raw.items() if name not in _TOP_FIELDS}
    problems = list(container_problems(extras, _TOP_FIELDS, source))
    extras = {name: value for name, value in extras.items() if not isinstance(value, dict | list)}
    models, warnings = settle_groups(known.get("models"))
    if "models" in known:
        known["models"] = models
    config: TrainingConfig | None = None
    try:
        config = TrainingConfig.model_validate({**known, "extras": extras})
    except ValidationError as error:
        problems += problems_of(error, source, TrainingConfig)
    problems += duplicate_names(raw.get("models"), source)
    options = raw.get("airflow")
    if isinstance(options, dict):
        problems += [
            Problem(source, f"$.airflow.{field}", found, wanted)
            for field, found, wanted in cross_field_problems(options)
        ]
    context = raw.get("context")
    context = context if isinstance(context, dict) else {}
    own_names = {**extras, **context}
    problems += _template_problems(raw.get("models"), own_names, source)
    if config is not None:
        problems += free_text_problems(config.airflow.free_text, config.context, source)
    if both_groups:
        problems += missing_groups(models, source, "enabled ")
        if config is not None:
            problems += _dag_problems(config, path)
    if problems or config is None:
        raise ConfigError(problems)
    warnings += _warnings(config)
    return LoadedConfig(
        path.absolute(), source, data, config, tuple(f"{source}: {short(line, 1000)}" for line in warnings)
    )


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


def _template_problems(models: object, own_names: Mapping[str, Any], source: str) -> Iterator[Problem]:
    if not isinstance(models, list):
        return
    names = dict.fromkeys((*CONFIG_NAMES, *MODEL_NAMES, *RUN_NAMES, *POLICY_NAMES, *own_names))
    for index, block in enumerate(models):
        if not isinstance(block, dict):
            continue
        for field, kind in (("train_cmd", "command"), ("error_csv", "path")):
            if isinstance(template := block.get(field), str):
                place = f"$.models[{index}].{field}"
                for problem in template_problems(template, names, source=source, place=place, kind=kind):
                    yield replace(problem, place=f"{place} (model {quoted(block.get('name'))})")


def _warnings(config: TrainingConfig) -> Iterator[str]:
    yield from _unused_values(config)
    typed = frozenset(name for name in CONFIG_NAMES if name.endswith("dataset"))
    typed |= {name for name, value in config.context.items() if isinstance(value, str)}
    for index, model in enumerate(config.models):
        for name, how in values_read_as_code(model.train_cmd, typed):
            yield f"$.models[{index}].train_cmd: {{{short(name)}}} {how}"
    yield from _shared_artifacts(config)


def _unused_values(config: TrainingConfig) -> Iterator[str]:
    used = {
        name
        for model in config.models
        for template in (model.train_cmd, model.error_csv)
        for name in placeholder_names(template)
    }
    for where, values in (("$", config.extras), ("$.context", config.context)):
        for name in values:
            place = member_path(where, name)
            if name in RUN_NAMES:
                yield f"{place}: taken instead of ELPA's own {{{name}}}"
            elif name in CONFIG_NAMES or name in MODEL_NAMES:
                yield f"{place}: never used: {{{name}}} has a meaning of its own; rename it"
            elif where == "$" and name in config.context:
                yield f"{place}: never used: the context has a value of this name"
            elif where == "$" and name not in used and not _is_read(variable_of(name), config):
                hint = nearest(name, _TOP_FIELDS)
                yield f"{place}: no command uses this value" + (f"; {hint}" if hint else "")


def _is_read(variable: str, config: TrainingConfig) -> bool:
    return any(variable in model.train_cmd for model in config.models)


def _shared_artifacts(config: TrainingConfig) -> Iterator[str]:
    first: dict[str, str] = {}
    for index, model in enumerate(config.models):
        template = model.error_csv
        own = "{model_dir}" in template or "{model_name}" in template
        if own or not template.startswith(("/", "{")):
            continue
        if (other := first.setdefault(template, model.name)) != model.name:
            yield f"$.models[{index}].error_csv: the same file as that of model {quoted(other)}"
