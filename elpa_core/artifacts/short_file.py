"""Check an error CSV of few rows without numpy, whose import takes longer than the check."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from elpa_core.artifacts.error_columns import Role
from elpa_core.artifacts.error_rows import ErrorReader, ErrorRows
from elpa_core.artifacts.row_refusals import (
    nameless_series,
    overflow,
    repeated_step,
    row_place,
    series_without_actuals,
    time_place,
    unreadable_time,
)
from elpa_core.artifacts.step_times import StepTimeError, step_times
from elpa_core.files.csv_cells import float_or_nan

FEW_ROWS = 10_000
"""A file of fewer usable rows is checked without numpy."""


class CheckedErrors(NamedTuple):
    """What is known of an error CSV that can be used: its usable rows, and the SHA-256 of its bytes."""

    rows: int
    sha256: str


def check_short_file(path: Path, named: Mapping[Role, str]) -> CheckedErrors | None:
    """Check all that `read_model_errors` checks, or return None if the file has `FEW_ROWS` or more.

    Parameters
    ----------
    path : Path
        The file.
    named : mapping of str to str
        The columns that ``error_columns`` names.

    Raises
    ------
    ArtifactError
        As `read_model_errors` does.
    """
    digest = hashlib.sha256()
    reader = ErrorReader(path, named)
    by_name = "time" in named or "series" in named
    blocks: list[ErrorRows] = []
    count, total = 0, 0.0
    for block in reader.rows(digest.update):
        count += len(block.rows)
        if count >= FEW_ROWS:
            return None
        if not by_name:
            total = _add(total, block.errors(), [*map(row_place, block.rows, block.lines)], path)
        blocks.append(block)
    _Rows(blocks, path, named).check(by_name=by_name)
    return CheckedErrors(count, digest.hexdigest())


def _add(total: float, errors: list[float], places: list[str], path: Path) -> float:
    for error, place in zip(errors, places, strict=True):
        total += error
        if total == math.inf:
            raise overflow(path, place)
    return total


class _Rows:
    """All rows of a file, with what ``error_columns`` names."""

    def __init__(self, blocks: list[ErrorRows], path: Path, named: Mapping[Role, str]) -> None:
        self.path, self.named = path, named
        self.rows = [row for block in blocks for row in block.rows]
        self.lines = [line for block in blocks for line in block.lines]
        self.errors = [error for block in blocks for error in block.errors()]
        roles = blocks[0].others
        self.cells = {role: [cell for block in blocks for cell in block.others[role]] for role in roles}

    def check(self, *, by_name: bool) -> None:
        times = {role: self._times(role) for role in ("time", "origin") if role in self.named}
        names = self._series() if "series" in self.named else None
        if not by_name:
            return
        order = list(range(len(self.rows)))
        if "time" in times:
            keys = [*zip(*(times[role] for role in ("origin", "time") if role in times), strict=True)]
            order.sort(key=keys.__getitem__)
            self._refuse_doubles(order, keys, names)
        _add(0.0, [self.errors[index] for index in order], [*map(self._place, order)], self.path)
        if names is not None and not all(map(math.isfinite, map(float_or_nan, self.cells.get("y_true", ())))):
            raise series_without_actuals(self.path)

    def _place(self, index: int) -> str:
        return row_place(self.rows[index], self.lines[index])

    def _times(self, role: Role) -> list[float] | list[int]:
        try:
            return step_times(self.cells[role])[0]
        except StepTimeError as error:
            place = time_place(self.rows[error.index], self.lines[error.index], role)
            raise unreadable_time(self.path, place, error) from error

    def _series(self) -> list[str]:
        names = [cell.strip() for cell in self.cells["series"]]
        if "" in names:
            raise nameless_series(self.path, self._place(names.index("")), self.named["series"])
        return names

    def _refuse_doubles(
        self, order: list[int], keys: list[tuple[float, ...]], names: list[str] | None
    ) -> None:
        steps = {index: (names[index] if names else "", *keys[index]) for index in order}
        by_step = sorted(order, key=steps.__getitem__)
        for first, again in pairwise(by_step):
            if steps[first] == steps[again]:
                found: list[Role] = [role for role in ("origin", "series") if self._is_used(role)]
                raise repeated_step(self.path, self._place(first), self._place(again), found, self.named)

    def _is_used(self, role: Role) -> bool:
        """Tell whether a column is there and, if it is of times, can be read."""
        try:
            return role in self.cells and (role == "series" or bool(step_times(self.cells[role])))
        except StepTimeError:
            return False
