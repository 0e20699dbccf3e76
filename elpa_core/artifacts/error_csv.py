"""Read a model's validation errors from its error CSV (section 3 of the contract).

The csv module defines the format. A faster parser reads blocks of plain lines, with bit-identical
numbers. The csv module reads every other block.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import math
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.column_hints import USABLE, unusable_columns
from elpa_core.artifacts.decimals import floats
from elpa_core.errors import ArtifactError, Problem, quoted
from elpa_core.files.csv_cells import float_or_nan
from elpa_core.files.csv_table import cell_count
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.reading import LONGEST_LINE
from elpa_core.scores.ewma import EwmaScore, SumOverflowError

_BLOCK_BYTES = 120_000  # with one more line still below the csv module's limit for a cell
_BLOCK_ROWS = 4096
_NOT_SEPARATORS = bytes(set(range(256)) - set(b",\n"))


@dataclass(frozen=True, slots=True)
class ErrorBlock:
    """Consecutive usable rows of an error CSV.

    Parameters
    ----------
    errors : ndarray of float64, shape (n,)
        Absolute errors, in the unit of the forecast, oldest first.
    rows, lines : sequence of int, length n
        Data row and physical line of each error, counted from 1.
    y_true, pred : ndarray of float64, shape (n,), or None
        Actuals and forecasts of the errors; None if the file has ``abs_error``.
    """

    errors: NDArray[np.float64]
    rows: Sequence[int]
    lines: Sequence[int]
    y_true: NDArray[np.float64] | None = None
    pred: NDArray[np.float64] | None = None


def iter_error_blocks(
    path: Path, on_bytes: Callable[[bytes], object] = lambda _: None, columns: Sequence[str] = ()
) -> Iterator[ErrorBlock]:
    """Yield the usable rows of an error CSV in blocks, at least one, with bounded memory.

    The file is UTF-8, with or without a BOM; lines end in LF or CRLF. The dialect is the csv
    module's default with ``strict`` quotes, which detects a truncated file. Empty lines are
    ignored. A row with a blank required cell is skipped. Numbers are in plain decimal notation:
    ``-3``, ``.5``, ``1.5e-3``, with or without spaces around them. ``1_000`` and digits of other
    scripts are refused, although ``float`` accepts them.

    Parameters
    ----------
    path : Path
        The file.
    on_bytes : callable, optional
        Called with each chunk of the file's bytes, in order.
    columns : sequence of str, optional
        ``y_true`` and ``pred`` to require them even if the file has ``abs_error``.

    Raises
    ------
    ArtifactError
        If the file cannot be read, is not UTF-8, has no usable column, a duplicate required column,
        a row with a wrong number of cells, a cell that is not a finite number, or no usable row.
    """
    return _Reader(path, columns).blocks(on_bytes)


class _Reader:
    def __init__(self, path: Path, needed: Sequence[str]) -> None:
        self.path = path
        self.names: list[str] = []
        self.needed = list(needed)  # abs_error, or y_true and pred; empty until the header is known
        self.columns: list[int] = []  # positions of the needed columns
        self.row = 0
        self.line = 0
        self.offset = 0

    def blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[ErrorBlock]:
        raw_blocks = self._raw_blocks(on_bytes)
        body = self._read_header(next(raw_blocks, b""))
        usable = False
        for raw in chain([body], raw_blocks):
            for block in self._parse(raw, raw_blocks):
                usable = True
                yield block
        if not usable:
            blank = f"a blank needed cell in every row ({self.row} in all)"
            found = blank if self.row else "a header and no row"
            raise self._error("", found, "at least one row with an error")

    def _parse(self, raw: bytes, following: Iterator[bytes]) -> Iterable[ErrorBlock]:
        if b'"' in raw:  # a quoted cell may continue in the next blocks
            return self._parse_lines(chain.from_iterable(map(io.BytesIO, chain([raw], following))))
        block = self._parse_plain(raw)
        return self._parse_lines(io.BytesIO(raw)) if block is None else [block]

    def _raw_blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[bytes]:
        expected = "a CSV file with the model's validation errors"
        try:
            mode = self.path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise self._error("", "a folder" if stat.S_ISDIR(mode) else "no regular file", expected)
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    rest = b"" if block.endswith(b"\n") else file.readline(LONGEST_LINE)
                    block += rest
                    on_bytes(block)
                    if len(rest) == LONGEST_LINE and not block.endswith(b"\n"):
                        line = self.line + block.count(b"\n") + 1
                        found = f"more than {LONGEST_LINE} bytes"
                        raise self._error(f"line {line}", found, "shorter lines, each ending in LF or CRLF")
                    yield block
        except FileNotFoundError as error:
            raise self._error("", "no such file", expected, what_is_there(self.path)) from error
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise self._error("", f"a file that cannot be read ({reason})", expected) from error

    def _read_header(self, first: bytes) -> bytes:
        """Find the needed columns and return the bytes after the header."""
        body = first.removeprefix(codecs.BOM_UTF8)
        self.offset = len(first) - len(body)
        lines = io.BytesIO(body)
        line, header = next(self._records(lines), (0, []))
        if not header:
            raise self._error("", "an empty file", f"a header with {USABLE}, then one row for each error")
        self.names = [name.strip() for name in header]
        needed = self.needed or (["abs_error"] if "abs_error" in self.names else ["y_true", "pred"])
        if not set(needed) <= set(self.names):
            raise self._error(f"line {line}", *unusable_columns(self.names))
        for name in needed:
            if (times := self.names.count(name)) > 1:
                raise self._error(f"line {line}", f'{times} columns "{name}"', "one of that name")
        self.needed = needed
        self.columns = [self.names.index(name) for name in needed]
        return lines.read()

    def _parse_plain(self, raw: bytes) -> ErrorBlock | None:
        """Read lines of plain cells, or return None if the block holds anything else."""
        text = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
        text = text if text.endswith(b"\n") else text + b"\n"
        width, rows = len(self.names), text.count(b"\n")
        if (
            len(raw) > csv.field_size_limit()
            or b"\r" in text
            or text.translate(None, _NOT_SEPARATORS) != (b"," * (width - 1) + b"\n") * rows
        ):
            return None
        cells = text.replace(b"\n", b",").split(b",")
        try:
            if not text.isascii():
                text.decode()
            values = [floats(cells[column:-1:width]) for column in self.columns]
        except ValueError:
            return None
        row, line = self.row + 1, self.line + 1
        block = _block(values, range(row, row + rows), range(line, line + rows))
        if not np.isfinite(block.errors).all():
            return None
        self.row += rows
        self.line += rows
        self.offset += len(raw)
        return block

    def _parse_lines(self, lines: Iterable[bytes]) -> Iterator[ErrorBlock]:
        """Read records with the csv module, checking cell by cell."""
        rows: list[int] = []
        line_numbers: list[int] = []
        values: list[list[float]] = []
        for line, record in self._records(lines):
            self.row += 1
            numbers = self._numbers(record, line)
            if numbers:
                rows.append(self.row)
                line_numbers.append(line)
                values.append(numbers)
            if len(rows) == _BLOCK_ROWS:
                yield _block([*np.array(values).T.copy()], rows, line_numbers)
                rows, line_numbers, values = [], [], []
        if rows:
            yield _block([*np.array(values).T.copy()], rows, line_numbers)

    def _records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, list[str]]]:
        """Yield each record and the line at which it starts; skip empty lines."""
        line = self.line + 1
        try:
            for record in csv.reader(self._decoded(lines), strict=True):
                if record:
                    yield line, record
                line = self.line + 1
        except csv.Error as error:
            found = f"malformed CSV ({error})"
            if "new-line character" in str(error):
                found = "a carriage return inside a line"
            expected = "cells set apart by commas, each quote closed, each line ending in LF or CRLF"
            raise self._error(f"line {line}", found, expected) from error

    def _numbers(self, record: list[str], line: int) -> list[float]:
        """Return the needed numbers of a row, or none if a needed cell is blank."""
        if len(record) != len(self.names):
            expected = f"{cell_count(len(self.names))}, as in the header"
            raise self._error(f"row {self.row} (line {line})", cell_count(len(record)), expected)
        cells = [record[column] for column in self.columns]
        if not all(map(str.strip, cells)):
            return []
        numbers = list(map(float_or_nan, cells))
        if not math.isfinite(numbers[0] - numbers[-1]):  # one column: itself less itself
            raise self._refused(cells, numbers, f"row {self.row} (line {line})")
        return numbers

    def _refused(self, cells: list[str], numbers: list[float], place: str) -> ArtifactError:
        expected = "a finite number in decimal notation, such as 0.25 or 1.5e-3"
        for name, cell, value in zip(self.needed, cells, numbers, strict=True):
            column = f'{place}, column "{name}"'
            if math.isinf(value) and "inf" not in cell.lower():
                return self._error(column, f"{quoted(cell)}, which is beyond the largest double", expected)
            if not math.isfinite(value):
                return self._error(column, quoted(cell), expected, "leave the cell blank to skip the row")
        found = f"y_true {numbers[0]!r} and pred {numbers[1]!r}, whose difference overflows"
        return self._error(place, found, "numbers whose difference is finite")

    def _decoded(self, lines: Iterable[bytes]) -> Iterator[str]:
        for raw in lines:
            self.line += 1
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                place = f"line {self.line}, byte {self.offset + error.start} of the file"
                found = f"the byte 0x{raw[error.start]:02x}"
                raise self._error(place, found, "UTF-8 text", "save the file as UTF-8") from error
            self.offset += len(raw)
            yield text

    def _error(self, place: str, found: str, expected: str, hint: str = "") -> ArtifactError:
        return ArtifactError(Problem(str(self.path), place, found, expected, hint))


def _block(values: list[NDArray[np.float64]], rows: Sequence[int], lines: Sequence[int]) -> ErrorBlock:
    if len(values) == 1:
        return ErrorBlock(np.abs(values[0]), rows, lines)
    with np.errstate(over="ignore", invalid="ignore"):
        return ErrorBlock(np.abs(values[0] - values[1]), rows, lines, values[0], values[1])


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """The facts of an error CSV that a policy needs.

    Parameters
    ----------
    score : float
        EWMA score of the errors.
    rows : int
        Number of rows that were used.
    sha256 : str
        SHA-256 of the file's bytes, hexadecimal.
    mean_abs_error : float
        Arithmetic mean of the absolute errors.
    """

    score: float
    rows: int
    sha256: str
    mean_abs_error: float


def summarise_error_csv(path: Path, beta: float) -> ErrorSummary:
    r"""Compute the score and the SHA-256 of an error CSV in one pass.

    Parameters
    ----------
    path : Path
        The file.
    beta : float
        EWMA factor, in [0, 1).

    Raises
    ------
    ArtifactError
        If the file is not an error CSV (see `iter_error_blocks`), or the sum of its errors overflows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "errors.csv")
    ...     _ = path.write_text("y_true,pred\n5,1\n3,5\n2,1\n")
    ...     summary = summarise_error_csv(path, beta=0.5)
    >>> summary.score, summary.rows, summary.mean_abs_error
    (2.0, 3, 2.3333333333333335)
    """
    score = EwmaScore(beta)
    digest = hashlib.sha256()
    for block in iter_error_blocks(path, digest.update):
        try:
            score.update(block.errors)
        except SumOverflowError as error:
            place = f"row {block.rows[error.index]} (line {block.lines[error.index]})"
            found = "an absolute error at which the sum of all so far overflows"
            raise ArtifactError(Problem(str(path), place, found, "errors whose sum is finite")) from error
    return ErrorSummary(score.value, score.count, digest.hexdigest(), score.mean_abs_error)
