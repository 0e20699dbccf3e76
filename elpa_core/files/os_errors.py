"""Make errors of the operating system name the place that they concern."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from elpa_core.errors import InputError, Problem
from elpa_core.files.location import StorePath, is_uri
from elpa_core.files.neighbours import what_is_there


@contextmanager
def as_input_error(place: StorePath | str, expected: str) -> Iterator[None]:
    """Turn an `OSError` of a reader into an `InputError`; of a missing file it says what lies there.

    Parameters
    ----------
    place : path or str
        The file that is read; the error names it if the `OSError` names no file.
    expected : str
        What the place should hold, such as "a CSV file that can be read".
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        found = reason[:1].lower() + reason[1:]
        where = str(error.filename or place)
        hint = what_is_there(where) if isinstance(error, FileNotFoundError) and not is_uri(where) else ""
        raise InputError(Problem(where, "", found, expected, hint)) from error


@contextmanager
def as_error_of(place: os.PathLike[str] | str) -> Iterator[None]:
    """Make an `OSError` name ``place`` instead of another file, such as a temporary one, or none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(place)) from error
