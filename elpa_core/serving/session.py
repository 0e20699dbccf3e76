"""Route a stream: read blocks of forecasts, write combined forecasts, learn from actuals as they arrive."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from math import isnan
from pathlib import Path
from typing import Any, TextIO

from elpa_core.errors import InputError, Problem, quoted, some
from elpa_core.files import access
from elpa_core.files.atomic import json_bytes, write_atomic
from elpa_core.files.os_errors import as_input_error
from elpa_core.routing import Prediction, Router, snapshot
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.state import Array
from elpa_core.serving.streams import Actuals, Block
from elpa_core.serving.warm_start import differing_fields, start_router

_FORMAT, _VERSION = "elpa-route", 3


class Session:
    """A router and the numbers of the rows that wait for their actuals; one file holds both.

    Parameters
    ----------
    policy : mapping
        The policy of a new router; the policy of a saved router must have had the same models.
    path : Path or None
        The state file; None to save no state.
    horizon : int, optional
        The horizon of a new router. Default: the policy's horizon, or the number of rows of the
        first block if that is larger.
    levels : sequence of float
        Levels of the prediction intervals; none if empty.
    folder : Path, optional
        The folder of the policy's file; a new router starts from the state that the policy names.
    warn : callable, optional
        Takes the reason in words if that state cannot be used.

    Raises
    ------
    InputError
        If the policy or the state is not valid, or if they do not match.
    """

    def __init__(
        self,
        policy: Mapping[str, Any],
        path: Path | None,
        horizon: int | None = None,
        *,
        levels: Sequence[float] = (),
        folder: Path | None = None,
        warn: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.path, self._folder, self._warn = path, folder, warn
        self.levels = tuple(levels)
        self.rows: list[int] = []
        self.learned: int | None = None
        self._open = policy if horizon is None else None  # until the first block shows the horizon
        if path is None or not _exists(path):
            self.router = start_router(policy, folder, horizon=horizon, levels=self.levels, warn=warn)
            return
        self._open = None
        value = snapshot.read_json(path)
        if not isinstance(value, Mapping) or value.get("format") != _FORMAT:
            raise InputError(Problem(str(path), "$.format", "something else", quoted(_FORMAT)))
        if value.get("version") != _VERSION:
            found = quoted(value.get("version"))
            raise InputError(Problem(str(path), "$.version", found, str(_VERSION), snapshot.OTHER_VERSION))
        self.router = Router.from_json(value.get("router"), f"{path}: $.router")
        rows = value.get("rows")
        if not isinstance(rows, list) or not all(type(row) is int for row in rows):
            raise InputError(Problem(str(path), "$.rows", quoted(rows), "an array of row numbers"))
        if len(rows) != self.router.waiting:
            found = f"{len(rows)} row numbers"
            raise InputError(
                Problem(str(path), "$.rows", found, f"{self.router.waiting}, one per waiting step")
            )
        learned = value.get("learned")
        if learned is not None and type(learned) is not int:
            raise InputError(Problem(str(path), "$.learned", quoted(learned), "a row number or null"))
        self.rows, self.learned = rows, learned
        wanted, had = RoutingPolicy.of(policy, horizon), self.router.policy
        problems = [
            Problem(
                str(path), f"$.router.policy.{field}", _shown(getattr(had, field)),
                f"{_shown(getattr(wanted, field))}, as asked for", "start with a new state file",
            )
            for field in differing_fields(had, wanted, horizon=horizon is not None)
        ]  # fmt: skip
        if problems:
            raise InputError(problems)

    def waits_for(self, block: Block) -> bool:
        """Tell whether the state holds an answer for a row of the block."""
        return not {*self.rows}.isdisjoint(block.rows)

    def require_new(self, block: Block) -> None:
        """Refuse a block with rows from which the router has learned.

        Raises
        ------
        InputError
            If there is such a row; the error names the first row and the last one learned from.
        """
        if self.learned is not None and block.rows[0] <= self.learned:
            found = f"row {block.rows[0]}, which the router has learned from"
            expected = f"rows after {self.learned}"
            hint = "leave out what was served, or start with a new state file"
            raise InputError(Problem(f"block {quoted(block.name)}", "", found, expected, hint))

    def answer(self, block: Block) -> list[list[float]]:
        """Return row number, served value, and low and high end of each interval, for each row of a block.

        See `require_new`. An end that is not known yet is NaN.
        """
        self.require_new(block)
        if self._open is not None and len(block.rows) > self.router.policy.horizon:
            self.router = start_router(
                self._open, self._folder, horizon=len(block.rows), levels=self.levels, warn=self._warn
            )
        self._open = None
        given = self.router.predict(block.forecasts, self.levels)
        columns = interval_columns(given) if isinstance(given, Prediction) else [given]
        self.rows = list(block.rows)
        self.save()
        return [list(row) for row in zip(block.rows, *(column.tolist() for column in columns), strict=True)]

    def learn(self, actuals: Actuals) -> None:
        """Wait for the actuals of the answered rows, and learn from them."""
        waiting = len(self.rows)
        while self.rows and (actual := actuals.next(self.rows[0])) is not None:
            self.router.update(actual)
            self.learned = self.rows.pop(0)
        if len(self.rows) < waiting:
            self.save()

    def save(self) -> None:
        """Write the state in one step."""
        if self.path is not None:
            value = {
                "format": _FORMAT, "version": _VERSION, "rows": self.rows, "learned": self.learned,
                "router": self.router.to_json(),
            }  # fmt: skip
            write_atomic(self.path, json_bytes(value))


def begun(session: Session, blocks: Iterator[Block]) -> Iterator[Block]:
    """Wait for the first block, check it, and return all blocks.

    Raises
    ------
    InputError
        See `Session.require_new`.
    """
    first = next(blocks, None)
    if first is None:
        return iter(())
    session.require_new(first)
    return chain([first], blocks)


def route_stream(session: Session, blocks: Iterator[Block], actuals: Actuals | None, output: TextIO) -> None:
    """Answer one block after the other; write and flush each answer before waiting for its actuals.

    If rows of an earlier run still wait for actuals, the router first learns from those. If these
    rows come again in the first block, the router answers them again, because that run ended
    before a reader got its answer.
    """
    output.write(",".join(["block", "row", "served", *level_names(session.levels)]) + "\n")
    output.flush()
    writer = csv.writer(output, lineterminator="\n")
    blocks = begun(session, blocks)
    first = next(blocks, None)
    if actuals is not None and (first is None or not session.waits_for(first)):
        session.learn(actuals)
    for block in chain([] if first is None else [first], blocks):
        for row, *values in session.answer(block):
            writer.writerow([block.name, row, *map(number_text, values)])
        output.flush()
        if actuals is not None:
            session.learn(actuals)


def level_names(levels: Sequence[float]) -> list[str]:
    """Return the names of the columns of intervals.

    >>> level_names((80.0, 97.5))
    ['low_80', 'high_80', 'low_97.5', 'high_97.5']
    """
    return [f"{end}_{level:g}" for level in levels for end in ("low", "high")]


def interval_columns(given: Prediction) -> list[Array]:
    """Return what was served, and the ends of the intervals in the order of `level_names`."""
    return [given.served, *(end for ends in zip(given.low, given.high, strict=True) for end in ends)]


def number_text(value: float) -> str:
    """Return a number for a cell; a blank one for NaN."""
    return "" if isnan(value) else repr(value)


def _exists(path: Path) -> bool:
    with as_input_error(path, "a state file, or none yet"):
        return access.exists(path)


def _shown(value: object) -> str:
    return some([quoted(name) for name in value]) if isinstance(value, tuple) else quoted(value)
