"""Check lines of plain numbers by their bytes, many at once, without reading the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.plain_cells import Texts, texts_at

_NEWLINE, _COMMA = b"\n,"
_ZERO, _NINE = np.uint8(ord("0")), np.uint8(9)
_MOST_DIGITS = 250  # the square of such a number is a double, and so is the sum of many
_MOST_ODD = 10  # of so many lines one may look different

Rest = Callable[[bytes], float | None]
"""Returns the largest absolute error of some lines, or None if one of them cannot be used."""


@dataclass(frozen=True, slots=True)
class RegularLines:
    """Lines that look alike: apart from digits each has the same characters.

    Parameters
    ----------
    characters : ndarray of uint8
        All bytes.
    marks : ndarray of int, shape (lines, marks of a line)
        Where the characters are that are no digits; the last one of a line is its end. A minus sign that
        begins a cell counts as a digit in lines of a `LineCheck`.
    starts : ndarray of int, shape (lines,)
        Where the character before each line is.
    pattern : bytes
        The characters at the marks of each line.
    odd : list of int
        The lines that look different, in the order of the file; they have no row in ``marks``.
    lines : int
        The number of all lines.
    """

    characters: NDArray[np.uint8]
    marks: NDArray[np.int64]
    starts: NDArray[np.int64]
    pattern: bytes
    odd: list[int]
    lines: int

    def separators(self) -> list[int]:
        """Return which marks are before the cells and, last, at the end of a line; -1 is its start."""
        return [-1, *(place for place, code in enumerate(self.pattern) if code in (_COMMA, _NEWLINE))]

    def before(self, mark: int) -> NDArray[np.int64]:
        """Return where a mark is in each line; -1 is the character before the line."""
        return self.starts if mark < 0 else self.marks[:, mark]

    def texts(self, column: int) -> Texts:
        """Return the cells of a column."""
        first, last = self.separators()[column : column + 2]
        return texts_at(self.characters, self.before(first) + 1, self.before(last))


def regular_lines(text: bytes) -> RegularLines | None:
    """Return lines that look like the first or the middle one, or None if too many look different.

    Parameters
    ----------
    text : bytes
        Whole lines, each ending in LF, at least one.
    """
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(characters - _ZERO > _NINE)
    codes = characters[places]
    width = int(np.argmax(codes == _NEWLINE)) + 1
    pattern = codes[:width]
    if len(codes) % width == 0 and (codes.reshape(-1, width) == pattern).all():
        marks = places.reshape(-1, width)
        starts = np.empty(len(marks), np.int64)
        starts[0], starts[1:] = -1, marks[:-1, -1]
        return RegularLines(characters, marks, starts, pattern.tobytes(), [], len(marks))
    ends = np.flatnonzero(codes == _NEWLINE)
    middle = codes[ends[(len(ends) - 1) // 2] + 1 : ends[(len(ends) + 1) // 2] + 1]
    for pattern in (codes[:width], middle):
        width = len(pattern)
        alike = np.flatnonzero(np.diff(ends, prepend=-1) == width)
        within = np.arange(1 - width, 1)
        alike = alike[(codes[ends[alike][:, None] + within] == pattern).all(axis=1)]
        if (len(ends) - len(alike)) * _MOST_ODD <= len(ends):
            is_odd = np.ones(len(ends), np.bool_)
            is_odd[alike] = False
            starts = np.concatenate(([-1], places[ends[:-1]]))[alike]
            marks = places[ends[alike][:, None] + within]
            odd = np.flatnonzero(is_odd).tolist()
            return RegularLines(characters, marks, starts, pattern.tobytes(), odd, len(ends))
    return None


def _largest_number(lines: RegularLines, width: int, columns: Sequence[int]) -> float | None:
    """Return a bound of the numbers in some columns, or None if a cell is not like ``12.345`` or ``12``.

    Parameters
    ----------
    lines : RegularLines
    width : int
        Number of cells that a line has to have.
    columns : sequence of int
        The columns.
    """
    separators = lines.separators()
    if len(separators) != width + 1:
        return None
    digits = 0
    for column in columns:
        first, last = separators[column], separators[column + 1]
        inside = lines.pattern[first + 1 : last]
        if inside not in (b"", b"."):
            return None
        lengths = lines.before(first + 1) - lines.before(first)
        if lengths.min() <= 1:  # no digit before the point, or none at all
            return None
        digits = max(digits, int(lengths.max()) - 1)
    return 10.0**digits if digits <= _MOST_DIGITS else None


class CheckedLines(NamedTuple):
    """Lines that can be used, and a bound of their absolute errors."""

    lines: RegularLines
    bound: float


class LineCheck:
    """Checks lines by their bytes. Whatever it accepts, the csv module and ``float`` accept.

    Parameters
    ----------
    width : int
        Number of cells of each line.
    columns : sequence of int
        One column of errors, or two whose difference is the error.
    rest : callable
        Judges the few lines that look different.
    """

    def __init__(self, width: int, columns: Sequence[int], rest: Rest) -> None:
        self._width, self._columns, self._rest = width, columns, rest
        self._signed = False

    def checked(self, text: bytes) -> CheckedLines | None:
        """Return what is known of lines, or None if their numbers have to be read.

        Parameters
        ----------
        text : bytes
            Whole lines in UTF-8, each ending in LF, at least one, without quotes and carriage returns. All
            of them are at most as long as a cell may be.
        """
        found = None if self._signed else self._checked(text)
        if found is None and (bare := without_signs(text)) is not None:
            found = self._checked(bare)
            if found is not None:
                signed = replace(found.lines, characters=np.frombuffer(text, np.uint8))
                found = CheckedLines(signed, found.bound)
            self._signed = found is not None
        if found is None or not found.lines.odd:
            return found
        all_lines = text.split(b"\n")
        of_odd = self._rest(b"".join(all_lines[index] + b"\n" for index in found.lines.odd))
        return None if of_odd is None else CheckedLines(found.lines, max(found.bound, of_odd))

    def _checked(self, text: bytes) -> CheckedLines | None:
        lines = regular_lines(text)
        number = None if lines is None else _largest_number(lines, self._width, self._columns)
        if lines is None or number is None:
            return None
        return CheckedLines(lines, 4.0 * number)  # of two numbers the sum, and more than rounding adds


def without_signs(text: bytes) -> bytes | None:
    r"""Return lines with a 0 in the place of the minus sign that begins a cell, or None if no digit follows.

    >>> without_signs(b"-1,--2,3-4\n-5,6,7\n")
    b'01,0-2,3-4\n05,6,7\n'
    >>> without_signs(b"-,1\n")
    """
    if any(sign in text for sign in (b"-,", b"-\n", b"-.")):  # they would become numbers
        return None
    return (b"\n" + text).replace(b",-", b",0").replace(b"\n-", b"\n0")[1:]
