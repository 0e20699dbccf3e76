"""Read an hourly series and split it into training and validation rows.

Three rules keep future values out of a forecast. Reading stops at the first row at or after ``as_of``.
A missing hour takes the value one period before it, because interpolation would use the hour after it.
An outlier (in the packaged data: hours of maintenance) takes the same value; the bounds of outliers come
from the training rows only. Filled hours are inputs only: no row model is fitted to them, and the score
uses every recorded hour as recorded.
"""

import csv
import importlib.util
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PACKAGED = {"river:water-flow": ("river", "datasets/water-flow.csv")}
STEP = timedelta(hours=1)
WEEK = 7  # periods: the longest lag of the features, in addition to the horizon
OUTLIER_DEVIATIONS = 5
MAD_TO_STD = 1.4826  # the standard deviation of a normal distribution whose MAD is 1


class DataError(Exception):
    """The data cannot be used for training; the message gives the reason in one line."""


@dataclass(frozen=True)
class Series:
    """The recorded rows of an hourly series, in time order.

    Parameters
    ----------
    times
        Aware local times of the rows, as recorded.
    values
        The recorded values, shape (rows,).
    """

    times: list[datetime]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What a forecast starts from.

    Parameters
    ----------
    horizon, period
        Steps (hours) of a forecast; steps of a cycle.
    inputs
        The series on a gapless hourly grid, gaps and outliers filled, shape (hours,).
    times
        Local time by grid position, of each row that is recorded or to be forecast.
    """

    horizon: int
    period: int
    inputs: NDArray[np.float64]
    times: dict[int, datetime]

    @property
    def cycle(self) -> int:
        """Steps back to the newest known value at the same position in the cycle."""
        return -(-self.horizon // self.period) * self.period


@dataclass(frozen=True)
class Split(Known):
    """One training task: the rows for the fit, and the rows to forecast.

    Parameters
    ----------
    seed
        Random seed.
    fit, validation
        Grid positions of the rows to fit to and of the rows to forecast.
    y_true
        Recorded values of the validation rows, outliers included.
    """

    seed: int
    fit: NDArray[np.intp]
    validation: NDArray[np.intp]
    y_true: NDArray[np.float64]

    @property
    def start(self) -> int:
        """Grid position of the first validation row."""
        return int(self.validation[0])


class Forecaster(Protocol):
    """A trained model."""

    def forecast(self, known: Known, slots: NDArray[np.intp]) -> NDArray[np.float64]:
        """Forecast the rows at grid positions, each from what is known `horizon` hours before it."""


def dataset_path(dataset: str) -> Path:
    """Return the path of a CSV file, or of a data set in an installed package.

    Raises
    ------
    DataError
        If the package is not installed, or the file does not exist.
    """
    path = Path(dataset)
    if dataset in PACKAGED:
        package, inside = PACKAGED[dataset]
        found = importlib.util.find_spec(package)  # finds the folder without an import of the package
        if found is None or found.origin is None:
            raise DataError(f"dataset {dataset}: the package {package} is not installed")
        path = Path(found.origin).parent / inside
    if not path.is_file():
        raise DataError(f"dataset {dataset}: no such file; known names: {', '.join(PACKAGED)}")
    return path


def read_series(path: Path, as_of: datetime | None = None) -> Series:
    """Read the rows before `as_of` from a CSV file: a header, then a time and a value in each row.

    Raises
    ------
    DataError
        If a row before `as_of` is unreadable, out of order or not a whole number of hours after the first.
    """
    times: list[datetime] = []
    values: list[float] = []
    # Undecodable bytes after as_of may share a buffer with the rows before it, so they are no error.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for row in filter(None, rows):
            place = f"{path}, line {rows.line_num}"
            time = _time(row[0], place)
            if as_of is not None and time >= as_of:
                break
            if times and time <= times[-1]:
                raise DataError(f"{place}: {row[0]} is not later than the row before")
            if times and (time - times[0]) % STEP:
                raise DataError(f"{place}: {row[0]} is not a whole number of hours after the first row")
            times.append(time)
            values.append(_value(row, place))
    return Series(times, np.array(values, dtype=np.float64))


def _time(text: str, place: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{place}: expected an ISO 8601 time, found {text!r}") from None
    if time.tzinfo is None:
        raise DataError(f"{place}: expected a time with a UTC offset, found {text!r}")
    return time


def _value(row: list[str], place: str) -> float:
    try:
        value = float(row[1])
    except (ValueError, IndexError):
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{place}: expected a finite number in the second column, found {row[1:2]}")
    return value


def fill_gaps(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Replace each NaN by the value one period before, or the value before in the first period.

    The first value must be known.

    Examples
    --------
    >>> fill_gaps(np.array([1.0, np.nan, 3.0, np.nan, np.nan]), period=2).tolist()
    [1.0, 1.0, 3.0, 1.0, 3.0]
    """
    filled = values.copy()
    for i in np.flatnonzero(np.isnan(filled)):
        filled[i] = filled[i - period] if i >= period else filled[i - 1]
    return filled


def outlier_bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median plus and minus five robust standard deviations; infinite if most values are equal.

    Examples
    --------
    >>> low, high = outlier_bounds(np.array([99.0, 100.0, 100.0, 101.0, 102.0, 24.0]))
    >>> round(low, 1), round(high, 1)
    (92.6, 107.4)
    """
    median = float(np.median(values))
    deviation = MAD_TO_STD * float(np.median(np.abs(values - median)))
    reach = OUTLIER_DEVIATIONS * deviation or math.inf
    return median - reach, median + reach


def warm_up(horizon: int, period: int) -> int:
    """Return the hours of history that the features of one row need."""
    return horizon + WEEK * period


def cut(series: Series, *, horizon: int, period: int, seed: int, validation_rows: int) -> Split:
    """Keep the last rows for validation and prepare the inputs.

    Raises
    ------
    DataError
        If there are fewer rows than needed for history, a fit to seven periods, and validation.
    """
    found, history = len(series.times), warm_up(horizon, period)
    needed = history + WEEK * period + validation_rows
    if found < needed:
        raise DataError(
            f"too little data: {found} rows found, {needed} needed ({history} of history, "
            f"{WEEK * period} to fit to, {validation_rows} for validation)"
        )
    slots, usual, inputs = _on_grid(series, period, outlier_bounds(series.values[:-validation_rows]))
    fit = slots[:-validation_rows][usual[:-validation_rows]]
    return Split(
        horizon=horizon,
        period=period,
        seed=seed,
        inputs=inputs,
        fit=fit[fit >= history],
        validation=slots[-validation_rows:],
        times=dict(zip(slots.tolist(), series.times, strict=True)),
        y_true=series.values[-validation_rows:],
    )


def ahead(series: Series, *, horizon: int, period: int) -> tuple[Known, NDArray[np.intp]]:
    """Return what is known, and the grid positions of the `horizon` hours after the last row.

    Raises
    ------
    DataError
        If there are fewer rows than a forecast needs.
    """
    found, needed = len(series.times), warm_up(horizon, period)
    if found < needed:
        raise DataError(f"too little data: {found} rows found, {needed} needed")
    slots, _, inputs = _on_grid(series, period, outlier_bounds(series.values))
    last = int(slots[-1])
    times = {last + hours: series.times[-1] + hours * STEP for hours in range(1, horizon + 1)}
    known = Known(horizon=horizon, period=period, inputs=inputs, times=times)
    return known, np.arange(last + 1, last + 1 + horizon)


def _on_grid(
    series: Series, period: int, bounds: tuple[float, float]
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]:
    """Return the grid position of each row, whether its value is no outlier, and the filled grid."""
    slots = np.array([(time - series.times[0]) // STEP for time in series.times], dtype=np.intp)
    low, high = bounds
    usual = (series.values >= low) & (series.values <= high)
    usual[0] = True  # no earlier row could replace its value
    grid = np.full(slots[-1] + 1, np.nan)
    grid[slots[usual]] = series.values[usual]
    return slots, usual, fill_gaps(grid, period)
