"""Which column of an error CSV holds what: by the names of ``error_columns``, or found by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from elpa_core.artifacts.column_hints import unusable_columns
from elpa_core.errors import nearest, quoted, some

Role = Literal["abs_error", "y_true", "pred", "time", "origin", "series"]

FOUND: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    {
        "time": ("timestamp", "time", "ds", "date", "datetime"),
        "origin": ("cutoff",),
        "series": ("unique_id", "item_id", "series"),
    }
)
"""The names under which a column is looked for that ``error_columns`` does not name. What is found in
this way never changes a score."""

NONE_NAMED: Mapping[Role, str] = MappingProxyType({})

_SHOWN = 10


class Fault(NamedTuple):
    """What is wrong with a header: found, expected, what to do."""

    found: str
    expected: str
    hint: str = ""


class ColumnError(Exception):
    """A header that cannot be used; its argument is the `Fault`."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an error CSV.

    Parameters
    ----------
    scored : tuple of str
        ``abs_error``, or ``y_true`` and ``pred``.
    places : mapping of str to int
        Position of each column that is there, by what it holds.
    names : mapping of str to str
        The names of these columns.
    named : frozenset of str
        What ``error_columns`` names.
    """

    scored: tuple[Role, ...]
    places: Mapping[Role, int]
    names: Mapping[Role, str]
    named: frozenset[Role]

    @property
    def others(self) -> tuple[Role, ...]:
        """What is there beside the scored columns."""
        return tuple(role for role in self.places if role not in self.scored)


def find_columns(header: Sequence[str], named: Mapping[Role, str]) -> Columns:
    """Return where a file has what.

    Parameters
    ----------
    header : sequence of str
        The names in the file's header.
    named : mapping of str to str
        Column names by what they hold, as ``error_columns`` gives them; may be empty.

    Raises
    ------
    ColumnError
        If a column is missing or there twice.

    Examples
    --------
    >>> columns = find_columns(["ds", "y", "NHITS"], {"y_true": "y", "pred": "NHITS"})
    >>> columns.scored, dict(columns.places)
    (('y_true', 'pred'), {'y_true': 1, 'pred': 2, 'time': 0})
    """
    with_forecasts = {"y_true", "pred"} & named.keys() and "abs_error" not in named
    names: dict[Role, str] = {"abs_error": "abs_error", "y_true": "y_true", "pred": "pred", **named}
    scored: tuple[Role, ...] = ("y_true", "pred")
    if "abs_error" in named or (names["abs_error"] in header and not with_forecasts):
        scored = ("abs_error",)
    for role, name in named.items():
        if name not in header:
            expected = f"a column {quoted(name)}, which error_columns.{role} names"
            raise ColumnError(Fault(_shown(header), expected, nearest(name, header)))
    if not {names[role] for role in scored} <= {*header}:
        found, expected, hint = unusable_columns(header)
        if hint.startswith("rename"):
            hint += ", or name the columns in error_columns"
        raise ColumnError(Fault(found, expected, hint))
    for role, choices in FOUND.items():
        if role not in named:
            free = [name for name in choices if name in header and name not in names.values()]
            if free:
                names[role] = free[0]
    if "abs_error" not in scored:
        del names["abs_error"]
    places: dict[Role, int] = {}
    for role, name in names.items():
        times = header.count(name)
        if times > 1 and (role in scored or role in named):
            raise ColumnError(Fault(f"{times} columns {quoted(name)}", "one of that name"))
        if times == 1:
            places[role] = header.index(name)
    if "series" in named and "y_true" not in places:
        expected = (
            'a column "y_true", or one that error_columns.y_true names: it gives the scale of each series'
        )
        raise ColumnError(Fault(_shown(header), expected))
    return Columns(scored, places, {role: names[role] for role in places}, frozenset(named))


def _shown(header: Sequence[str]) -> str:
    return f"columns {some([quoted(name) for name in header], _SHOWN)}"
