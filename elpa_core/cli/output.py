"""Outputs whose errors contain their names; Python's own text files do not do this."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TextIO

from elpa_core.errors import ElpaError
from elpa_core.files.os_errors import as_error_of


class Output:
    """A text output whose errors name it.

    Parameters
    ----------
    file : text file
        Open for writing.
    name : str
        Its name in errors.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name

    def write(self, text: str) -> int:
        """Write a text, and return the number of characters."""
        with as_error_of(self._name):
            return self._file.write(text)

    def flush(self) -> None:
        """Flush the file."""
        with as_error_of(self._name):
            self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        with as_error_of(self._name):
            self._file.close()


def standard_output() -> Output:
    """Return standard output.

    Raises
    ------
    ElpaError
        If standard output is closed.
    """
    if sys.stdout is None:
        raise ElpaError("standard output: closed; leave it open, or give --output where there is one")
    return Output(sys.stdout, "standard output")


def file_output(path: Path) -> closing[Output]:
    """Return a new file, which is closed at the end of a ``with`` block; missing folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return closing(Output(path.open("w", encoding="utf-8", newline=""), str(path)))
