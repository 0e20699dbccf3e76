"""Say what is wrong with a config in the words of the person who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from elpa_core.config.training import GROUPS
from elpa_core.errors import Problem, quoted
from elpa_core.files.strict_json import member_path

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "list_type": "an array",
    "tuple_type": "an array",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "finite_number": "a finite number",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is most like ``name``, or nothing.

    >>> nearest("retires", ["retries", "pool"])
    'did you mean "retries"?'
    """
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {quoted(matches[0])}?" if matches else ""


def problems_of(error: ValidationError, source: str, model: type[BaseModel]) -> list[Problem]:
    """Return the problems that pydantic found, with JSON paths and plain words.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised.
    source : str
        The file.
    model : type of BaseModel
        What was validated; its fields are what an unknown field may have meant.
    """
    details = error.errors(include_url=False)
    problems = [_problem(detail, source, model) for detail in details if not _follows(detail)]
    return list(dict.fromkeys(problems))


def _follows(detail: ErrorDetails) -> bool:
    """Tell whether pydantic says that an array is too short only because its entries are wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _problem(detail: ErrorDetails, source: str, model: type[BaseModel]) -> Problem:
    location = detail["loc"]
    if location[:1] == ("extras",):  # which stand at the top of the file
        location = location[1:]
    if location[-1:] == ("[key]",):  # the key itself, not its value, is wrong
        location = location[:-1]
    place = "$"
    for part in location:
        place = member_path(place, part)
    found, wanted, hint = quoted(detail["input"]), _expected(detail), ""
    kind = detail["type"]
    if kind == "elpa":
        found = detail["ctx"]["found"] or found
    elif kind == "missing":
        found = "nothing"
    elif kind == "extra_forbidden":
        fields = list(_model_at(model, detail["loc"][:-1]).model_fields)
        found, wanted = "an unknown field", "one of " + ", ".join(fields)
        hint = nearest(str(location[-1]), fields)
    elif kind == "literal_error" and isinstance(detail["input"], str):
        hint = nearest(
            detail["input"], str(detail.get("ctx", {}).get("expected", "")).replace("'", "").split(" or ")
        )
    elif kind in {"too_short", "too_long"}:
        found = f"{detail['ctx']['actual_length']} entries"
    return Problem(source, place, found, wanted, hint)


def _expected(detail: ErrorDetails) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    kind = detail["type"]
    bounds = {
        "greater_than_equal": "a number of at least {ge}",
        "greater_than": "a number greater than {gt}",
        "less_than": "a number less than {lt}",
        "less_than_equal": "a number of at most {le}",
        "too_short": "at least {min_length}",
        "string_too_short": "text that is not empty",
        "string_too_long": "at most {max_length} characters",
        "literal_error": "{expected}",
        "elpa": "{expected}",
    }
    if kind in bounds:
        return bounds[kind].format(**context).replace("'", '"')
    if kind == "missing":
        return "a value: the field is required"
    return _EXPECTED.get(kind, detail["msg"])


def _model_at(model: type[BaseModel], location: Iterable[int | str]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, int):
            continue
        inner = _inner_model(model.model_fields[part].annotation) if part in model.model_fields else None
        if inner is not None:
            model = inner
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (inner := _inner_model(argument)) is not None:
            return inner
    return None


def duplicate_names(models: object, source: str) -> Iterator[Problem]:
    """Yield a problem for each model whose name an earlier one has."""
    if not isinstance(models, list):
        return
    first: dict[str, int] = {}
    for index, block in enumerate(models):
        name = block.get("name") if isinstance(block, dict) else None
        if isinstance(name, str) and (earlier := first.setdefault(name, index)) != index:
            yield Problem(
                source,
                f"$.models[{index}].name",
                quoted(name),
                f"a name of its own: $.models[{earlier}] has this one",
            )


def missing_groups(models: object, source: str, kind: str) -> Iterator[Problem]:
    """Yield a problem for each group in which no model takes part.

    Parameters
    ----------
    models : object
        What `settle_groups` returned.
    source : str
        The file.
    kind : str
        What a group needs: an ``enabled`` model, or one with an error source.
    """
    if not isinstance(models, list) or not all(isinstance(block, dict) for block in models):
        return
    present = [block.get("group", "online") for block in models if block.get("enabled") is not False]
    if not models or any(group not in GROUPS for group in present):
        return  # which is a problem of its own, and the group that was meant is not known
    for group in GROUPS:
        if group not in present:
            yield Problem(source, "$.models", f"no {kind}{group} model", "at least one in each group")


def container_problems(extras: Mapping[str, Any], fields: Sequence[str], source: str) -> Iterator[Problem]:
    """Yield a problem for each unknown top-level field that is an object or an array."""
    for name, value in extras.items():
        if isinstance(value, dict | list):
            yield Problem(
                source,
                member_path("$", name),
                quoted(value),
                "a scalar or a known field",
                nearest(name, fields),
            )


def settle_groups(models: object) -> tuple[object, list[str]]:
    """Return the model blocks with groups in lower case, and what to tell their author."""
    warnings: list[str] = []
    if not isinstance(models, list):
        return models, warnings
    settled: list[object] = []
    for index, block in enumerate(models):
        group = block.get("group") if isinstance(block, dict) else None
        if isinstance(block, dict) and "group" not in block:
            warnings.append(f"$.models[{index}].group: found nothing; taken as online: say which group it is")
        elif isinstance(group, str) and group not in GROUPS and group.lower() in GROUPS:
            block = {**block, "group": group.lower()}  # noqa: PLW2901
            warnings.append(f"$.models[{index}].group: found {quoted(group)}; taken as {group.lower()}")
        settled.append(block)
    return settled, warnings
