"""Route a stream: blocks of forecasts in, combined forecasts out, actuals in as they arrive."""

from __future__ import annotations

import csv
import math
import os
import select
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self, TextIO

from elpa_core.cells import plain
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import json_bytes, write_atomic
from elpa_core.routing import snapshot
from elpa_core.routing.panel import forecast, model_columns, number
from elpa_core.routing.router import Router
from elpa_core.routing.settings import RoutingPolicy

_FORMAT, _VERSION = "elpa-route", 2
_ACTUAL_COLUMNS = ["row", "y_true"]
_CHUNK = 1 << 16
_MOMENT = 20  # milliseconds


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
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN)
        return not waiting.poll(_MOMENT)


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
            expected = "one sound model: a finite forecast"
            raise InputError(Problem(source, f"row {line}", "no finite forecast", expected))
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
    known = ", ".join(f"{group}:{name}" for name, group in groups.items())
    problems = [
        Problem(
            source, "header", quoted(f"{group}:{name}"),
            f"{groups[name]}:{name}" if name in groups else f"a model of the policy: {known}",
        )
        for group, name in model_columns(Path(source), columns)
        if groups.get(name) != group
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


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
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    waiting.poll()
    os.set_blocking(descriptor, True)


class Session:
    """A router with the numbers of the rows that wait for their actuals; kept in one file.

    Parameters
    ----------
    policy : mapping
        For a new router; one that goes on must have come from a policy of the same models.
    path : Path or None
        Where the state is kept; None to forget it.
    horizon : int, optional
        For a new router; else the policy's, or the rows of the first block if those are more.

    Raises
    ------
    InputError
        If the policy or the state is none, or they do not belong together.
    """

    def __init__(self, policy: Mapping[str, Any], path: Path | None, horizon: int | None = None) -> None:
        self.path = path
        self.rows: list[int] = []
        self.learned: int | None = None
        self._open = policy if horizon is None else None  # until the first block tells the horizon
        if path is None or not path.exists():
            self.router = Router(policy, horizon=horizon)
            return
        self._open = None
        value = snapshot.read_json(path)
        if not isinstance(value, Mapping) or value.get("format") != _FORMAT:
            raise InputError(Problem(str(path), "$.format", "something else", quoted(_FORMAT)))
        if value.get("version") != _VERSION:
            raise InputError(Problem(str(path), "$.version", quoted(value.get("version")), str(_VERSION)))
        self.router = Router.from_json(value.get("router"), f"{path}: $.router")
        rows = value.get("rows")
        if not isinstance(rows, list) or not all(type(row) is int for row in rows):
            raise InputError(Problem(str(path), "$.rows", quoted(rows), "an array of row numbers"))
        if len(rows) != self.router.waiting:
            found = f"{len(rows)} row numbers"
            raise InputError(
                Problem(str(path), "$.rows", found, f"{self.router.waiting}, one a waiting step")
            )
        learned = value.get("learned")
        if learned is not None and type(learned) is not int:
            raise InputError(Problem(str(path), "$.learned", quoted(learned), "a row number or null"))
        self.rows, self.learned = rows, learned
        wanted, had = RoutingPolicy.of(policy, horizon), self.router.policy
        fields = ["online", "offline", "dirty_interval", "amplitude_window", "mutant_epsilon"]
        if horizon is not None:
            fields.append("horizon")
        problems = [
            Problem(
                str(path), f"$.router.policy.{field}", quoted(getattr(had, field)),
                f"{quoted(getattr(wanted, field))}, as asked for", "start with a new state file",
            )
            for field in fields
            if getattr(had, field) != getattr(wanted, field)
        ]  # fmt: skip
        if problems:
            raise InputError(problems)

    def waits_for(self, block: Block | None) -> bool:
        """Tell whether a block was answered already, as far as the state knows, and not learned from."""
        return block is not None and block.rows == self.rows

    def answer(self, block: Block) -> list[tuple[int, float]]:
        """Return row numbers and served values of a block.

        Raises
        ------
        InputError
            If a row of it was learned from already.
        """
        if self.learned is not None and block.rows[0] <= self.learned:
            found = f"row {block.rows[0]}, which the router has learned from"
            expected = f"rows after {self.learned}"
            hint = "leave out what was served, or start with a new state file"
            raise InputError(Problem(f"block {quoted(block.name)}", "", found, expected, hint))
        if self._open is not None and len(block.rows) > self.router.policy.horizon:
            self.router = Router(self._open, horizon=len(block.rows))
        self._open = None
        served = self.router.predict(block.forecasts)
        self.rows = list(block.rows)
        self.save()
        return list(zip(block.rows, served.tolist(), strict=True))

    def learn(self, actuals: Actuals) -> None:
        """Wait for the actuals of the rows that were answered, and learn from them."""
        while self.rows and (actual := actuals.next(self.rows[0])) is not None:
            self.router.update(actual)
            self.learned = self.rows.pop(0)
        self.save()

    def save(self) -> None:
        """Write the state in one step."""
        if self.path is not None:
            value = {
                "format": _FORMAT, "version": _VERSION, "rows": self.rows, "learned": self.learned,
                "router": self.router.to_json(),
            }  # fmt: skip
            write_atomic(self.path, json_bytes(value))


def route_stream(session: Session, blocks: Iterator[Block], actuals: Actuals | None, output: TextIO) -> None:
    """Answer block after block: each is written and flushed before its actuals are awaited.

    Rows that an earlier run left waiting learn from their actuals first, unless they come again:
    then that run ended before anybody read its answer.
    """
    output.write("block,row,served\n")
    output.flush()
    writer = csv.writer(output, lineterminator="\n")
    first = next(blocks, None)
    if actuals is not None and not session.waits_for(first):
        session.learn(actuals)
    for block in chain([] if first is None else [first], blocks):
        writer.writerows([block.name, row, repr(value)] for row, value in session.answer(block))
        output.flush()
        if actuals is not None:
            session.learn(actuals)


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
