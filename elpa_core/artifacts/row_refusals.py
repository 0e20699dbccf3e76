"""What is refused in the rows of an error CSV that can be read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from elpa_core.artifacts.error_columns import Role
from elpa_core.artifacts.step_times import StepTimeError
from elpa_core.errors import ArtifactError, Problem, quoted


def row_place(row: int, line: int) -> str:
    """Return where a row stands in its file.

    >>> row_place(3, 5)
    'row 3 (line 5)'
    """
    return f"row {row} (line {line})"


def overflow(path: Path, place: str) -> ArtifactError:
    """Return the refusal of the error with which the sum of all becomes infinite."""
    found = "an absolute error at which the sum of all so far overflows"
    return ArtifactError(Problem(str(path), place, found, "errors whose sum is finite"))


def unreadable_time(path: Path, place: str, error: StepTimeError) -> ArtifactError:
    """Return the refusal of a cell that is no time."""
    return ArtifactError(Problem(str(path), place, error.found, error.expected))


def time_place(row: int, line: int, role: Role) -> str:
    """Return where a time stands in its file."""
    return f"{row_place(row, line)}, the column of {role}"


def nameless_series(path: Path, place: str, column: str) -> ArtifactError:
    """Return the refusal of a blank cell in the column of the series."""
    place = f"{place}, column {quoted(column)}"
    return ArtifactError(Problem(str(path), place, "a blank cell", "the name of a series"))


def series_without_actuals(path: Path) -> ArtifactError:
    """Return the refusal of series that have not an actual in each row."""
    expected = "a number in each row: the actuals give the scale of each series"
    return ArtifactError(Problem(str(path), "the column of y_true", "cells without one", expected))


def repeated_step(
    path: Path, first: str, again: str, found: Collection[Role], named: Collection[Role]
) -> ArtifactError:
    """Return the refusal of a step that stands twice in a file.

    Parameters
    ----------
    path : Path
        The file.
    first, again : str
        The places of both.
    found, named : collection of str
        The columns that the file has, and those that ``error_columns`` names.
    """
    hint = ""
    if "origin" in found and "origin" not in named:
        hint = "several forecasts of one step: name the column of the origin in error_columns"
    elif "series" in found and "series" not in named:
        hint = "several series: name their column in error_columns"
    return ArtifactError(Problem(str(path), again, f"the step of {first} once more", "each step once", hint))
