"""Turn pydantic's errors into problems with JSON paths and plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from elpa_core.errors import Problem, nearest, quoted
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


def expected(text: str, *, found: str = "") -> PydanticCustomError:
    """Return a validation error with what was expected, and what was found, if it is not the value."""
    return PydanticCustomError("elpa", "{expected}", {"expected": text, "found": found})


def refuse(faults: Mapping[str, PydanticCustomError]) -> None:
    """Raise one validation error with the faults of several fields, if there are any."""
    details = [InitErrorDetails(type=fault, loc=(field,), input=None) for field, fault in faults.items()]
    if details:
        raise ValidationError.from_exception_data("", details)


def problems_of(error: ValidationError, source: str, model: type[BaseModel]) -> list[Problem]:
    """Return the problems in an error of pydantic.

    Parameters
    ----------
    error : ValidationError
        The error that pydantic raised.
    source : str
        The file.
    model : type of BaseModel
        The validated model; its fields are the candidates for the hint at an unknown field.
    """
    details = error.errors(include_url=False)
    problems = [_problem(detail, source, model) for detail in details if not _follows(detail)]
    return list(dict.fromkeys(problems))


def _follows(detail: ErrorDetails) -> bool:
    """Tell whether pydantic calls an array too short only because its entries are not valid."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _problem(detail: ErrorDetails, source: str, model: type[BaseModel]) -> Problem:
    location = detail["loc"]
    if location[:1] == ("extras",):  # in the file, they are at the top
        location = location[1:]
    if location[-1:] == ("[key]",):  # the error is in the key, not in its value
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
