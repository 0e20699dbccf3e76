"""Check arguments before they change any state; what is wrong raises InputError."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elpa_core.errors import ElpaError, InputError, Problem, quoted, short, some
from elpa_core.routing.settings import EXPERTS
from elpa_core.schema.limits import BOUND

Forecasts = Mapping[str, Any] | ArrayLike
_OTHER_KINDS = {"b": "true and false", "c": "complex numbers", "M": "dates", "m": "spans of time"}
_OTHER_KINDS |= {"S": "bytes", "U": "text"}
_MOST_PROBLEMS = 12
_DOUBLE = np.dtype(np.float64)


class CallOrderError(ElpaError):
    """A call with actuals of steps that the router did not forecast."""


def whole_number(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """Return an argument that must be an integer; numpy integers are accepted."""
    expected = "an integer"
    if least is not None:
        expected += f" from {least}" + (f" to {most}" if most is not None else "")
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not (
        (least is None or number >= least) and (most is None or number <= most)
    ):  # fmt: skip
        raise InputError(Problem(name, "", quoted(value), expected))
    return number


def part_names(parts: Collection[str]) -> tuple[str, ...]:
    """Return the names of parts of a router; `Method.of` checks the names themselves."""
    expected = f"a collection of names, such as {quoted(EXPERTS[0])}"
    try:
        names = () if isinstance(parts, str) else tuple(parts)
    except TypeError as error:
        raise InputError(Problem("parts", "", quoted(parts), expected)) from error
    if isinstance(parts, str) or not all(isinstance(name, str) for name in names):
        raise InputError(Problem("parts", "", quoted(parts), expected))
    return names


def by_name(forecasts: Any, source: str) -> Mapping[str, Any] | None:
    """Return the forecasts of a mapping or a data frame by name; None if they have no names."""
    if isinstance(forecasts, Mapping):
        return forecasts
    if isinstance(forecasts, np.ndarray) or not hasattr(forecasts, "__getitem__"):
        return None
    if not hasattr(forecasts, "keys"):
        return None
    names = list(forecasts.keys())
    named = dict.fromkeys(names)
    if len(named) < len(names):
        twice = [quoted(name) for name in named if names.count(name) > 1]
        raise InputError(Problem(source, "", f"{some(twice)} twice", "each model once"))
    return {name: forecasts[name] for name in names}


def no_forecast(source: str, place: str) -> InputError:
    """Return the error of a step for which no model has a finite forecast."""
    return InputError(Problem(source, place, "no finite forecast", "one sound model: a finite forecast"))


def forecast_array(
    forecasts: Forecasts, names: Sequence[str], series: tuple[int, ...], source: str = "forecasts"
) -> NDArray[np.float64]:
    """Return forecasts as an array, shape (steps, series if any, models); NaN where a model has none.

    Forecasts come by model name, each of shape (steps, series if any), or as one array of the result's
    shape. A model without forecasts is None or not named. ``series`` is empty for one series.
    """
    if type(forecasts) is np.ndarray and forecasts.dtype is _DOUBLE:
        shape = forecasts.shape
        if shape[1:] == (*series, len(names)) and shape[0]:
            return forecasts  # at a tenth of the price of all checks
    named = by_name(forecasts, source)
    if named is None:
        array = _numbers(forecasts, source, "")
        if array.ndim != 2 + len(series) or array.shape[1:] != (*series, len(names)) or not len(array):
            expected = f"shape (steps, {', '.join(map(str, (*series, len(names))))}), at least one step"
            raise InputError(Problem(source, "", f"shape {array.shape}", expected))
        return array
    if unknown := [name for name in named if name not in names]:
        raise InputError(_unknown(unknown, names, source))
    given = {name: _numbers(value, source, name) for name, value in named.items() if value is not None}
    if not given:
        raise InputError(Problem(source, "", "no forecast at all", "at least one model's"))
    if not series:
        given = {name: array.reshape(1) if array.ndim == 0 else array for name, array in given.items()}
    first_name, first = next(iter(given.items()))
    for name, array in given.items():
        if array.ndim != 1 + len(series) or array.shape[1:] != series or not len(array):
            expected = f"shape (steps{''.join(f', {n}' for n in series)},), at least one step"
            raise InputError(Problem(source, short(name), f"shape {array.shape}", expected))
        if len(array) != len(first):
            expected = f"{len(first)}, as {short(first_name)} has"
            raise InputError(Problem(source, short(name), f"{len(array)} steps", expected))
    missing = np.full(first.shape, np.nan)
    return np.stack([given.get(name, missing) for name in names], axis=-1)


def actual_array(
    actuals: ArrayLike, series: tuple[int, ...], waiting: int | None, source: str = "actuals"
) -> NDArray[np.float64]:
    """Return actuals as an array, shape (rows, series if any).

    More rows than the ``waiting`` steps, if that is not None, raise CallOrderError.
    """
    array = _numbers(actuals, source, "")
    if array.ndim == len(series):
        array = array[np.newaxis]
    if array.ndim != 1 + len(series) or array.shape[1:] != series or not len(array):
        expected = f"shape (rows{''.join(f', {n}' for n in series)},), at least one row"
        raise InputError(Problem(source, "", f"shape {array.shape}", expected))
    if waiting is not None and len(array) > waiting:
        done = "none waits for an actual" if not waiting else f"{waiting} wait for actuals"
        raise CallOrderError(
            f"{source}: {len(array)} rows of actuals, but of the steps forecast so far {done}; "
            "predict first, then update with the actuals of those steps, each once"
        )
    if not (np.abs(array) <= BOUND).all():
        row = int(np.flatnonzero(~(np.abs(array) <= BOUND).reshape(len(array), -1).all(axis=1))[0])
        value = array[row][~(np.abs(array[row]) <= BOUND)].flat[0] if series else array[row]
        raise InputError(Problem(source, f"row {row}", quoted(float(value)), f"a number within ±{BOUND:g}"))
    return array + 0.0  # no negative zero


def _numbers(value: Any, source: str, place: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
        kind = getattr(getattr(value, "dtype", array.dtype), "kind", "O")  # of pandas' dates too
        if kind == "O":
            for one in array.flat:
                if isinstance(one, str | bytes | bool | np.bool_):
                    raise InputError(Problem(source, place, quoted(one), "numbers"))
        if kind in _OTHER_KINDS:
            found = _OTHER_KINDS[kind] if array.ndim else quoted(value)
            raise InputError(Problem(source, place, found, "numbers"))
        if isinstance(value, np.ma.MaskedArray):
            return np.ma.masked_array(value, dtype=np.float64).filled(np.nan)
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(Problem(source, place, quoted(value), "numbers")) from error


def _unknown(unknown: Sequence[object], names: Sequence[str], source: str) -> list[Problem]:
    found, expected = "a model that the policy does not have", some(names)
    problems = []
    for name in unknown[:_MOST_PROBLEMS]:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {quoted(near[0])}?" if near else ""
        problems.append(Problem(source, quoted(name), found, expected, hint))
    if rest := len(unknown) - len(problems):
        problems.append(Problem(source, "", f"{rest} more models that the policy does not have", expected))
    return problems
