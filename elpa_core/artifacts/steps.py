"""The steps of an error CSV: when each is, of which series, with its error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.error_columns import Role
from elpa_core.artifacts.error_csv import TIMES, ErrorBlock, Whole
from elpa_core.artifacts.growing_column import GrowingColumn
from elpa_core.artifacts.plain_cells import Texts, plain
from elpa_core.artifacts.regular_times import StepTimes
from elpa_core.artifacts.row_refusals import nameless_series, row_place, time_place, unreadable_time
from elpa_core.artifacts.series_codes import SeriesCodes, SeriesNames
from elpa_core.artifacts.step_times import StepTimeError
from elpa_core.files.csv_cells import float_or_nan
from elpa_core.scores.ewma import ewma_scores

Array = NDArray[np.float64]

_AT_ONCE = 65_536

Key = tuple[object, ...]
"""What tells the steps of a file apart; see `step_keys`."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps with their errors, in the order in which they are scored.

    Parameters
    ----------
    rows, lines : ndarray of int, shape (n,)
        Data row and physical line of each, from 1.
    errors : ndarray of float64, shape (n,)
        Absolute errors.
    y_true, pred : ndarray of float64, shape (n,), or None
        Actuals and forecasts; NaN where a cell is blank, infinite where it is no number.
    time, origin : StepTimes or None
        When a step is, and when it was forecast.
    series : SeriesCodes or None
        To which series each belongs.
    text : ndarray of bytes, shape (n,), or None
        The times as the file has them.
    """

    rows: Whole
    lines: Whole
    errors: Array
    y_true: Array | None
    pred: Array | None
    time: StepTimes | None
    origin: StepTimes | None
    series: SeriesCodes | None
    text: Texts | None

    def take(self, chosen: NDArray[np.int64] | slice) -> Steps:
        """Return some of the steps."""
        columns: list[Any] = [getattr(self, one.name) for one in fields(self)]
        taken: list[Any] = [None if column is None else column[chosen] for column in columns]
        return Steps(*taken)

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
        times = self.time.values
        return plain(self.text[times.argmin()]), plain(self.text[times.argmax()])

    def times_of(self, places: NDArray[np.int64]) -> tuple[str, ...] | None:
        """Return the times of some of the steps, as the file has them; None if it has none."""
        return None if self.text is None else tuple(map(plain, self.text[places].tolist()))

    def place(self, index: int) -> str:
        """Return where a step stands in its file."""
        return row_place(self.rows[index], self.lines[index])


class StepsBySeries(Mapping[str, Steps]):
    """Steps by the name of their series, in the order of these names.

    Parameters
    ----------
    steps : Steps
        Those of all series.
    series : SeriesCodes
        Their series.
    order : ndarray of int64, shape (n,)
        The steps of the first series, then those of the second one, and so on.
    """

    def __init__(self, steps: Steps, series: SeriesCodes, order: NDArray[np.int64]) -> None:
        self._steps, self._order = steps, order
        self._lengths = np.bincount(series.codes, minlength=len(series.names))
        ends = pairwise([0, *np.cumsum(self._lengths).tolist()])
        self._places = {name: slice(*one) for name, one in zip(series.names, ends, strict=True)}

    def scores(self, beta: float) -> dict[str, float]:
        """Return the EWMA score of each series."""
        scores = ewma_scores(self._steps.errors[self._order], self._lengths, beta)
        return dict(zip(self, scores, strict=True))

    def __getitem__(self, name: str) -> Steps:
        return self._steps.take(self._order[self._places[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def step_keys(steps: Steps) -> list[Key]:
    """Return what tells steps apart: series, origin and time, as far as they are known.

    Steps without a time have their position, counted from the last one of their series.
    """
    names = steps.series.each() if steps.series is not None else None
    if steps.time is None:
        return _positions(steps, names)
    parts: list[Sequence[object]] = [] if names is None else [names]
    if steps.origin is not None:
        parts.append(steps.origin.values.tolist())
    return [*zip(*parts, steps.time.values.tolist(), strict=True)]


def _positions(steps: Steps, names: Sequence[str] | None) -> list[Key]:
    if names is None or len({*names}) == 1:
        return [(position,) for position in (steps.rows - steps.rows[-1]).tolist()]
    rows = steps.rows.tolist()
    last = dict(zip(names, rows, strict=True))
    return [(name, row - last[name]) for name, row in zip(names, rows, strict=True)]


def in_order(keys: Sequence[NDArray[Any]]) -> bool:
    """Tell whether rows stand in the order of keys, the last of which counts most.

    >>> in_order([np.array([5, 6, 5]), np.array([1, 1, 2])]), in_order([np.array([5, 6, 5])])
    (True, False)
    """
    is_equal: NDArray[np.bool_] | bool = True
    is_before = np.zeros(len(keys[0]) - 1, np.bool_)
    for key in reversed(keys):
        is_before |= is_equal & (key[1:] < key[:-1])
        is_equal &= key[1:] == key[:-1]
    return not is_before.any()


def first_double(keys: Sequence[NDArray[Any]], order: NDArray[np.int64]) -> int | None:
    """Return the first place in an order whose keys are those of the next one, or None.

    >>> first_double([np.array([5, 6, 5]), np.array([1, 2, 1])], np.array([1, 0, 2]))
    1
    """
    for first in range(0, len(order), _AT_ONCE):
        some = order[first : first + _AT_ONCE + 1]
        same = np.ones(len(some) - 1, np.bool_)
        for key in keys:
            found = key[some]
            same &= found[1:] == found[:-1]
        if same.any():
            return first + int(np.argmax(same))
    return None


class _Columns:
    """The last rows of columns, gathered block by block."""

    def __init__(self, last: slice) -> None:
        self._last = last
        self._columns: defaultdict[str, GrowingColumn] = defaultdict(GrowingColumn)
        self._names = SeriesNames()

    def add(self, block: ErrorBlock) -> None:
        for name in ("rows", "lines", "errors", "y_true", "pred"):
            self._add(name, getattr(block, name))
        for role, cells in block.others.items():
            if role == "series":
                self._names.add(cells)
            else:
                self._add(role, _forecasts(cells) if role in ("y_true", "pred") else cells)

    def _add(self, name: str, part: NDArray[Any] | None) -> None:
        if part is not None:
            self._columns[name].add(part)

    def column(self, name: str) -> Any:
        """Return a column, or None if there is none."""
        column = self._columns[name].whole()
        return None if column is None else column[self._last]

    def series(self) -> SeriesCodes | None:
        """Return the column of series, or None if there is none."""
        found = self._names.series()
        return None if found is None else found[self._last]


def steps_of(
    blocks: Iterable[ErrorBlock], path: Path, named: Mapping[Role, str], most: int | None = None
) -> tuple[Steps, list[str]]:
    """Return the steps of blocks, and warnings about columns that no one named.

    Parameters
    ----------
    blocks : iterable of ErrorBlock, at least one
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
    columns = _Columns(slice(None if most is None else -most, None))
    for block in blocks:
        columns.add(block)
    rows, lines, errors, y_true, pred = map(columns.column, ("rows", "lines", "errors", "y_true", "pred"))
    warnings: list[str] = []
    times: dict[Role, StepTimes] = {}
    text = None
    for role in TIMES[::-1]:
        cells = columns.column(role)
        if cells is None:
            continue
        try:
            times[role] = StepTimes.of(cells)
        except StepTimeError as error:
            place = time_place(rows[error.index], lines[error.index], role)
            if role in named:
                raise unreadable_time(path, place, error) from error
            warnings.append(f"{place}: found {error.found}; expected {error.expected}: not used")
        else:
            text = cells if role == "time" else text
    series = columns.series()
    if series is not None and "series" in named and series.names[0] == "":
        index = int(np.argmin(series.codes))
        raise nameless_series(path, row_place(rows[index], lines[index]), named["series"])
    if y_true is None:
        pred = None
    found = Steps(rows, lines, errors, y_true, pred, times.get("time"), times.get("origin"), series, text)
    return found, warnings


def _forecasts(cells: Texts) -> Array:
    """Return the numbers of a column that gives no error, NaN for blank cells, infinite for other text."""
    texts = [cell.decode() for cell in cells.tolist()]
    values = np.array([float_or_nan(text) for text in texts])
    values[~np.isfinite(values)] = np.inf
    values[[not text.strip() for text in texts]] = np.nan
    return values
