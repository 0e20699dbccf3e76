"""Mutations: steps at which what was served is off by far; the steps after them are dirty.

On these the router serves ``recent`` of the online models alone. The amplitude factor is told, not used.
"""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answer import Answer
from elpa_core.routing.limits import within
from elpa_core.routing.method import Method
from elpa_core.routing.state import Array, State

GAIN_RANGE = (0.5, 2.0)


def amplitude_factor(state: State) -> float:
    """Return the ratio of actuals to offline forecasts over a full window, in size, moved half-way to 1."""
    forecast = float(np.sum(state.window_forecast))
    if state.window_rows < len(state.window_actual) or forecast <= 0.0:
        return 1.0
    return 1.0 + (within(float(np.sum(state.window_actual)) / forecast, *GAIN_RANGE) - 1.0) * 0.5


def react_one(state: State, given: Answer, actual: float, limited: float, method: Method) -> None:
    """Count a dirty step, or remember a clean one; then tell whether the step was a mutation."""
    if state.dirty:
        state.dirty -= 1
    else:
        place = state.window_rows % len(state.window_actual)
        state.window_actual[place], state.window_forecast[place] = abs(limited), abs(given.offline)
        state.window_rows += 1
    state.mutated = 0
    if method.epsilon < inf:
        size = max(abs(actual), abs(given.served), state.phi)
        if abs(actual - given.served) > method.epsilon * size:
            state.mutated, state.dirty = 1, method.dirty_interval


def react_many(state: State, given: Answer, actual: Array, limited: Array, method: Method) -> None:
    """Do the same for each series."""
    rows, window = state.window_rows, len(state.window_actual)
    columns: NDArray[np.int64] | slice = slice(None)
    places: NDArray[np.int64] | int = int(rows[0]) % window
    if state.dirty.any() or (rows != rows[0]).any():
        columns = np.flatnonzero(state.dirty == 0)
        places = rows[columns] % window
        np.maximum(state.dirty - 1, 0, out=state.dirty)
    state.window_actual[places, columns] = np.abs(limited[columns])
    state.window_forecast[places, columns] = np.abs(given.offline[columns])
    rows[columns] += 1
    state.mutated[:] = 0
    if method.epsilon < np.inf:
        size = np.maximum(np.maximum(np.abs(actual), np.abs(given.served)), state.phi)
        mutation = np.abs(actual - given.served) > method.epsilon * size
        state.mutated[mutation], state.dirty[mutation] = 1, method.dirty_interval
