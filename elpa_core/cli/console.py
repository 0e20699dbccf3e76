"""Print plain lines, coloured only on a terminal, and JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from elpa_core.errors import one_line

_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m"}


def print_problem(level: str, problem: object) -> None:
    """Print one problem to standard error, on one line.

    Parameters
    ----------
    level : str
        ``error`` or ``warning``.
    problem : object
        A text, a `Problem` or a `Caution`: what it is, its place, and what to do.
    """
    label = f"{level}:"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        label = f"{_COLOURS[level]}{label}\x1b[0m"
    print(label, one_line(str(problem)), file=sys.stderr)


def print_line(text: str) -> None:
    """Print one line to standard output, and flush it for the reader of a pipe."""
    print(one_line(text), flush=True)


def print_block(text: str, indent: str) -> None:
    """Print a text of several lines, each indented, with control characters escaped."""
    for line in text.split("\n"):
        print_line(indent + line)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)
