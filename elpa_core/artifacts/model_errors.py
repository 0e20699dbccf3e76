"""What a policy takes from a model's error CSV, read in one pass: its score, and its last steps."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.error_columns import NONE_NAMED, Role
from elpa_core.artifacts.error_csv import (
    ErrorBlock,
    UnreadBlock,
    iter_error_blocks,
    iter_unread_blocks,
)
from elpa_core.artifacts.regular_times import StepTimes
from elpa_core.artifacts.row_refusals import overflow, repeated_step, row_place, series_without_actuals
from elpa_core.artifacts.step_times import StepTimeError
from elpa_core.artifacts.steps import Steps, StepsBySeries, first_double, in_order, steps_of
from elpa_core.scores.ewma import EwmaScore, SumOverflowError, ewma_score, score_of_end

MOST_STEPS = 10_000
"""Number of rows, the last ones, on which models are compared and evaluated."""
_MOST_BETA = 0.995
"""Above it the last `MOST_STEPS` errors do not decide a score."""
_SURE_NOT_TO_OVERFLOW = 1e300
_AT_ONCE = 65_536
_CHANGE = 100.0
"""Factor between the sizes of two series in one file, as a warning guesses them."""

Block = TypeVar("Block", bound=ErrorBlock | UnreadBlock)


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """A model's error CSV.

    Parameters
    ----------
    score : float or None
        EWMA score of the errors; None if ``series`` has one for each series.
    rows : int
        Number of rows that were used.
    sha256 : str
        SHA-256 of the file's bytes, hexadecimal.
    window : Steps
        The last `MOST_STEPS` rows.
    series : mapping of str to Steps
        All steps by series, in the order of the series' names, if ``error_columns`` names a column of
        series; else empty.
    series_scores : mapping of str to float
        The EWMA score of each series.
    warnings : tuple of str
        What its author should know.
    """

    score: float | None
    rows: int
    sha256: str
    window: Steps
    series: Mapping[str, Steps] = field(default_factory=dict)
    series_scores: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_model_errors(path: Path, beta: float, named: Mapping[Role, str] = NONE_NAMED) -> ModelErrors:
    r"""Read an error CSV, and score it.

    Rows are scored as they stand. All of them are checked; as a rule the last ones decide the score, and
    only their numbers are read. Where they do not, the file is read again.

    If ``named`` has ``time``, rows are scored in the order of (``origin``, ``time``). If it has ``series``,
    each series is scored by itself. If one of the three is named, all rows are held in memory, about 100
    bytes each, unless rows stand in the order of ``time`` and ``series`` is not named.

    Parameters
    ----------
    path : Path
        The file.
    beta : float
        EWMA factor, in [0, 1).
    named : mapping of str to str, optional
        The columns that ``error_columns`` names.

    Raises
    ------
    ArtifactError
        If the file is not an error CSV (see `iter_error_blocks`); if the sum of its errors overflows; if a
        named time cannot be read or compared, a step is there twice, or a series has no name or no actuals.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "errors.csv")
    ...     _ = path.write_text("y_true,pred\n5,1\n3,5\n2,1\n")
    ...     found = read_model_errors(path, beta=0.5)
    >>> found.score, found.rows
    (2.0, 3)
    """
    may_end_decide = (
        beta <= _MOST_BETA and "series" not in named and ("time" in named or "origin" not in named)
    )
    if may_end_decide and (decided := _scored_by_end(path, beta, named)) is not None:
        return decided
    if not named.keys().isdisjoint(("time", "origin", "series")):
        return _scored_by_name(path, beta, named)
    return _scored_as_they_stand(path, beta, named)


def _scored_by_end(path: Path, beta: float, named: Mapping[Role, str]) -> ModelErrors | None:
    """Check all rows and read the numbers of the last; return None if these do not decide the score."""
    digest = hashlib.sha256()
    last: deque[ErrorBlock | UnreadBlock] = deque()
    count = kept = 0
    bound = total = 0.0
    order = _Order(named) if "time" in named else None
    for block in iter_unread_blocks(path, digest.update, named):
        if order is not None and not order.goes_on(block):
            return None
        count += block.size
        bound = max(bound, block.bound)
        total += block.size * block.bound
        if not total < _SURE_NOT_TO_OVERFLOW:
            return None
        kept = _keep_last(last, kept, block.to_keep() if isinstance(block, UnreadBlock) else block)
    blocks = [block.read() if isinstance(block, UnreadBlock) else block for block in last]
    errors = np.concatenate([block.errors for block in blocks])
    score = ewma_score(errors, beta) if kept == count else score_of_end(errors, bound, beta)
    return None if score is None else _model_errors(score, count, digest.hexdigest(), blocks, path, named)


def _scored_as_they_stand(path: Path, beta: float, named: Mapping[Role, str]) -> ModelErrors:
    """Read the numbers of all rows."""
    digest = hashlib.sha256()
    score = EwmaScore(beta)
    last: deque[ErrorBlock] = deque()
    kept = 0
    for block in iter_error_blocks(path, digest.update, named):
        try:
            score.update(block.errors)
        except SumOverflowError as error:
            raise overflow(path, row_place(block.rows[error.index], block.lines[error.index])) from error
        kept = _keep_last(last, kept, block)
    return _model_errors(score.value, score.count, digest.hexdigest(), list(last), path, named)


class _Order:
    """Tells whether rows stand in the order of their named times, each once."""

    def __init__(self, named: Mapping[Role, str]) -> None:
        self._named = named
        self._last: dict[Role, StepTimes] = {}

    def goes_on(self, block: ErrorBlock | UnreadBlock) -> bool:
        """Tell whether that holds for the next block too, and all its times can be read."""
        try:
            times = block.times()
        except StepTimeError:
            return False
        is_later = np.zeros(block.size, np.bool_)
        is_equal = np.ones(block.size, np.bool_)
        for role, found in times.items():
            values, last = found.values, self._last.get(role, found)
            if last.kind != found.kind:
                return False
            before = np.concatenate((last.values[-1:], values[:-1]))
            if role in self._named:
                is_later |= is_equal & (values > before)
                is_equal &= values == before
        is_first = not self._last
        self._last = dict(times)
        return bool(is_later[is_first:].all())


def _keep_last(last: deque[Block], kept: int, block: Block) -> int:
    """Add a block, drop those before the last `MOST_STEPS` rows, and return how many rows are kept."""
    last.append(block)
    kept += block.size
    while kept - last[0].size >= MOST_STEPS:
        kept -= last.popleft().size
    return kept


def _model_errors(
    score: float, count: int, sha256: str, last: list[ErrorBlock], path: Path, named: Mapping[Role, str]
) -> ModelErrors:
    steps, warnings = steps_of(last, path, named, MOST_STEPS)
    steps = steps.with_usable_forecasts()
    if "time" not in named:
        steps, more = _without_doubles(steps)
        warnings += more
    return ModelErrors(score, count, sha256, steps, warnings=(*warnings, *_out_of_order(steps)))


def _scored_by_name(path: Path, beta: float, named: Mapping[Role, str]) -> ModelErrors:
    """Score steps in the order of their times, and each series by itself, as far as columns are named."""
    digest = hashlib.sha256()
    steps, warnings = steps_of(iter_error_blocks(path, digest.update, named), path, named)
    order = np.arange(len(steps.rows))
    if steps.time is not None and "time" in named:
        keys = _time_keys(steps, named)
        if not in_order(keys):
            order = np.lexsort(keys)
        _refuse_doubles(steps, order, path, named)
    else:
        steps, more = _without_doubles(steps)
        warnings += more
    score = EwmaScore(beta)
    for first in range(0, len(order), _AT_ONCE):
        some = order[first : first + _AT_ONCE]
        try:
            score.update(steps.errors[some])
        except SumOverflowError as error:
            raise overflow(path, steps.place(some[error.index])) from error
    steps = steps.with_usable_forecasts() if "series" in named else steps
    window = steps.take(order[-MOST_STEPS:]).with_usable_forecasts()
    if "series" not in named or steps.series is None:
        more = list(_out_of_order(window))
        return ModelErrors(score.value, score.count, digest.hexdigest(), window, warnings=(*warnings, *more))
    if steps.y_true is None or not np.isfinite(steps.y_true).all():
        raise series_without_actuals(path)
    order = steps.series.order(order)
    series = StepsBySeries(replace(steps, pred=None, text=None), steps.series, order)
    return ModelErrors(
        None, score.count, digest.hexdigest(), window, series, series.scores(beta), tuple(warnings)
    )


def _time_keys(steps: Steps, named: Mapping[Role, str]) -> list[NDArray[Any]]:
    """Return what orders steps, the last of it counts most."""
    times = [steps.time, steps.origin if "origin" in named else None]
    return [one.values for one in times if one is not None]


def _refuse_doubles(steps: Steps, order: NDArray[np.int64], path: Path, named: Mapping[Role, str]) -> None:
    """Refuse a step that is there twice; the order is that of the times."""
    keys = _time_keys(steps, named)
    if steps.series is not None and "series" in named:
        keys.append(steps.series.codes)
        order = steps.series.order(order)
    index = first_double(keys, order)
    if index is None:
        return
    roles: dict[Role, object] = {"origin": steps.origin, "series": steps.series}
    found = [role for role, column in roles.items() if column is not None]
    first, again = (steps.place(order[place]) for place in (index, index + 1))
    raise repeated_step(path, first, again, found, named)


def _without_doubles(steps: Steps) -> tuple[Steps, list[str]]:
    """Take no notice of times that stand twice in a file, where no one named them."""
    if steps.time is None:
        return steps, []
    keys: list[NDArray[Any]] = [one.values for one in (steps.time, steps.origin) if one is not None]
    if steps.series is not None:
        keys.append(steps.series.codes)
    if first_double(keys, np.lexsort(keys)) is None:
        return steps, []
    warning = "its times are not used: one of them stands twice; name the columns of origin and series, too"
    return replace(steps, time=None, text=None), [warning]


def _out_of_order(steps: Steps) -> Iterator[str]:
    """Yield what is odd in the order of rows that are scored as they stand."""
    if steps.series is not None and (count := steps.series.count) > 1:
        yield f"it holds {count} series, scored as one; name their column in error_columns: series"
        return
    if steps.time is not None and steps.origin is None:
        back = np.flatnonzero(steps.time.values[1:] < steps.time.values[:-1])
        if back.size:
            place = steps.place(int(back[0]) + 1)
            hint = "name the column in error_columns: time, and rows are scored in the order of time"
            yield f"{place}: its time is before that of the row above, scored as it stands; {hint}"
    if steps.y_true is not None and (index := _change_of_size(np.abs(steps.y_true))) is not None:
        hint = "if it holds several series, name their column in error_columns: series"
        yield f"{steps.place(index)}: from here on the actuals are of another size; {hint}"


def _change_of_size(sizes: NDArray[np.float64]) -> int | None:
    """Return where all sizes before are over a hundred times those from there on, or the other way round.

    >>> _change_of_size(np.array([1e6, 2e6, 1.0, 3.0])), _change_of_size(np.array([1.0, 200.0, 1.0]))
    (2, None)
    """
    known = np.flatnonzero(np.isfinite(sizes))
    values = sizes[known]
    least, most = np.minimum.accumulate, np.maximum.accumulate
    falls = least(values)[:-1] / _CHANGE > most(values[::-1])[::-1][1:]
    rises = least(values[::-1])[::-1][1:] / _CHANGE > most(values)[:-1]
    places = np.flatnonzero(falls | rises)
    return int(known[places[0] + 1]) if places.size else None
