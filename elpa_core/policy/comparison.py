"""Find out whether the errors of the models come from the same steps, and which steps all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.model_errors import ModelErrors
from elpa_core.artifacts.steps import Key, Steps, step_keys
from elpa_core.errors import InputError, some
from elpa_core.routing.validation import Validation
from elpa_core.schema.policy import ComparedModel, Comparison

_OF_RANGE, _OF_LARGEST = 1e-4, 1e-6
"""Actuals agree within this share of their range or of the largest one: float32, a scaler, a rounded CSV."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """What came of a comparison.

    Parameters
    ----------
    comparison : Comparison
        As the policy has it.
    validation : Validation or str
        The shared steps with actuals and the forecasts of all models, or why there are none.
    warnings : tuple of str
    times : tuple of str or None
        The times of the validation rows, as the files have them; None if they have none.
    """

    comparison: Comparison
    validation: Validation | str
    warnings: tuple[str, ...]
    times: tuple[str, ...] | None = None


def compare(
    models: Mapping[str, ModelErrors | None], horizon: int, rows: Mapping[str, int | None] | None = None
) -> Compared:
    """Compare the steps behind the scores of models.

    Steps are told apart by (series, origin, time) where all models have times of one kind, else by their
    position, counted from the last row. Actuals agree if they differ by at most 1e-4 of their range or 1e-6
    of the largest one.

    Parameters
    ----------
    models : mapping of str to ModelErrors or None
        By model; None for one whose score or errors were given without a file.
    horizon : int
        Number of steps that are forecast together.
    rows : mapping of str to int or None, optional
        How many errors were given for the models that are None.
    """
    windows = {name: found.window for name, found in models.items() if found is not None}
    without = [name for name in models if name not in windows or windows[name].y_true is None]
    by, warnings = _told_apart_by(windows, complete=len(windows) == len(models))
    if by is None:
        reason = f"no actuals: {some(without)}: nothing says that the scores come from the same steps"
        return Compared(
            Comparison(by=None, models=_facts(models, windows, 0, rows or {}), reasons=[reason]),
            f"no y_true and pred: {some(without)}",
            warnings,
        )
    if by == "position":
        windows = {name: replace(window, time=None, text=None) for name, window in windows.items()}
    keys = {name: step_keys(window) for name, window in windows.items()}
    shared = sorted(set.intersection(*(set(own) for own in keys.values())))
    places = {name: _places(own, shared) for name, own in keys.items()}
    reasons = _few_shared(keys, len(shared), windows)
    other = _other_actuals(windows, places, by)
    if other:
        reasons, shared = [other, *reasons], []
    comparison = Comparison(by=by, models=_facts(models, windows, len(shared), rows or {}), reasons=reasons)
    if without:
        return Compared(comparison, f"no y_true and pred: {some(without)}", warnings)
    if other:
        return Compared(comparison, other, warnings)
    validation, more, times = _validation(windows, places, horizon)
    return Compared(comparison, validation, (*warnings, *more), times)


def _facts(
    models: Mapping[str, ModelErrors | None],
    windows: Mapping[str, Steps],
    shared: int,
    rows: Mapping[str, int | None],
) -> dict[str, ComparedModel]:
    facts = {}
    for name in models:
        window = windows.get(name)
        if window is None:
            facts[name] = ComparedModel(rows=rows.get(name), shared=0, first=None, last=None)
            continue
        first, last = window.span or (None, None)
        facts[name] = ComparedModel(rows=len(window.rows), shared=shared, first=first, last=last)
    return facts


def _told_apart_by(
    windows: Mapping[str, Steps], *, complete: bool
) -> tuple[Literal["time", "position"] | None, tuple[str, ...]]:
    """Return how steps are told apart, and warnings."""
    if not complete:
        return None, ()
    kinds = {name: window.time.kind for name, window in windows.items() if window.time is not None}
    known = len(kinds) == len(windows)
    if known and len({*kinds.values()}) == 1 and len({_parts(window) for window in windows.values()}) == 1:
        return "time", ()
    warnings: tuple[str, ...] = ()
    if known:
        said = "; ".join(f"{name}: {kind}" for name, kind in kinds.items())
        warnings = (f"the times of the models cannot be compared, so their steps are by position: {said}",)
    by: Literal["position"] | None = None
    if all(window.y_true is not None for window in windows.values()):
        by = "position"
    return by, warnings


def _parts(window: Steps) -> tuple[bool, str | None]:
    return window.series is not None, window.origin.kind if window.origin else None


def _places(own: Sequence[Key], shared: Sequence[Key]) -> NDArray[np.int64]:
    place = {key: index for index, key in enumerate(own)}
    return np.array([place[key] for key in shared], np.int64)


def _few_shared(keys: Mapping[str, Sequence[Key]], shared: int, windows: Mapping[str, Steps]) -> list[str]:
    """Return why too few steps are shared: models with few of them, or windows that hardly overlap."""
    every = len({key for own in keys.values() for key in own})
    few = [
        f"{name} has {len(own)} of the {every} steps that models have"
        for name, own in keys.items()
        if 2 * len(own) < every
    ]
    if few or 2 * shared >= min(map(len, keys.values())):
        return few
    spans = [f"{name} {' to '.join(window.span)}" for name, window in windows.items() if window.span]
    return [f"another window: the models share {shared} steps" + (f": {'; '.join(spans)}" if spans else "")]


def _other_actuals(
    windows: Mapping[str, Steps], places: Mapping[str, NDArray[np.int64]], by: str
) -> str | None:
    """Return which model has other actuals than the first one at the shared steps, or None."""
    actuals = {
        name: window.y_true[places[name]] for name, window in windows.items() if window.y_true is not None
    }
    if len(actuals) < 2 or not len(next(iter(places.values()))):  # noqa: PLR2004
        return None
    (first, own), *others = actuals.items()
    largest = float(np.nanmax(np.abs(own), initial=0.0))
    span = float(np.nanmax(own, initial=-np.inf) - np.nanmin(own, initial=np.inf))
    for name, theirs in others:
        apart = np.abs(theirs - own) > max(_OF_RANGE * span, _OF_LARGEST * largest)
        if not apart.any():
            continue
        there = np.isfinite(own) & np.isfinite(theirs) & (own != 0.0)
        ratios = theirs[there] / own[there]
        if len(ratios) and np.ptp(ratios) <= _OF_RANGE * abs(ratios[0]):
            return f"another unit: the actuals of {name} are {ratios[0]:.6g} times those of {first}"
        index = int(np.argmax(apart))
        window = windows[name]
        place = window.place(int(places[name][index]))
        time = window.times_of(places[name][[index]])
        at = f" at {time[0]}" if time is not None else ""
        said = f"{theirs[index]:.6g} instead of {own[index]:.6g}"
        hint = "; a column with the time of each step would tell which steps are the same"
        what = "another window, unit or order" if by == "position" else "another unit or series"
        return (
            f"{what}: {int(apart.sum())} of {len(apart)} actuals of {name} are not those of {first}, first"
            f"{at} in {place}, {said}" + (hint if by == "position" else "")
        )
    return None


def _validation(
    windows: Mapping[str, Steps], places: Mapping[str, NDArray[np.int64]], horizon: int
) -> tuple[Validation | str, list[str], tuple[str, ...] | None]:
    """Return the shared steps as validation rows, or why they are none; warnings; and the rows' times."""
    first, chosen = next((window, places[name]) for name, window in windows.items())
    if first.series is not None and first.series.count > 1:
        return f"the rows are of {first.series.count} series: a router is replayed on one", [], None
    warnings: list[str] = []
    starts: list[int] | None = None
    if first.origin is not None and first.time is not None:
        kept, starts = _windows_of_forecasts(first.origin.values[chosen], first.time.values[chosen])
        chosen = chosen[kept]
        places = {name: own[kept] for name, own in places.items()}
        longest = max((end - begin for begin, end in pairwise([*starts, len(chosen)])), default=0)
        if longest > horizon:
            warnings.append(
                f"forecasts of one origin have {longest} steps, the horizon of the config is {horizon}"
            )
    rows = {name: (window.y_true, window.pred) for name, window in windows.items()}
    actuals = first.y_true[chosen] if first.y_true is not None else np.empty(0)
    forecasts = {name: pred[places[name]] for name, (_, pred) in rows.items() if pred is not None}
    if lacking := [name for name in windows if name not in forecasts]:
        return f"no usable y_true and pred: {some(lacking)}", warnings, None
    known = np.isfinite(actuals)
    if not known.all():
        actuals, starts, chosen = actuals[known], None, chosen[known]
        forecasts = {name: own[known] for name, own in forecasts.items()}
    if len(actuals) < 2 * horizon:
        return f"{len(actuals)} shared steps, fewer than two blocks of {horizon}", warnings, None
    try:
        made = Validation.of(actuals, forecasts, horizon=horizon)
    except InputError as error:  # a score can be computed from these numbers, but a router refuses them
        return str(error), warnings, None
    made = made if starts is None else replace(made, blocks=tuple(starts))
    return made, warnings, first.times_of(chosen)


def _windows_of_forecasts(
    origins: NDArray[np.int64] | Array, times: NDArray[np.int64] | Array
) -> tuple[NDArray[np.int64], list[int]]:
    """Return the steps of origins whose forecasts do not overlap, and where each origin begins among them.

    A router must not serve a step after it has seen its actual.
    """
    kept: list[int] = []
    starts: list[int] = []
    begins = [0, *(np.flatnonzero(np.diff(origins)) + 1).tolist(), len(origins)]
    last = -np.inf
    for begin, end in pairwise(begins):
        if times[begin] > last:
            starts.append(len(kept))
            kept += range(begin, end)
            last = float(times[end - 1])
    return np.array(kept, np.int64), starts
