"""Read a model's validation errors from its error CSV (section 3 of the contract).

The csv module defines the format. A faster parser reads blocks of plain lines, with bit-identical
numbers. The csv module reads every other block.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.error_columns import NONE_NAMED, Role
from elpa_core.artifacts.error_rows import ErrorReader, ErrorRows
from elpa_core.artifacts.plain_cells import PlainCells, Texts, texts_of
from elpa_core.artifacts.regular_lines import LineCheck, RegularLines
from elpa_core.artifacts.regular_times import StepTimes

Whole = NDArray[np.integer[Any]]

_MOST_BYTES_OF_A_LINE = 400  # on average; longer lines are read at once, so that few bytes are held
_FREED = 2_000_000
TIMES: tuple[Role, ...] = ("origin", "time")
"""What of a step is a time, in the order in which steps are scored."""


@dataclass(frozen=True, slots=True)
class ErrorBlock:
    """Consecutive usable rows of an error CSV.

    Parameters
    ----------
    errors : ndarray of float64, shape (n,)
        Absolute errors, in the unit of the forecast, oldest first.
    rows, lines : ndarray of int, shape (n,)
        Data row and physical line of each error, counted from 1.
    y_true, pred : ndarray of float64, shape (n,), or None
        Actuals and forecasts of the errors; None if the errors are those of ``abs_error``.
    others : mapping of str to ndarray of bytes, shape (n,)
        The cells of the columns that give no error, by what they hold; as they stand in the file.
    """

    errors: NDArray[np.float64]
    rows: Whole
    lines: Whole
    y_true: NDArray[np.float64] | None
    pred: NDArray[np.float64] | None
    others: Mapping[Role, Texts]

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.errors)

    @property
    def bound(self) -> float:
        """The largest absolute error."""
        return float(self.errors.max())

    def times(self) -> Mapping[Role, StepTimes]:
        """Return the times of the steps, and of their forecasts, as far as the file has them.

        Raises
        ------
        StepTimeError
            If a cell is no time.
        """
        return {role: StepTimes.of(self.others[role]) for role in TIMES if role in self.others}


@dataclass(frozen=True, slots=True)
class UnreadBlock:
    """Consecutive rows that are usable, and whose numbers are not read yet.

    Parameters
    ----------
    size : int
        Number of rows.
    bound : float
        No absolute error of them is larger.
    read : callable
        Reads the numbers.
    times : callable
        As of an `ErrorBlock`.
    """

    size: int
    bound: float
    read: Callable[[], ErrorBlock]
    times: Callable[[], Mapping[Role, StepTimes]]

    def to_keep(self) -> UnreadBlock:
        """Return the same rows without what is known of their times: that can be many times their bytes."""
        read = self.read
        return replace(self, times=lambda: read().times())


def iter_error_blocks(
    path: Path, on_bytes: Callable[[bytes], object] = lambda _: None, named: Mapping[Role, str] = NONE_NAMED
) -> Iterator[ErrorBlock]:
    """Yield the usable rows of an error CSV in blocks, at least one, with bounded memory; see `ErrorReader`.

    Parameters
    ----------
    path : Path
        The file.
    on_bytes : callable, optional
        Called with each chunk of the file's bytes, in order.
    named : mapping of str to str, optional
        The columns that ``error_columns`` names, see `find_columns`.

    Raises
    ------
    ArtifactError
        As in `ErrorReader.rows`.
    """
    return _Reader(path, named).blocks(on_bytes)


def iter_unread_blocks(
    path: Path, on_bytes: Callable[[bytes], object], named: Mapping[Role, str]
) -> Iterator[ErrorBlock | UnreadBlock]:
    """Yield the same rows, those unread that can be checked without reading their numbers."""
    return _UnreadReader(path, named).unread_blocks(on_bytes)


class _Reader(ErrorReader):
    def blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[ErrorBlock]:
        _keep_freed_memory()
        raw_blocks = self.raw_blocks(on_bytes)
        body = self.read_header(next(raw_blocks, b""))
        return self.require_one(
            block for raw in chain([body], raw_blocks) for block in self.parse_block(raw, raw_blocks)
        )

    def parse_block(self, raw: bytes, following: Iterator[bytes]) -> Iterable[ErrorBlock]:
        if b'"' in raw:  # a quoted cell may continue in the next blocks
            return map(_block_of_rows, self.parse(chain([raw], following)))
        text = plain_text(raw)
        block = None if text is None else self.plain_block(text, self.row, self.line)
        if block is None:
            return map(_block_of_rows, self.parse([raw]))
        self.pass_over(raw, len(block.rows))
        return [block]

    def pass_over(self, raw: bytes, rows: int) -> None:
        """Go on behind a block of one row in each line."""
        self.row += rows
        self.line += rows
        self.offset += len(raw)

    def plain_block(self, text: bytes, row: int, line: int) -> ErrorBlock | None:
        """Read lines of plain cells, or return None if there is anything else.

        Parameters
        ----------
        text : bytes
            From `plain_text`.
        row, line : int
            How many rows and lines are before it.
        """
        cells = PlainCells.of(text, self.width) if len(text) <= csv.field_size_limit() else None
        if cells is None:
            return None
        try:
            values = cells.numbers(self.scored)
        except ValueError:
            return None
        others = {role: cells.texts(self.columns.places[role]) for role in self.columns.others}
        numbers = np.arange(1, len(cells) + 1)
        block = _block(values, _short(row + numbers), _short(line + numbers), others)
        return block if np.isfinite(block.errors).all() else None


class _UnreadReader(_Reader):
    def unread_blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[ErrorBlock | UnreadBlock]:
        _keep_freed_memory()
        raw_blocks = self.raw_blocks(on_bytes)
        body = self.read_header(next(raw_blocks, b""))
        check = LineCheck(self.width, self.scored, self._largest_error)
        return self.require_one(
            block for raw in chain([body], raw_blocks) for block in self._check(raw, raw_blocks, check)
        )

    def _check(
        self, raw: bytes, following: Iterator[bytes], check: LineCheck
    ) -> Iterable[ErrorBlock | UnreadBlock]:
        text = None if b'"' in raw else plain_text(raw)
        found = None
        if text and len(text) <= min(csv.field_size_limit(), _MOST_BYTES_OF_A_LINE * text.count(b"\n")):
            found = check.checked(text)
        if text is None or found is None:
            return self.parse_block(raw, following)
        size = found.lines.lines
        read = partial(self._read, text, self.row, self.line)
        lines = found.lines if "time" in self.named else None
        unread = UnreadBlock(size, found.bound, read, partial(self._times, lines, read))
        self.pass_over(raw, size)
        return [unread]

    def _largest_error(self, text: bytes) -> float | None:
        block = self.plain_block(text, self.row, self.line)
        return None if block is None else block.bound

    def _times(self, lines: RegularLines | None, read: Callable[[], ErrorBlock]) -> Mapping[Role, StepTimes]:
        if lines is None or lines.odd:
            return read().times()
        places = self.columns.places
        return {role: StepTimes.of(lines.texts(places[role])) for role in TIMES if role in places}

    def _read(self, text: bytes, row: int, line: int) -> ErrorBlock:
        block = self.plain_block(text, row, line)
        if block is None:
            raise AssertionError(f"lines that were checked cannot be read: {text[:1000]!r}")
        return block


def plain_text(raw: bytes) -> bytes | None:
    """Return lines with LF at each end, or None if they are not UTF-8 or hold a carriage return elsewhere."""
    text = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
    if b"\r" in text:
        return None
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return None
    return text if text.endswith(b"\n") else text + b"\n"


def _keep_freed_memory() -> None:
    """Let glibc keep what a block frees for the next one: up to twice the largest piece that was freed."""
    np.empty(_FREED, np.uint8)


def _block_of_rows(found: ErrorRows) -> ErrorBlock:
    others = {role: texts_of(cells) for role, cells in found.others.items()}
    return _block(
        np.array(found.values).T.copy(), _short(np.array(found.rows)), _short(np.array(found.lines)), others
    )


def _short(numbers: NDArray[np.int64]) -> Whole:
    """Return rising numbers in half of their bytes, if they fit."""
    return numbers.astype(np.int32) if numbers[-1] < 2**31 else numbers


def _block(
    values: NDArray[np.float64],
    rows: Whole,
    lines: Whole,
    others: Mapping[Role, Texts],
) -> ErrorBlock:
    if len(values) == 1:
        return ErrorBlock(np.abs(values[0]), rows, lines, None, None, others)
    with np.errstate(over="ignore", invalid="ignore"):
        return ErrorBlock(np.abs(values[0] - values[1]), rows, lines, values[0], values[1], others)
