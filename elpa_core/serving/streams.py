"""Read streams of forecasts and actuals from files and pipes."""

from __future__ import annotations

import math
import os
import select
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.csv_cells import forecast_cell, number_cell, whole_number_cell
from elpa_core.files.csv_table import READABLE_CSV, csv_rows
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.reading import lines_of, require_short
from elpa_core.routing.inputs import no_forecast
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.schema.limits import BOUND
from elpa_core.schema.model_columns import check_models, model_columns, models_without_column

_ACTUAL_COLUMNS = ["row", "y_true"]
_CHUNK = 1 << 16
_MOMENT = 20  # milliseconds


@dataclass(frozen=True, slots=True)
class Block:
    """A block: rows that were forecast together."""

    name: str
    rows: list[int]
    forecasts: dict[str, list[float]]


class Lines:
    """The lines of a stream as they arrive.

    Parameters
    ----------
    descriptor : int
        File descriptor of a pipe, which may have no writer yet, or of a terminal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._whole: deque[bytes] = deque()
        self._rest, self._ended = b"", False

    def __iter__(self) -> Iterator[str]:
        _wait_for_writer(self._descriptor)
        encoding = "utf-8-sig"
        while self._fill():
            yield self._whole.popleft().decode(encoding, errors="backslashreplace")
            encoding = "utf-8"

    def _fill(self) -> bool:
        while not self._whole and not self._ended:
            more = os.read(self._descriptor, _CHUNK)
            *lines, self._rest = (self._rest + more).splitlines(keepends=True) or [b""]
            self._ended = not more
            require_short(self._rest)
            if self._rest.endswith(b"\n") or (self._ended and self._rest):
                lines, self._rest = [*lines, self._rest], b""
            self._whole += lines
        return bool(self._whole)

    def pause(self) -> bool:
        """Wait a moment; return True if no input arrives."""
        if self._whole or self._rest or self._ended:
            return False
        return not _wait(self._descriptor, _MOMENT)


def read_blocks(
    lines: Iterable[str],
    source: str,
    policy: RoutingPolicy,
    *,
    rows: int | None = None,
    pause: Callable[[], bool] | None = None,
    warn: Callable[[str], object] = lambda _: None,
) -> Iterator[Block]:
    """Check the header of forecasts, and return the blocks as they arrive.

    A block ends before the first row of the next block, or at the end of the input. It ends earlier
    when it has ``rows`` rows, or at a ``pause`` when it has at least the policy's horizon of rows.

    Parameters
    ----------
    lines : iterable of str
        CSV: ``block,row``, then one column per model, ``GROUP:NAME``; a blank cell means no forecast.
    rows : int, optional
        Number of rows of a block, if known; the block is then answered before the next one begins.
    pause : callable, optional
        Returns whether no input arrives for a moment; used if ``rows`` is None.
    warn : callable, optional
        Takes a warning that names the models without a column.

    Raises
    ------
    InputError
        If the CSV is not valid, if a model is not in the policy, or if a row follows the end of its
        block.
    """
    header, cells = csv_rows(lines, source)
    if header[:2] != ["block", "row"]:
        raise InputError(
            Problem(source, "header", quoted(",".join(header[:2])), "block,row, then GROUP:NAME")
        )
    check_models(source, header[2:], policy.online, policy.offline)
    if absent := models_without_column(source, header[2:], policy.online, policy.offline):
        warn(absent)

    def whole(block: Block) -> bool:
        if rows is not None:
            return len(block.rows) == rows
        return pause is not None and len(block.rows) >= policy.horizon and pause()

    return _blocks(cells, source, header, whole)


def _blocks(
    lines: Iterator[list[str]], source: str, header: list[str], whole: Callable[[Block], bool]
) -> Iterator[Block]:
    names = [name for _, name in model_columns(source, header[2:])]
    block: Block | None = None
    answered: Block | None = None
    for line, cells in enumerate(lines):
        if block is not None and cells[0] != block.name:
            yield block
            block = None
        if block is None and answered is not None and cells[0] == answered.name:
            found = f"more than {len(answered.rows)} rows of block {quoted(answered.name)}"
            expected = "the next block: this one was answered"
            hint = "write a block at once, or give its rows by --horizon"
            raise InputError(Problem(source, f"row {line}", found, expected, hint))
        block = block or Block(cells[0], [], {name: [] for name in names})
        row = whole_number_cell(source, line, "row", cells[1])
        if block.rows and row <= block.rows[-1]:
            expected = f"a number above {block.rows[-1]}, the block's row before"
            raise InputError(Problem(source, f"row {line}, column row", str(row), expected))
        values = [
            forecast_cell(source, line, column, cell)
            for column, cell in zip(header[2:], cells[2:], strict=True)
        ]
        if not any(map(math.isfinite, values)):
            raise no_forecast(source, f"row {line}")
        block.rows.append(row)
        for name, value in zip(names, values, strict=True):
            block.forecasts[name].append(value)
        if whole(block):
            yield block
            answered, block = block, None
    if block is not None:
        yield block


class Actuals:
    """Actuals as they arrive: CSV ``row,y_true``, rows in order.

    The constructor checks the header of a file. It does not wait for the writer of a pipe, because the
    writer may open the pipe only after the first answer. The first `next` waits.

    Raises
    ------
    InputError
        If the file cannot be opened, or its header is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._source = str(path)
        self._file = open_text(path)
        self._rows: Iterator[tuple[int, list[str]]] | None = None
        found = os.fstat(self._file.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_size:  # one that is empty may be written meanwhile
            try:
                self._rows = self._start()
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _start(self) -> Iterator[tuple[int, list[str]]]:
        _wait_for_writer(self._file.fileno())
        header, rows = csv_rows(lines_of(self._file.readline), self._source)
        if header and header != _ACTUAL_COLUMNS:
            raise InputError(Problem(self._source, "header", quoted(",".join(header)), "row,y_true"))
        return enumerate(rows)

    def next(self, row: int) -> float | None:
        """Wait for the actual of a row, and skip earlier rows; return None at the end of the file.

        Raises
        ------
        InputError
            If a later row arrives, or a cell is not a number.
        """
        if self._rows is None:
            self._rows = self._start()
        for line, (row_cell, actual_cell) in self._rows:
            found = whole_number_cell(self._source, line, "row", row_cell)
            if found > row:
                raise InputError(
                    Problem(self._source, f"row {line}", f"the actual of row {found}", f"that of row {row}")
                )
            if found == row:
                return number_cell(self._source, line, "y_true", actual_cell, BOUND)
        return None


def open_text(path: Path) -> TextIO:
    """Open a CSV file; do not wait for the writer of a pipe.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    with as_input_error(path, READABLE_CSV):
        return open(path, encoding="utf-8-sig", errors="backslashreplace", newline="", opener=_no_waiting)


def _no_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _wait_for_writer(descriptor: int) -> None:
    _wait(descriptor)
    os.set_blocking(descriptor, True)


def _wait(descriptor: int, milliseconds: int | None = None) -> bool:
    """Wait for input or the end of the stream; return whether either came in time."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(milliseconds))
