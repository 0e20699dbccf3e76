"""Read a JSON object that may have fields of later versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from elpa_core.errors import InputError
from elpa_core.schema.problems import problems_of

_READING = object()


class Part(BaseModel):
    """Frozen, without implicit conversion, all numbers finite.

    The code cannot build a part with an unknown field. `read` ignores unknown fields, because a later
    version may have written the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_later_fields(cls, value: Any, info: ValidationInfo) -> Any:
        if info.context is _READING and isinstance(value, Mapping):
            return {name: value[name] for name in cls.model_fields if name in value}
        return value

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, with the fields in the order of their definition."""
        return self.model_dump(mode="json")


_Part = TypeVar("_Part", bound=Part)


def read(model: type[_Part], raw: Mapping[str, Any], source: str) -> _Part:
    """Return the part that a JSON object holds.

    Parameters
    ----------
    model : type of Part
        The expected model.
    raw : mapping
        The JSON object.
    source : str
        The file's name, for errors.

    Raises
    ------
    InputError
        If the object is not valid; the error lists every problem.
    """
    try:
        return model.model_validate(raw, context=_READING)
    except ValidationError as error:
        raise InputError(problems_of(error, source, model)) from error


def known_part(
    model: type[_Part], raw: object, source: str, problems: list[str] | None = None
) -> _Part | None:
    """Return the part that a field of another version may hold, or None if it holds none.

    Parameters
    ----------
    model : type of Part
        The expected model.
    raw : object
        The field's value.
    source : str
        The field's name, for errors.
    problems : list of str, optional
        Gets the reason why an object is no such part.
    """
    if not isinstance(raw, Mapping):
        return None
    try:
        return read(model, raw, source)
    except InputError as error:
        if problems is not None:
            problems.append(str(error))
        return None
