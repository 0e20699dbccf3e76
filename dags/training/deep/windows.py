"""The series as neuralforecast takes it: hours without a time zone, one window per validation row."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from water_flow.series import STEP, Split


def training_hours(split: Split) -> pd.DataFrame:
    """Return the hours before the first validation row: ``unique_id``, ``ds``, ``y``."""
    slots = np.arange(split.start)
    return _frame("flow", split, slots)


def validation_windows(split: Split, size: int) -> pd.DataFrame:
    """Return the ``size`` hours that are known ``horizon`` hours before each validation row.

    Each window is a series of its own, whose ``unique_id`` is the row's position on the grid; so one call
    forecasts all rows. Windows at the start of the data are shorter.
    """
    ends = split.validation - split.horizon + 1
    windows = [
        _frame(f"{row:09}", split, np.arange(max(0, end - size), end))
        for row, end in zip(split.validation.tolist(), ends.tolist(), strict=True)
    ]
    return pd.concat(windows, ignore_index=True)


def last_steps(forecasts: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return the last step of the forecast from each window: that of its validation row, oldest first."""
    ordered = forecasts.sort_values(["unique_id", "ds"])
    return ordered.groupby("unique_id")[column].last().to_numpy(dtype=np.float64)


def _frame(name: str, split: Split, slots: NDArray[np.intp]) -> pd.DataFrame:
    start = _utc(split.times[0])
    times = [start + int(slot) * STEP for slot in (slots[0], slots[-1])]
    hours = pd.date_range(*times, freq="h")
    return pd.DataFrame({"unique_id": name, "ds": hours, "y": split.inputs[slots]})


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)
