"""Check forecasts and actuals before anything is changed by them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elpa_core.errors import ElpaError, InputError, Problem, quoted
from elpa_core.routing.settings import BOUND

Forecasts = Mapping[str, Any] | ArrayLike


class CallOrderError(ElpaError):
    """A router was asked to learn from actuals of steps that it did not forecast."""


def forecast_array(
    forecasts: Forecasts, names: Sequence[str], series: tuple[int, ...], source: str = "forecasts"
) -> NDArray[np.float64]:
    """Return forecasts as an array, shape (steps, series if any, models); NaN where a model has none.

    Parameters
    ----------
    forecasts : mapping of str to array-like, or array-like
        By model name, each of shape (steps, series if any), None if the model has none at all; a model
        that is not named has none. Or one array of shape (steps, series if any, models).
    names : sequence of str
        The policy's models, online ones first.
    series : tuple of int
        Empty for one series, else the number of series.

    Raises
    ------
    InputError
        If a name is unknown, or a shape is wrong, or something is not a number.
    """
    if not isinstance(forecasts, Mapping):
        array = _numbers(forecasts, source, "")
        if array.ndim != 2 + len(series) or array.shape[1:] != (*series, len(names)) or not len(array):
            expected = f"shape (steps, {', '.join(map(str, (*series, len(names))))}), at least one step"
            raise InputError(Problem(source, "", f"shape {array.shape}", expected))
        return array
    if len(forecasts) == len(names) and (quick := _regular(forecasts, names, series)) is not None:
        return quick
    if unknown := [name for name in forecasts if name not in names]:
        raise InputError(_unknown(name, names, source) for name in unknown)
    given = {name: _numbers(value, source, name) for name, value in forecasts.items() if value is not None}
    if not given:
        raise InputError(Problem(source, "", "no forecast at all", "at least one model's"))
    if not series:
        given = {name: array.reshape(1) if array.ndim == 0 else array for name, array in given.items()}
    first_name, first = next(iter(given.items()))
    for name, array in given.items():
        if array.ndim != 1 + len(series) or array.shape[1:] != series or not len(array):
            expected = f"shape (steps{''.join(f', {n}' for n in series)},), at least one step"
            raise InputError(Problem(source, name, f"shape {array.shape}", expected))
        if len(array) != len(first):
            expected = f"{len(first)}, as {first_name} has"
            raise InputError(Problem(source, name, f"{len(array)} steps", expected))
    missing = np.full(first.shape, np.nan)
    return np.stack([given.get(name, missing) for name in names], axis=-1)


def _regular(
    forecasts: Mapping[str, Any], names: Sequence[str], series: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """Return forecasts of all models in one go, or None if they are not all there and alike."""
    try:
        array = np.array([forecasts[name] for name in names], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if array.ndim == 1 and not series:
        return array[np.newaxis]
    if array.ndim != 2 + len(series) or array.shape[2:] != series or not array.shape[1]:
        return None
    return np.moveaxis(array, 0, -1) if series else array.T


def actual_array(
    actuals: ArrayLike, series: tuple[int, ...], waiting: int, source: str = "actuals"
) -> NDArray[np.float64]:
    """Return actuals as an array, shape (rows, series if any).

    Parameters
    ----------
    actuals : array-like
        The next rows that were forecast, in time order; one number for one row of one series.
    waiting : int
        Steps that were forecast and have no actual yet.

    Raises
    ------
    CallOrderError
        If there are more rows than were forecast.
    InputError
        If the shape is wrong or a value is not a finite number.
    """
    array = _numbers(actuals, source, "")
    if array.ndim == len(series):
        array = array[np.newaxis]
    if array.ndim != 1 + len(series) or array.shape[1:] != series or not len(array):
        expected = f"shape (rows{''.join(f', {n}' for n in series)},), at least one row"
        raise InputError(Problem(source, "", f"shape {array.shape}", expected))
    if len(array) > waiting:
        done = "none waits for an actual" if not waiting else f"{waiting} wait for actuals"
        raise CallOrderError(
            f"{source}: {len(array)} rows of actuals, but of the steps forecast so far {done}; "
            "predict first, then update with the actuals of those steps, each once"
        )
    if not (np.abs(array) <= BOUND).all():
        row = int(np.flatnonzero(~(np.abs(array) <= BOUND).reshape(len(array), -1).all(axis=1))[0])
        value = array[row][~(np.abs(array[row]) <= BOUND)].flat[0] if series else array[row]
        raise InputError(Problem(source, f"row {row}", quoted(float(value)), f"a number within ±{BOUND:g}"))
    return array


def _numbers(value: Any, source: str, place: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(Problem(source, place, quoted(value), "numbers")) from error


def _unknown(name: object, names: Sequence[str], source: str) -> Problem:
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {quoted(near[0])}?" if near else ""
    return Problem(source, quoted(name), "a model that the policy does not have", ", ".join(names), hint)
