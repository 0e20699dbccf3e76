"""Features of one row for learners that map features to a value.

The features of a row use no value from the last `horizon` steps before it, except its own calendar.
Values are relative to the mean of the newest known period. This mean is added to the prediction
again. So a learner sees the shape of a day and not the level of the series.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from water_flow.series import WEEK, Known

NAMES = (
    "newest",
    "newest_1",
    "newest_2",
    "season_1",
    "season_2",
    "season_3",
    "week",
    "season_mean",
    "level_change",
    "hour_sin",
    "hour_cos",
    "hour_sin_2",
    "hour_cos_2",
    "saturday",
    "sunday",
)
SATURDAY, SUNDAY = 5, 6


def calendar(time: datetime) -> list[float]:
    """Position in the day (two harmonics) and in the week.

    Examples
    --------
    >>> calendar(datetime.fromisoformat("2022-03-26T06:00:00+01:00"))[:1]
    [1.0]
    """
    day = 2 * np.pi * (time.hour + time.minute / 60) / 24
    weekday = time.weekday()
    cycle = [float(wave(k * day)) for k in (1, 2) for wave in (np.sin, np.cos)]
    return [*cycle, float(weekday == SATURDAY), float(weekday == SUNDAY)]


def features(known: Known, slots: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of the rows at the grid positions `slots`, and the level to add to a prediction.

    Returns
    -------
    tuple of arrays
        Shapes (rows, features) and (rows,).
    """
    values, period = known.inputs, known.period
    cumulative = np.concatenate(([0.0], np.cumsum(values)))
    origins = slots - known.horizon
    level = (cumulative[origins + 1] - cumulative[origins + 1 - period]) / period
    before = (cumulative[origins + 1 - period] - cumulative[origins + 1 - 2 * period]) / period
    seasons = [values[slots - known.cycle - k * period] - level for k in range(WEEK - 1)]
    columns = [
        *(values[origins - k] - level for k in range(3)),
        *seasons[:3],
        values[slots - max(known.cycle, WEEK * period)] - level,
        np.mean(seasons, axis=0),
        level - before,
    ]
    dates = np.array([calendar(known.times[slot]) for slot in slots.tolist()])
    return np.column_stack([*columns, dates]), level
