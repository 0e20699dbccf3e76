"""The steps of an error CSV: when each is, of which series, with its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.error_columns import Role
from elpa_core.artifacts.error_csv import ErrorBlock
from elpa_core.artifacts.regular_times import StepTimes
from elpa_core.artifacts.row_refusals import nameless_series, row_place, time_place, unreadable_time
from elpa_core.artifacts.step_times import StepTimeError
from elpa_core.files.csv_cells import float_or_nan

Array = NDArray[np.float64]

Key = tuple[object, ...]
"""What tells the steps of a file apart; see `step_keys`."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps with their errors, in the order in which they are scored.

    Parameters
    ----------
    rows, lines : ndarray of int64, shape (n,)
        Data row and physical line of each, from 1.
    errors : ndarray of float64, shape (n,)
        Absolute errors.
    y_true, pred : ndarray of float64, shape (n,), or None
        Actuals and forecasts; NaN where a cell is blank, infinite where it is no number.
    time, origin : StepTimes or None
        When a step is, and when it was forecast.
    series : tuple of str, length n, or None
        To which series it belongs.
    text : tuple of str, length n, or None
        The times as the file has them.
    """

    rows: NDArray[np.int64]
    lines: NDArray[np.int64]
    errors: Array
    y_true: Array | None
    pred: Array | None
    time: StepTimes | None
    origin: StepTimes | None
    series: tuple[str, ...] | None
    text: tuple[str, ...] | None

    def take(self, chosen: NDArray[np.int64] | slice) -> Steps:
        """Return some of the steps."""
        places = np.arange(len(self.rows))[chosen].tolist()
        return Steps(
            self.rows[chosen],
            self.lines[chosen],
            self.errors[chosen],
            None if self.y_true is None else self.y_true[chosen],
            None if self.pred is None else self.pred[chosen],
            None if self.time is None else StepTimes(self.time.values[chosen], self.time.kind),
            None if self.origin is None else StepTimes(self.origin.values[chosen], self.origin.kind),
            None if self.series is None else tuple(self.series[place] for place in places),
            None if self.text is None else tuple(self.text[place] for place in places),
        )

    def with_usable_forecasts(self) -> Steps:
        """Return the steps, without their actuals, or forecasts, if one of these is no number."""
        y_true, pred = (
            None if column is None or np.isinf(column).any() else column
            for column in (self.y_true, self.pred)
        )
        return replace(self, y_true=y_true, pred=pred)

    @property
    def span(self) -> tuple[str, str] | None:
        """The first and the last time, as the file has them; None if it has none."""
        if self.time is None or self.text is None:
            return None
        return self.text[int(self.time.values.argmin())], self.text[int(self.time.values.argmax())]

    def place(self, index: int) -> str:
        """Return where a step stands in its file."""
        return row_place(self.rows[index], self.lines[index])


def step_keys(steps: Steps) -> list[Key]:
    """Return what tells steps apart: series, origin and time, as far as they are known.

    Steps without a time have their position, counted from the last one of their series.
    """
    parts: list[Sequence[object]] = []
    if steps.series is not None:
        parts.append(steps.series)
    if steps.time is None:
        return _positions(steps)
    if steps.origin is not None:
        parts.append(steps.origin.values.tolist())
    return [*zip(*parts, steps.time.values.tolist(), strict=True)]


def _positions(steps: Steps) -> list[Key]:
    if steps.series is None or len({*steps.series}) == 1:
        return [(position,) for position in (steps.rows - steps.rows[-1]).tolist()]
    last = dict(zip(steps.series, steps.rows.tolist(), strict=True))
    return [(name, row - last[name]) for name, row in zip(steps.series, steps.rows.tolist(), strict=True)]


def steps_of(
    blocks: Sequence[ErrorBlock], path: Path, named: Mapping[Role, str], most: int | None = None
) -> tuple[Steps, list[str]]:
    """Return the steps of blocks, and warnings about columns that no one named.

    Parameters
    ----------
    blocks : sequence of ErrorBlock, at least one
    path : Path
        Their file, for errors.
    named : mapping of str to str
        The columns that ``error_columns`` names.
    most : int, optional
        How many steps are wanted, the last ones.

    Raises
    ------
    ArtifactError
        If a named time cannot be read, or a named series is blank.
    """
    last = slice(None if most is None else -most, None)
    rows, lines = (
        np.fromiter(chain.from_iterable(getattr(block, name) for block in blocks), np.int64)[last]
        for name in ("rows", "lines")
    )
    errors = np.concatenate([block.errors for block in blocks])[last]
    cells = {role: [*chain.from_iterable(b.others[role] for b in blocks)][last] for role in blocks[0].others}
    y_true = pred = None
    if blocks[0].y_true is not None:
        y_true, pred = (
            np.concatenate([getattr(b, name) for b in blocks])[last] for name in ("y_true", "pred")
        )
    elif "y_true" in cells:
        y_true, pred = _forecasts(cells["y_true"]), _forecasts(cells.get("pred"))
    warnings: list[str] = []
    times: dict[Role, StepTimes | None] = {}
    for role in ("time", "origin"):
        times[role] = None
        if role in cells:
            try:
                times[role] = StepTimes.of(cells[role])
            except StepTimeError as error:
                place = time_place(rows[error.index], lines[error.index], role)
                if role in named:
                    raise unreadable_time(path, place, error) from error
                warnings.append(f"{place}: found {error.found}; expected {error.expected}: not used")
    series = _series(cells["series"], rows, lines, path, named) if "series" in cells else None
    text = tuple(map(_text, cells["time"])) if times["time"] is not None else None
    return Steps(rows, lines, errors, y_true, pred, times["time"], times["origin"], series, text), warnings


def _text(cell: str | bytes) -> str:
    return (cell.decode() if isinstance(cell, bytes) else cell).strip()


def _forecasts(cells: Sequence[str | bytes] | None) -> Array | None:
    """Return the numbers of a column that gives no error, NaN for blank cells, infinite for other text."""
    if cells is None:
        return None
    texts = [_text(cell) for cell in cells]
    values = np.array([float_or_nan(text) for text in texts])
    values[~np.isfinite(values)] = np.inf
    values[[not text for text in texts]] = np.nan
    return values


def _series(
    cells: Sequence[str | bytes],
    rows: NDArray[np.int64],
    lines: NDArray[np.int64],
    path: Path,
    named: Mapping[Role, str],
) -> tuple[str, ...]:
    names = tuple(map(_text, cells))
    if "series" in named and "" in names:
        index = names.index("")
        raise nameless_series(path, row_place(rows[index], lines[index]), named["series"])
    return names
