"""What the system or the service refuses, in the words of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elpa_core.errors import ElpaError, InputError, Problem
from elpa_core.files import StorePath


@contextmanager
def readable(place: StorePath) -> Iterator[None]:
    """Let what the system or the service refuses to a reader out as an `InputError`."""
    try:
        yield
    except OSError as error:
        found, expected = error.strerror or str(error), "a policy store that can be read"
        found = found[:1].lower() + found[1:]
        raise InputError(Problem(str(error.filename or place), "", found, expected)) from error


class StoreWriteError(ElpaError):
    """The store could not be changed: a full disk, a folder that is read-only."""


@contextmanager
def telling(folder: StorePath) -> Iterator[None]:
    """Let what the system or the service refuses out as a `StoreWriteError`."""
    try:
        yield
    except OSError as error:
        where, remedy = error.filename or folder, "make room or get the right to write there"
        if not isinstance(folder, Path):
            remedy = "see that the bucket is there and can be reached and written with these credentials"
        raise StoreWriteError(
            f"{where}: {error.strerror or error}; the policy store could not be changed, and what was"
            f" current is current: {remedy}, and try again"
        ) from error
