"""The exceptions of ELPA: one tree, and every error says file, place, found and expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LONGEST, _LONGEST_PATH = 1000, 4096
"""Messages shorten each part of a problem that is longer; a file's path never is."""
_MOST_BITS = 2000
"""Messages shorten longer integers: Python can be set to refuse more than 640 digits (2126 bits)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one place of one input.

    Parameters
    ----------
    source : str
        The file (or other input) that holds the mistake, as the user named it.
    place : str
        The place in the file: a JSON path such as ``$.models[1].group``, or a row and a column.
        Empty for the whole file.
    found : str
        What the place holds.
    expected : str
        What the place should hold.
    hint : str
        What to do about it, if ``expected`` does not say it.

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
        """Return the problem as one line, shortened; control characters in names and values are escaped."""
        parts = (self.place, self.found, self.expected, self.hint)
        place, found, expected, hint = (short(part, _LONGEST) for part in parts)
        place, hint = place and f"{place}: ", hint and f"; {hint}"
        source = short(self.source, _LONGEST_PATH)
        return one_line(f"{source}: {place}found {found}; expected {expected}{hint}")


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing in an input that is accepted and that its author should know.

    Parameters
    ----------
    source, place : str
        The file and the place in it, as in a `Problem`.
    found : str
        What it is, in words that can follow the place.
    expected : str
        What to do about it; empty if there is nothing to say.

    Examples
    --------
    >>> print(Caution("pool.json", "$.datset", "no command uses this value", 'did you mean "dataset"?'))
    pool.json: $.datset: no command uses this value; did you mean "dataset"?
    """

    source: str
    place: str
    found: str
    expected: str = ""

    def __str__(self) -> str:
        """Return the caution as one line; control characters in names and values are escaped."""
        return one_line(f"{short(self.source, _LONGEST_PATH)}: {self.in_file()}")

    def in_file(self) -> str:
        """Return it without the name of the file."""
        place, found, expected = (short(part, _LONGEST) for part in (self.place, self.found, self.expected))
        return (place and f"{place}: ") + found + (expected and f"; {expected}")


def one_line(text: str) -> str:
    r"""Return ``text`` with every unprintable character escaped, so that it stays one line.

    >>> one_line("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str, limit: int = 60) -> str:
    """Return a text of a file for a message; one that is longer than the limit is shortened.

    >>> short("naive"), short("naive" * 20, limit=13)
    ('naive', 'naivenaive...')
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def quoted(value: object, limit: int = 60) -> str:
    """Return a value as JSON writes it, shortened, for an error message.

    >>> quoted("onlin"), quoted(3), quoted(None), quoted(True), quoted([1, 2])
    ('"onlin"', '3', 'null', 'true', 'an array')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + short(value, limit).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"an integer of about {round(value.bit_length() * math.log10(2))} digits"
    return short(repr(value), limit)


def some(names: Sequence[str], most: int = 12) -> str:
    """Return names as a list for an error message; a long list ends with the number of the others.

    Long names are shortened.

    >>> some(["a", "b", "c"])
    'a, b, c'
    >>> some([str(i) for i in range(3000)], most=3)
    '0, 1, 2 and 2997 more'
    """
    rest = len(names) - most
    return ", ".join(map(short, names[:most])) + (f" and {rest} more" if rest > 0 else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name that is most similar to ``name``, or an empty text.

    >>> nearest("retires", ["retries", "pool"])
    'did you mean "retries"?'
    """
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {quoted(matches[0])}?" if matches else ""


def did_you_mean(name: str, known: list[str]) -> str:
    """Return a hint with the known names that are most similar to ``name``, or else with the last ones.

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
    """Input that is refused as a whole: ELPA wrote nothing and changed nothing.

    Parameters
    ----------
    problems : iterable of Problem
        All problems, in the order of the input; at least one.
    """

    exit_status = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ConfigError(InputError):
    """A config that is not valid."""


class ArtifactError(InputError):
    """An error artifact (or another source of validation errors) that cannot be used."""


class PlaceholderError(InputError):
    """A value that cannot reach a command unchanged."""


class CommandError(ElpaError):
    """A training command that could not start or that failed."""
