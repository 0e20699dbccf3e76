"""The rows of an error CSV, read by the csv module: it defines the format (section 3 of the contract)."""

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
from typing import TypeVar

from elpa_core.artifacts.column_hints import USABLE
from elpa_core.artifacts.error_columns import ColumnError, Columns, Role, find_columns
from elpa_core.errors import ArtifactError, Problem, quoted
from elpa_core.files.csv_cells import float_or_nan
from elpa_core.files.csv_table import cell_count
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.reading import LONGEST_LINE

_BLOCK_ROWS = 4096
_BLOCK_BYTES = 120_000  # with one more line still below the csv module's limit for a cell
_EXPECTED = "a CSV file with the model's validation errors"

Block = TypeVar("Block")


@dataclass(frozen=True, slots=True)
class ErrorRows:
    """Consecutive usable rows of an error CSV.

    Parameters
    ----------
    rows, lines : sequence of int, length n
        Data row and physical line of each, counted from 1.
    values : sequence of sequence of float, length n
        The absolute error of each as it stands, or actual and forecast.
    others : mapping of str to sequence of str, length n
        The cells of the columns that give no error, by what they hold; as they stand in the file.
    """

    rows: Sequence[int]
    lines: Sequence[int]
    values: Sequence[Sequence[float]]
    others: Mapping[Role, Sequence[str]]

    def errors(self) -> list[float]:
        """Return the absolute errors."""
        return [abs(numbers[0] - numbers[1] if len(numbers) > 1 else numbers[0]) for numbers in self.values]


class ErrorReader:
    """Reads an error CSV once, from its start to its end.

    The file is UTF-8, with or without a BOM; lines end in LF or CRLF. The dialect is the csv
    module's default with ``strict`` quotes, which detects a truncated file. Empty lines are
    ignored. A row with a blank required cell is skipped. Numbers are in plain decimal notation:
    ``-3``, ``.5``, ``1.5e-3``, with or without spaces around them. ``1_000`` and digits of other
    scripts are refused, although ``float`` accepts them.

    Parameters
    ----------
    path : Path
        The file.
    named : mapping of str to str
        The columns that ``error_columns`` names, see `find_columns`.
    """

    def __init__(self, path: Path, named: Mapping[Role, str]) -> None:
        self.path = path
        self.named = named
        self.width = 0
        self.columns = Columns((), {}, {}, frozenset())
        self.scored: list[int] = []  # positions of the scored columns
        self.row = 0
        self.line = 0
        self.offset = 0

    def rows(self, on_bytes: Callable[[bytes], object]) -> Iterator[ErrorRows]:
        """Yield the usable rows in blocks, at least one.

        Parameters
        ----------
        on_bytes : callable
            Called with each chunk of the file's bytes, in order.

        Raises
        ------
        ArtifactError
            If the file cannot be read, is not UTF-8, has no usable column, a duplicate required column,
            a row with a wrong number of cells, a cell that is not a finite number, or no usable row.
        """
        raw_blocks = self.raw_blocks(on_bytes)
        body = self.read_header(next(raw_blocks, b""))
        return self.require_one(self.parse(chain([body], raw_blocks)))

    def require_one(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield all blocks; refuse the file if there is none."""
        usable = False
        for block in blocks:
            usable = True
            yield block
        if not usable:
            blank = f"a blank needed cell in every row ({self.row} in all)"
            found = blank if self.row else "a header and no row"
            raise self.error("", found, "at least one row with an error")

    def raw_blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[bytes]:
        """Yield the bytes of the file in blocks of whole lines."""
        try:
            mode = self.path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise self.error("", "a folder" if stat.S_ISDIR(mode) else "no regular file", _EXPECTED)
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    rest = b"" if block.endswith(b"\n") else file.readline(LONGEST_LINE)
                    block += rest
                    on_bytes(block)
                    if len(rest) == LONGEST_LINE and not block.endswith(b"\n"):
                        line = self.line + block.count(b"\n") + 1
                        found = f"more than {LONGEST_LINE} bytes"
                        raise self.error(f"line {line}", found, "shorter lines, each ending in LF or CRLF")
                    yield block
        except FileNotFoundError as error:
            raise self.error("", "no such file", _EXPECTED, what_is_there(self.path)) from error
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise self.error("", f"a file that cannot be read ({reason})", _EXPECTED) from error

    def read_header(self, first: bytes) -> bytes:
        """Find the needed columns and return the bytes after the header."""
        body = first.removeprefix(codecs.BOM_UTF8)
        self.offset = len(first) - len(body)
        lines = io.BytesIO(body)
        line, header = next(self._records(lines), (0, []))
        if not header:
            raise self.error("", "an empty file", f"a header with {USABLE}, then one row for each error")
        self.width = len(header)
        try:
            self.columns = find_columns([name.strip() for name in header], self.named)
        except ColumnError as error:
            raise self.error(f"line {line}", *error.args[0]) from error
        self.scored = [self.columns.places[role] for role in self.columns.scored]
        return lines.read()

    def parse(self, blocks: Iterable[bytes]) -> Iterator[ErrorRows]:
        """Read blocks of whole lines with the csv module; a quoted cell may go on in the next block."""
        rows: list[int] = []
        line_numbers: list[int] = []
        values: list[list[float]] = []
        records: list[list[str]] = []
        try:
            for line, record in self._records(chain.from_iterable(map(io.BytesIO, blocks))):
                self.row += 1
                numbers = self._numbers(record, line)
                if numbers:
                    rows.append(self.row)
                    line_numbers.append(line)
                    values.append(numbers)
                    records.append(record)
                if len(rows) == _BLOCK_ROWS:
                    yield self._rows(rows, line_numbers, values, records)
                    rows, line_numbers, values, records = [], [], [], []
        except ArtifactError:
            if rows:  # the sum of their errors may overflow: the first fault is told
                yield self._rows(rows, line_numbers, values, records)
            raise
        if rows:
            yield self._rows(rows, line_numbers, values, records)

    def error(self, place: str, found: str, expected: str, hint: str = "") -> ArtifactError:
        """Return a problem of the file."""
        return ArtifactError(Problem(str(self.path), place, found, expected, hint))

    def _rows(
        self, rows: list[int], lines: list[int], values: list[list[float]], records: list[list[str]]
    ) -> ErrorRows:
        places = self.columns.places
        others = {role: [record[places[role]] for record in records] for role in self.columns.others}
        return ErrorRows(rows, lines, values, others)

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
            raise self.error(f"line {line}", found, expected) from error

    def _numbers(self, record: list[str], line: int) -> list[float]:
        """Return the needed numbers of a row, or none if a needed cell is blank."""
        if len(record) != self.width:
            expected = f"{cell_count(self.width)}, as in the header"
            raise self.error(f"row {self.row} (line {line})", cell_count(len(record)), expected)
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
                return self.error(column, f"{quoted(cell)}, which is beyond the largest double", expected)
            if not math.isfinite(value):
                return self.error(column, quoted(cell), expected, "leave the cell blank to skip the row")
        found = f"y_true {numbers[0]!r} and pred {numbers[1]!r}, whose difference overflows"
        return self.error(place, found, "numbers whose difference is finite")

    def _decoded(self, lines: Iterable[bytes]) -> Iterator[str]:
        for raw in lines:
            self.line += 1
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                place = f"line {self.line}, byte {self.offset + error.start} of the file"
                found = f"the byte 0x{raw[error.start]:02x}"
                raise self.error(place, found, "UTF-8 text", "save the file as UTF-8") from error
            self.offset += len(raw)
            yield text
