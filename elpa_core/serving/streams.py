"""Forecasts and actuals as they arrive, from files and pipes."""

from __future__ import annotations

import csv
import math
import os
import select
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from elpa_core.artifacts.decimals import plain
from elpa_core.backtest.panels import forecast, model_columns, number
from elpa_core.errors import InputError, Problem, quoted, some
from elpa_core.routing.inputs import no_forecast
from elpa_core.routing.routing_policy import RoutingPolicy

_ACTUAL_COLUMNS = ["row", "y_true"]
_CHUNK = 1 << 16
_MOMENT = 20  # milliseconds
_MOST_PROBLEMS = 12


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that were forecast together."""

    name: str
    rows: list[int]
    forecasts: dict[str, list[float]]


class Lines:
    """The lines of a text as they arrive.

    Parameters
    ----------
    descriptor : int
        Of what can be waited for: a pipe, which may have no writer yet, or a terminal.
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
            if self._rest.endswith(b"\n") or (self._ended and self._rest):
                lines, self._rest = [*lines, self._rest], b""
            self._whole += lines
        return bool(self._whole)

    def pause(self) -> bool:
        """Tell whether nothing comes for a moment."""
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
) -> Iterator[Block]:
    """Check the header of forecasts, and return their blocks as they arrive.

    A block ends with the first row of the next one, or the end; before that with the last of its
    ``rows``, or at a ``pause`` once it has as many rows as the policy's horizon.

    Parameters
    ----------
    lines : iterable of str
        CSV: ``block,row``, then one column a model, ``GROUP:NAME``; a blank cell for no forecast.
    rows : int, optional
        Rows of a block, where they are known and a block is to be answered before the next begins.
    pause : callable, optional
        Tells whether nothing more comes for a moment; asked where ``rows`` are not known.

    Raises
    ------
    InputError
        If it is not such a CSV, a model is not the policy's, or a block goes on after its last row.
    """
    records = _records(lines, source)
    header = next(records, [])
    if header[:2] != ["block", "row"]:
        raise InputError(
            Problem(source, "header", quoted(",".join(header[:2])), "block,row, then GROUP:NAME")
        )
    check_models(source, header[2:], policy)

    def whole(block: Block) -> bool:
        if rows is not None:
            return len(block.rows) == rows
        return pause is not None and len(block.rows) >= policy.horizon and pause()

    return _blocks(records, source, header, whole)


def _blocks(
    lines: Iterator[list[str]], source: str, header: list[str], whole: Callable[[Block], bool]
) -> Iterator[Block]:
    names = [name for _, name in model_columns(Path(source), header[2:])]
    block: Block | None = None
    answered: Block | None = None
    for line, cells in enumerate(lines):
        if len(cells) != len(header):
            raise InputError(Problem(source, f"row {line}", f"{len(cells)} cells", f"{len(header)}"))
        if block is not None and cells[0] != block.name:
            yield block
            block = None
        if block is None and answered is not None and cells[0] == answered.name:
            found = f"more than {len(answered.rows)} rows of block {quoted(answered.name)}"
            expected = "the next block: this one was answered"
            hint = "write a block at once, or give its rows by --horizon"
            raise InputError(Problem(source, f"row {line}", found, expected, hint))
        block = block or Block(cells[0], [], {name: [] for name in names})
        row = _row_number(source, line, cells[1])
        if block.rows and row <= block.rows[-1]:
            expected = f"a number above {block.rows[-1]}, the block's row before"
            raise InputError(Problem(source, f"row {line}, column row", str(row), expected))
        values = [
            forecast(source, line, column, cell) for column, cell in zip(header[2:], cells[2:], strict=True)
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


def check_models(source: str, columns: list[str], policy: RoutingPolicy) -> None:
    """Refuse columns ``GROUP:NAME`` that are not models of the policy.

    Raises
    ------
    InputError
        Naming each such column, and the group if only that is wrong.
    """
    groups = {**dict.fromkeys(policy.online, "online"), **dict.fromkeys(policy.offline, "offline")}
    known = some([f"{group}:{name}" for name, group in groups.items()])
    problems = [
        Problem(
            source, "header", quoted(f"{group}:{name}"),
            f"{groups[name]}:{name}" if name in groups else f"a model of the policy: {known}",
        )
        for group, name in model_columns(Path(source), columns)
        if groups.get(name) != group
    ]  # fmt: skip
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        rest = [Problem(source, "header", f"{more} more such columns", "models of the policy")] * (more > 0)
        raise InputError(problems[:_MOST_PROBLEMS] + rest)


class Actuals:
    """Actuals as they arrive: CSV ``row,y_true``, rows in order.

    A pipe may be opened by its writer before or after a block is answered: nothing here waits for
    the writer until the first actual is asked for.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._source, self._line = str(path), -1
        self._file = open_text(path)
        self._lines: Iterator[list[str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _start(self) -> Iterator[list[str]]:
        _wait_for_writer(self._file.fileno())
        lines = _records(iter(self._file.readline, ""), self._source)
        header = next(lines, None)
        if header is not None and header != _ACTUAL_COLUMNS:
            raise InputError(Problem(self._source, "header", quoted(",".join(header)), "row,y_true"))
        return lines

    def next(self, row: int) -> float | None:
        """Wait for the actual of a row; None at the end of the file. Earlier rows are passed over.

        Raises
        ------
        InputError
            If a later row comes, or something that is not a number.
        """
        if self._lines is None:
            self._lines = self._start()
        for cells in self._lines:
            self._line += 1
            if len(cells) != len(_ACTUAL_COLUMNS):
                raise InputError(
                    Problem(self._source, f"row {self._line}", f"{len(cells)} cells", "row,y_true")
                )
            found = _row_number(self._source, self._line, cells[0])
            if found > row:
                place = f"row {self._line}"
                raise InputError(
                    Problem(self._source, place, f"the actual of row {found}", f"that of row {row}")
                )
            if found == row:
                return number(self._source, self._line, "y_true", cells[1])
        return None


def open_text(path: Path) -> TextIO:
    """Open a CSV file; of a pipe, do not wait for its writer.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        return os.fdopen(descriptor, encoding="utf-8-sig", errors="backslashreplace", newline="")
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise InputError(Problem(str(path), "", found, "a CSV file that can be read")) from error


def _wait_for_writer(descriptor: int) -> None:
    _wait(descriptor)
    os.set_blocking(descriptor, True)


def _wait(descriptor: int, milliseconds: int | None = None) -> bool:
    """Wait until there is something to read, or an end, and tell whether there is."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(milliseconds))


def _records(lines: Iterable[str], source: str) -> Iterator[list[str]]:
    try:
        yield from filter(None, csv.reader(lines))
    except csv.Error as error:
        raise InputError(Problem(source, "", str(error), "CSV")) from error


def _row_number(source: str, line: int, cell: str) -> int:
    try:
        return int(plain(cell))
    except ValueError as error:
        raise InputError(
            Problem(source, f"row {line}, column row", quoted(cell), "a whole number")
        ) from error
