"""Outputs that name themselves in errors, which Python's own do not."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TextIO

from elpa_core.errors import ElpaError
from elpa_core.files.os_errors import as_error_of


class Output:
    """Where values go; an error in writing them names it.

    Parameters
    ----------
    file : text file
        Open for writing.
    name : str
        What errors call it.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name

    def write(self, text: str) -> int:
        """Write a text and return how many characters that were."""
        with as_error_of(self._name):
            return self._file.write(text)

    def flush(self) -> None:
        """Hand on what was written."""
        with as_error_of(self._name):
            self._file.flush()

    def close(self) -> None:
        """Hand on what was written, and close the file."""
        with as_error_of(self._name):
            self._file.close()


def standard_output() -> Output:
    """Return standard output.

    Raises
    ------
    ElpaError
        If it is closed.
    """
    if sys.stdout is None:
        raise ElpaError("standard output: closed; leave it open, or give --output where there is one")
    return Output(sys.stdout, "standard output")


def file_output(path: Path) -> closing[Output]:
    """Return a new file, which is closed at the end of a ``with`` block."""
    return closing(Output(path.open("w", encoding="utf-8", newline=""), str(path)))
