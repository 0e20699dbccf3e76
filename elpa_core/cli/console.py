"""Plain lines for people: one a problem, coloured only on a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from elpa_core.errors import InputError, Problem, one_line

_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m"}


def print_problem(level: str, text: str) -> None:
    """Print one problem to standard error, on one line.

    Parameters
    ----------
    level : str
        ``error`` or ``warning``.
    text : str
        What is wrong, where, and what to do.
    """
    label = f"{level}:"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        label = f"{_COLOURS[level]}{label}\x1b[0m"
    print(label, one_line(text), file=sys.stderr)


def print_line(text: str) -> None:
    """Print one line to standard output at once, so that a reader of a pipe sees it too."""
    print(one_line(text), flush=True)


def print_block(text: str, indent: str) -> None:
    """Print a text of several lines, each indented, with control characters made visible."""
    for line in text.split("\n"):
        print_line(indent + line)


def require_output(path: Path, what: str, *inputs: Path | None) -> None:
    """Refuse a path that cannot be replaced by a new file, or that is an input of the same command.

    Raises
    ------
    InputError
        If it is a folder or a device, or one of ``inputs``.
    """
    expected = f"a file to write {what} to"
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "no regular file"
        raise InputError(Problem(str(path), "", found, expected))
    if any(other is not None and other.exists() and path.exists() and path.samefile(other) for other in inputs):
        raise InputError(Problem(str(path), "", "an input of this command", expected))
