"""The types that fields of configs share, with their error messages."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from elpa_core.artifacts.kept_files import is_kept_pattern
from elpa_core.commands.placeholders import Scalar
from elpa_core.schema.problems import expected

_KEY = re.compile(r"[\w.-]+")
_MAX_KEY_LENGTH = 250


def airflow_key(value: str, longest: int = _MAX_KEY_LENGTH) -> str:
    """Return ``value`` if Airflow takes it as a Dag id or task id.

    Raises
    ------
    PydanticCustomError
        If Airflow does not take it.
    """
    if not is_airflow_key(value, longest):
        raise expected(f"1 to {longest} letters, digits, dashes, dots and underscores")
    return value


def is_airflow_key(value: str, longest: int = _MAX_KEY_LENGTH) -> bool:
    """Tell whether Airflow takes ``value`` as a Dag id or task id."""
    return _KEY.fullmatch(value) is not None and len(value) <= longest


# A model's folder has its name; its task id is GROUP.NAME.
_LONGEST_NAME = 200


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise expected("text that the system can pass to a program", found="a NUL character")
    return value


def _scalar(value: object) -> object:
    if isinstance(value, str):
        return _without_nul(value)
    if isinstance(value, int | float) or value is None:
        return value
    raise expected("a string, a number, true, false or null")


def _model_name(value: str) -> str:
    if value in {".", ".."}:
        raise expected("a name that can be a folder")
    airflow_key(value, _LONGEST_NAME)
    if len(value.encode()) > _LONGEST_NAME:
        raise expected(f"a name of at most {_LONGEST_NAME} bytes")
    return value


def _kept_pattern(value: str) -> str:
    if not is_kept_pattern(value):
        raise expected(
            'a glob pattern relative to the folder of the command, such as "model.pt" or "best/**"'
        )
    return value


def _variable_name(value: str) -> str:
    if not value or "=" in value or "\0" in value:
        raise expected("the name of an environment variable: not empty, without = and NUL")
    return value


Text = Annotated[str, AfterValidator(_without_nul)]
KeptPattern = Annotated[str, AfterValidator(_kept_pattern)]
AnyScalar = Annotated[Scalar, BeforeValidator(_scalar)]
ModelName = Annotated[str, AfterValidator(_model_name)]
Environment = dict[
    Annotated[str, AfterValidator(_variable_name)],
    Annotated[str, BeforeValidator(lambda value: str(_scalar(value)), json_schema_input_type=Scalar)],
]


class StrictModel(BaseModel):
    """Frozen, without unknown fields and implicit conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
