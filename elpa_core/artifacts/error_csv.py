"""Read a model's validation errors from its error CSV (section 3 of the contract).

The csv module defines the format. A faster parser reads blocks of plain lines, with bit-identical
numbers. The csv module reads every other block.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.column_hints import USABLE
from elpa_core.artifacts.decimals import floats
from elpa_core.artifacts.error_columns import NONE_NAMED, ColumnError, Columns, Role, find_columns
from elpa_core.errors import ArtifactError, Problem, quoted
from elpa_core.files.csv_cells import float_or_nan
from elpa_core.files.csv_table import cell_count
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.reading import LONGEST_LINE

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
        Actuals and forecasts of the errors; None if the errors are those of ``abs_error``.
    others : mapping of str to sequence of str or bytes, length n
        The cells of the columns that give no error, by what they hold; as they stand in the file.
    """

    errors: NDArray[np.float64]
    rows: Sequence[int]
    lines: Sequence[int]
    y_true: NDArray[np.float64] | None
    pred: NDArray[np.float64] | None
    others: Mapping[Role, Sequence[str | bytes]]


def iter_error_blocks(
    path: Path, on_bytes: Callable[[bytes], object] = lambda _: None, named: Mapping[Role, str] = NONE_NAMED
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
    named : mapping of str to str, optional
        The columns that ``error_columns`` names, see `find_columns`.

    Raises
    ------
    ArtifactError
        If the file cannot be read, is not UTF-8, has no usable column, a duplicate required column,
        a row with a wrong number of cells, a cell that is not a finite number, or no usable row.
    """
    return _Reader(path, named).blocks(on_bytes)


class _Reader:
    def __init__(self, path: Path, named: Mapping[Role, str]) -> None:
        self.path = path
        self.named = named
        self.width = 0
        self.columns = Columns((), {}, {}, frozenset())
        self.scored: list[int] = []  # positions of the scored columns
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
        self.width = len(header)
        try:
            self.columns = find_columns([name.strip() for name in header], self.named)
        except ColumnError as error:
            raise self._error(f"line {line}", *error.args[0]) from error
        self.scored = [self.columns.places[role] for role in self.columns.scored]
        return lines.read()

    def _parse_plain(self, raw: bytes) -> ErrorBlock | None:
        """Read lines of plain cells, or return None if the block holds anything else."""
        text = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
        text = text if text.endswith(b"\n") else text + b"\n"
        width, rows = self.width, text.count(b"\n")
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
            values = [floats(cells[column:-1:width]) for column in self.scored]
        except ValueError:
            return None
        row, line = self.row + 1, self.line + 1
        others = {role: cells[self.columns.places[role] : -1 : width] for role in self.columns.others}
        block = _block(values, range(row, row + rows), range(line, line + rows), others)
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
        records: list[list[str]] = []
        for line, record in self._records(lines):
            self.row += 1
            numbers = self._numbers(record, line)
            if numbers:
                rows.append(self.row)
                line_numbers.append(line)
                values.append(numbers)
                records.append(record)
            if len(rows) == _BLOCK_ROWS:
                yield self._block(values, rows, line_numbers, records)
                rows, line_numbers, values, records = [], [], [], []
        if rows:
            yield self._block(values, rows, line_numbers, records)

    def _block(
        self, values: list[list[float]], rows: list[int], lines: list[int], records: list[list[str]]
    ) -> ErrorBlock:
        places = self.columns.places
        others = {role: [record[places[role]] for record in records] for role in self.columns.others}
        return _block([*np.array(values).T.copy()], rows, lines, others)

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
        if len(record) != self.width:
            expected = f"{cell_count(self.width)}, as in the header"
            raise self._error(f"row {self.row} (line {line})", cell_count(len(record)), expected)
        cells = [record[column] for column in self.scored]
        if not all(map(str.strip, cells)):
            return []
        numbers = list(map(float_or_nan, cells))
        if not math.isfinite(numbers[0] - numbers[-1]):  # one column: itself less itself
            raise self._refused(cells, numbers, f"row {self.row} (line {line})")
        return numbers

    def _refused(self, cells: list[str], numbers: list[float], place: str) -> ArtifactError:
        expected = "a finite number in decimal notation, such as 0.25 or 1.5e-3"
        for role, cell, value in zip(self.columns.scored, cells, numbers, strict=True):
            column = f"{place}, column {quoted(self.columns.names[role])}"
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


def _block(
    values: list[NDArray[np.float64]],
    rows: Sequence[int],
    lines: Sequence[int],
    others: Mapping[Role, Sequence[str | bytes]],
) -> ErrorBlock:
    if len(values) == 1:
        return ErrorBlock(np.abs(values[0]), rows, lines, None, None, others)
    with np.errstate(over="ignore", invalid="ignore"):
        return ErrorBlock(np.abs(values[0] - values[1]), rows, lines, values[0], values[1], others)
