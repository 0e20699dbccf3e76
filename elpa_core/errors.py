"""The exceptions of ELPA: one tree, and every error says file, place, found and expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MOST_BITS = 2000
"""A longer integer is not written out: Python can be set to refuse from 640 digits (2126 bits) on."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one place of one input.

    Parameters
    ----------
    source : str
        The file (or other input) that holds the mistake, as the user named it.
    place : str
        Where in it: a JSON path such as ``$.models[1].group``, or a row and column.
        Empty if the whole file is meant.
    found : str
        What stands there.
    expected : str
        What should stand there.
    hint : str
        What to do about it, where ``expected`` does not say it.

    Examples
    --------
    >>> print(Problem("pool.json", "$.beta", "1.5", "a number from 0 up to, not including, 1"))
    pool.json: $.beta: found 1.5; expected a number from 0 up to, not including, 1
    """

    source: str
    place: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem as one line, whatever a hostile name or value holds."""
        place = f"{self.place}: " if self.place else ""
        hint = f"; {self.hint}" if self.hint else ""
        return one_line(f"{self.source}: {place}found {self.found}; expected {self.expected}{hint}")


def one_line(text: str) -> str:
    r"""Return ``text`` with every character that could break or repaint a line escaped.

    >>> one_line("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def quoted(value: object, limit: int = 60) -> str:
    """Return a value as it would stand in JSON, shortened, for the words of an error.

    >>> quoted("onlin"), quoted(3), quoted(None), quoted(True), quoted([1, 2])
    ('"onlin"', '3', 'null', 'true', 'an array')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= limit else value[: limit - 3] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"an integer of about {round(value.bit_length() * math.log10(2))} digits"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def some(names: Sequence[str], most: int = 12) -> str:
    """Return names as a list for the words of an error; of many, how many more there are.

    >>> some(["a", "b", "c"])
    'a, b, c'
    >>> some([str(i) for i in range(3000)], most=3)
    '0, 1, 2 and 2997 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is most like ``name``, or nothing.

    >>> nearest("retires", ["retries", "pool"])
    'did you mean "retries"?'
    """
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {quoted(matches[0])}?" if matches else ""


def did_you_mean(name: str, known: list[str]) -> str:
    """Return a hint with the known names most like ``name``, else with the last ones, else nothing.

    >>> did_you_mean("run-12", ["run-1", "other"])
    'did you mean "run-1"?'
    >>> did_you_mean("x", ["run-1", "run-2"])
    'there are "run-1", "run-2"'
    """
    if near := difflib.get_close_matches(name, known, n=3):
        return f"did you mean {' or '.join(map(quoted, near))}?"
    return f"there are {', '.join(map(quoted, known[-3:]))}" if known else ""


class ElpaError(Exception):
    """Base of everything ELPA raises on purpose."""

    exit_status = 1


class InputError(ElpaError):
    """Input that is refused whole: nothing was written, and what was there stays.

    Parameters
    ----------
    problems : iterable of Problem
        Everything that is wrong, in the order in which a reader meets it; at least one.
    """

    exit_status = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ConfigError(InputError):
    """A config that does not say what a config must say."""


class ArtifactError(InputError):
    """An error artifact (or another source of validation errors) that cannot be used."""


class PlaceholderError(InputError):
    """A value that cannot reach a command exactly as it is."""


class CommandError(ElpaError):
    """A training command that could not be run or did not end well."""
