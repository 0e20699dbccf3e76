"""Read a JSON object that may have more fields than this version knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from elpa_core.errors import InputError
from elpa_core.schema.problems import problems_of

_READING = object()


class Part(BaseModel):
    """Frozen, no silent conversion, every number finite.

    What this version builds has no unknown field. `read` leaves out the fields of later versions: a
    store outlives the version that wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_later_fields(cls, value: Any, info: ValidationInfo) -> Any:
        if info.context is _READING and isinstance(value, Mapping):
            return {name: value[name] for name in cls.model_fields if name in value}
        return value

    def to_json(self) -> dict[str, Any]:
        """Return the object as JSON has it, fields in the order of their definition."""
        return self.model_dump(mode="json")


_Part = TypeVar("_Part", bound=Part)


def read(model: type[_Part], raw: Mapping[str, Any], source: str) -> _Part:
    """Return what a JSON object holds.

    Parameters
    ----------
    model : type of Part
        What it should be.
    raw : mapping
        The JSON object.
    source : str
        Its file, for errors.

    Raises
    ------
    InputError
        If it is something else, with every problem.
    """
    try:
        return model.model_validate(raw, context=_READING)
    except ValidationError as error:
        raise InputError(problems_of(error, source, model)) from error
