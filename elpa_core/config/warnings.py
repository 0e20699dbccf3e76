"""What the author of a training config should know although the config is accepted.

Each parse of a Dag file asks all of this, so it is cheap: a command is read as bash only if a
value that stands in it could be more than one word, or if something could read a value as code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from elpa_core.commands.code_readers import values_read_as_code
from elpa_core.commands.masking import MASK, names_a_secret
from elpa_core.commands.placeholders import Scalar, placeholder_names
from elpa_core.commands.unquoted import may_need_quotes, unquoted_values
from elpa_core.config.airflow import ModelRunOptions
from elpa_core.config.misplaced import hint_at_top, hint_in_context
from elpa_core.config.placeholder_values import (
    CONFIG_NAMES,
    MODEL_NAMES,
    POLICY_NAMES,
    PREVIOUS_DIR,
    RUN_NAMES,
    starts_warm,
    variable_of,
    written_values,
)
from elpa_core.config.training import Model, TrainingConfig
from elpa_core.errors import Caution, quoted
from elpa_core.files.strict_json import member_path

_JINJA = re.compile(r"(?<![${])\{\{-?\s*([A-Za-z_]\w*)\s*(?:[.|\[(][^{}]*)?-?\}\}")
_AS_OF = re.compile(r"(?:next_)?(?:ds|ts)\w*|logical_date|(?:next_)?execution_date|macros")
_OTHER_JINJA = re.compile(
    r"conf|conn|dag(?:_run)?|inlets|outlets|\w+_events|params|prev_\w+|task|task_instance\w*|test_mode|ti"
    r"|tomorrow_ds|var|yesterday_ds|data_interval_(?:start|end)"
)
_INTERVAL = ("data_interval_start", "data_interval_end")

Found = tuple[str, str, str]
Values = Mapping[str, Scalar]
Places = Mapping[str, str]


def config_warnings(config: TrainingConfig, source: str) -> list[Caution]:
    """Return the warnings of a training config that is valid."""
    places, values = places_of_values(config), written_values(config)
    found = [*_unused_values(config), *_own_variables(config, values), *_in_values(config, values, places)]
    signs = {
        name: value for name, value in values.items() if isinstance(value, str) and may_need_quotes(value)
    }
    empty = _empty_values(config, values, places)
    typed = frozenset(name for name in CONFIG_NAMES if name.endswith("dataset"))
    typed |= {name for name, value in config.context.items() if isinstance(value, str)}
    for index, model in enumerate(config.models):
        place = f"$.models[{index}].train_cmd"
        for name, how in values_read_as_code(model.train_cmd, typed):
            words, _, expected = how.partition("; ")
            found.append((place, f"{{{name}}} {words}", expected))
        for field, words, expected in _in_templates(model, empty, places):
            found.append((f"$.models[{index}].{field}", words, expected))
        found += [(place, *rest) for rest in _unquoted(model, signs, places)]
        if starts_warm(model, config) and not model.artifacts:
            words = f"empty, so that {{{PREVIOUS_DIR}}} of a later training is an empty folder"
            found.append((f"$.models[{index}].artifacts", words, "name the files to start from"))
    found += _shared_artifacts(config)
    return [Caution(source, *each) for each in found]


def _unused_values(config: TrainingConfig) -> Iterator[Found]:
    if not (config.extras or config.context):
        return
    used = {
        name
        for model in config.models
        for template in (model.train_cmd, model.error_csv)
        for name in placeholder_names(template)
    }
    for where, values in (("$", config.extras), ("$.context", config.context)):
        for name in values:
            place = member_path(where, name)
            unused = name not in used and not _is_read(variable_of(name), config)
            if name in RUN_NAMES:
                yield place, f"taken instead of ELPA's own {{{name}}}", ""
            elif name in CONFIG_NAMES or name in MODEL_NAMES:
                yield place, f"never used: {{{name}}} has a meaning of its own", "rename it"
            elif where == "$" and name in config.context:
                yield place, "never used: the context has a value of this name", ""
            elif unused and where == "$":
                yield place, "no command uses this value", hint_at_top(name)
            elif unused and (hint := hint_in_context(name)):
                yield place, "no command uses this value", hint


def _is_read(variable: str, config: TrainingConfig) -> bool:
    return any(variable in model.train_cmd for model in config.models)


def _own_variables(config: TrainingConfig, values: Values) -> Iterator[Found]:
    """Yield each variable of a model's ``env`` that hides the value of a placeholder."""
    variables = {variable_of(name): name for name in (*values, *RUN_NAMES, *MODEL_NAMES)}
    for index, model in enumerate(config.models):
        for variable in model.env:
            if name := variables.get(variable):
                place = member_path(f"$.models[{index}].env", variable)
                yield place, f"taken instead of the value of {{{name}}}", "rename it"


def places_of_values(config: TrainingConfig) -> dict[str, str]:
    """Return where in the config the value of each placeholder stands."""
    places = {name: member_path("$", name) for name in (*POLICY_NAMES, *config.extras)}
    places |= {name: member_path("$.context", name) for name in config.context}
    return places | {name: f"$.{name.removeprefix('train_')}" for name in CONFIG_NAMES}


def _in_values(config: TrainingConfig, values: Values, places: Places) -> Iterator[Found]:
    for name, value in values.items():
        if isinstance(value, str) and name != "train_dataset":
            for found, expected in _returns_and_jinja(value, places):
                yield places[name], found, expected
    yield from _returns_in_options(config.airflow, "$.airflow")
    for index, model in enumerate(config.models):
        yield from _returns_in_options(model.airflow, f"$.models[{index}].airflow")
        for name, value in model.env.items():
            if "\r" in value:
                yield member_path(f"$.models[{index}].env", name), *_returns(value)
        for field in ("artifacts", "resume_from"):
            for number, pattern in enumerate(getattr(model, field)):
                if "\r" in pattern:
                    yield f"$.models[{index}].{field}[{number}]", *_returns(pattern)


def _returns_in_options(options: ModelRunOptions, place: str) -> Iterator[Found]:
    for name in sorted(options.model_fields_set):
        value = getattr(options, name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and "\r" in text:
                yield f"{place}.{name}", *_returns(text)


def _in_templates(model: Model, empty: Mapping[str, tuple[str, str]], places: Places) -> Iterator[Found]:
    for field, template in (("train_cmd", model.train_cmd), ("error_csv", model.error_csv)):
        for found, expected in _returns_and_jinja(template, places):
            yield field, found, expected
        for name in sorted(empty.keys() & placeholder_names(template)) if empty else ():
            yield field, *empty[name]


def _empty_values(config: TrainingConfig, values: Values, places: Places) -> dict[str, tuple[str, str]]:
    """Return what to say of each placeholder that stands for an empty text."""
    empty = {}
    if config.airflow.assets:
        for name in _INTERVAL:
            empty[name] = (f"{{{name}}} is empty: a run that assets start has no interval", "take {as_of}")
    for name, value in values.items():
        empty.pop(name, None)
        if value == "":
            given = f"give {places[name]} a value, or take the placeholder out"
            empty[name] = (f"{{{name}}} stands for a value that is empty", given)
    return empty


def _returns_and_jinja(text: str, places: Places) -> Iterator[tuple[str, str]]:
    if "\r" in text:
        yield _returns(text)
    if "{{" in text:
        for jinja in dict.fromkeys(_JINJA.finditer(text)):
            if expected := _instead(jinja, places):
                yield f"{quoted(jinja.group())} is not replaced: Jinja is not read here", expected


def _returns(text: str) -> tuple[str, str]:
    count = text.count("\r")
    plural = "s" if count > 1 else ""
    return f"{count} carriage return{plural} (\\r), taken as a character like any other", "end lines with \\n"


def _instead(jinja: re.Match[str], places: Places) -> str:
    """Return what to write instead of what looks like Jinja; empty if it may be something else."""
    name = jinja.group(1)
    if _AS_OF.fullmatch(name):
        return "use {as_of}"
    is_name = jinja.group().strip("{}- \t\n") == name
    if is_name and (name in RUN_NAMES or name in MODEL_NAMES or name in places):
        return f"write {{{name}}}"
    if name in {"conn", "var"}:
        return "put it into env of the model"
    return "use a placeholder, such as {as_of}" if _OTHER_JINJA.fullmatch(name) else ""


def _unquoted(model: Model, values: Mapping[str, str], places: Places) -> Iterator[tuple[str, str]]:
    for name, where in unquoted_values(model.train_cmd, values):
        shown = MASK if names_a_secret(name) else quoted(values[name])
        found = f"the value {shown} of {places[name]} stands {where}, where bash reads its characters"
        outside = f"if it is one word, put {{{name}}} in double quotes"
        yield found, outside if where.endswith("outside quotes") else f"read it from ${variable_of(name)}"


def _shared_artifacts(config: TrainingConfig) -> Iterator[Found]:
    first: dict[str, str] = {}
    for index, model in enumerate(config.models):
        template = model.error_csv
        own = "{model_dir}" in template or "{model_name}" in template
        if own or not template.startswith(("/", "{")):
            continue
        if (other := first.setdefault(template, model.name)) != model.name:
            yield f"$.models[{index}].error_csv", f"the same file as that of model {quoted(other)}", ""
