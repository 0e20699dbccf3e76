"""The state of a router as a JSON object and in a file, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.os_errors import as_input_error
from elpa_core.routing.answer import NUMBERS, Answer
from elpa_core.routing.intervals import Intervals
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import EXPERTS
from elpa_core.routing.state import Array, State

FORMAT, VERSION = "elpa-router", 6
OTHER_VERSION = "another version of ELPA wrote it; remove it, and the router starts from the policy"
_MOST_STEPS = 1 << 53
_LARGEST = 1e152  # limits are a few times BOUND apart


def to_json(
    policy: RoutingPolicy,
    state: State,
    waiting: Collection[Answer],
    intervals: Intervals | None,
    parts: Collection[str],
) -> dict[str, Any]:
    """Return the complete state of a router, its arrays with the series as the last axis.

    Parameters
    ----------
    waiting : collection of Answer
        Steps that were forecast and have no actual yet.
    """
    steps = []
    for given in waiting:
        step = {name: getattr(given, name).tolist() for name in NUMBERS}
        step["best"] = _with_gaps(given.best)
        if given.radii is not None:
            step["radii"] = {str(level): _with_gaps(radius) for level, radius in given.radii.items()}
        steps.append({**step, "step": given.step})
    return {
        "format": FORMAT,
        "version": VERSION,
        "parts": sorted(parts),
        "policy": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(policy).items()},
        "state": state.to_json(),
        "waiting": steps,
        **({} if intervals is None else {"intervals": intervals.to_json()}),
    }


def from_json(
    value: object, source: str
) -> tuple[RoutingPolicy, State, list[Answer], Intervals | None, list[str]]:
    """Return what `to_json` was given.

    Raises
    ------
    InputError
        If the object is not a state, is of another version, or is damaged.
    """
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        found = quoted(value.get("format") if isinstance(value, Mapping) else value)
        raise InputError(Problem(source, "$.format", found, quoted(FORMAT)))
    if value.get("version") != VERSION:
        raise InputError(
            Problem(source, "$.version", quoted(value.get("version")), str(VERSION), OTHER_VERSION)
        )
    policy = _policy(value.get("policy"), source)
    models = len(policy.names)
    state = State.from_json(value.get("state"), models=models, window=policy.amplitude_window, source=source)
    series = len(state.best)
    parts, waiting, intervals = value.get("parts"), value.get("waiting"), None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(Problem(source, "$.parts", quoted(parts), "an array of names"))
    if not isinstance(waiting, list):
        raise InputError(Problem(source, "$.waiting", quoted(waiting), "an array"))
    if "intervals" in value:
        intervals = Intervals.from_json(value["intervals"], policy.horizon, series, source)
    steps = [
        _answer(step, (models, series), intervals, f"$.waiting[{i}]", source)
        for i, step in enumerate(waiting)
    ]
    return policy, state, steps, intervals, parts


def _with_gaps(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def read_json(path: Path) -> object:
    """Return the JSON value of a state file.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8, or is not complete JSON.
    """
    with as_input_error(path, "a state file that can be read"):
        data = path.read_bytes()
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        expected = "a whole state file"
        hint = "it is damaged; start again without it, or from a copy"
        raise InputError(Problem(str(path), "", "no JSON", expected, hint)) from error


def _policy(value: object, source: str) -> RoutingPolicy:
    given = value if isinstance(value, Mapping) else {}
    names = {field.name for field in dataclasses.fields(RoutingPolicy)}
    if {*given} != names or not all(isinstance(given[k], list) for k in ("online", "offline", "scores")):
        raise InputError(
            Problem(source, "$.policy", quoted(value), f"an object with {', '.join(sorted(names))}")
        )
    online, offline = given["online"], given["offline"]
    both = [*online, *offline]
    checked = RoutingPolicy.of(
        {
            **{k: given[k] for k in ("dirty_interval", "amplitude_window", "mutant_epsilon")},
            "skill": "ELPA",
            "online_models": online,
            "offline_models": offline,
            "scores": dict(zip(map(str, both), given["scores"], strict=False)),
            "routing": {k: given[k] for k in ("horizon", "range", "mean_abs", "best_mae")},
        },
        source=f"{source}: $.policy",
    )
    best = given["best"]
    if type(best) is not int or not 0 <= best < len(both):
        raise InputError(Problem(source, "$.policy.best", quoted(best), "the position of a model"))
    return dataclasses.replace(checked, best=best)


def _answer(
    value: object, sizes: tuple[int, int], intervals: Intervals | None, place: str, source: str
) -> Answer:
    models, series = sizes
    given = value if isinstance(value, Mapping) else {}
    shapes = {
        **dict.fromkeys(NUMBERS, (series,)), "experts": (len(EXPERTS), series), "limited": (models, series)
    }  # fmt: skip
    try:
        arrays = {name: np.array(given[name], dtype=np.float64) for name in NUMBERS}
        step, radii = given["step"], None
        if intervals is not None and "radii" in given:
            radii = {float(level): np.array(row, dtype=np.float64) for level, row in given["radii"].items()}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        expected = f"the numbers {', '.join(NUMBERS)}"
        raise InputError(Problem(source, place, "something else", expected)) from error
    right = all(
        arrays[name].shape == shape
        and not (np.abs(arrays[name]) > _LARGEST).any()
        and (name == "best" or not np.isnan(arrays[name]).any())
        for name, shape in shapes.items()
    )
    if radii is not None and intervals is not None:
        right &= {*radii} <= {*intervals.aims} and all(
            row.shape == (series,) and not (row < 0.0).any() and not np.isinf(row).any()
            for row in radii.values()
        )
    if not right:
        expected = f"numbers of {models} models, {series} series"
        raise InputError(Problem(source, place, "other arrays", expected))
    if type(step) is not int or not 0 <= step < _MOST_STEPS:
        raise InputError(Problem(source, f"{place}.step", quoted(step), "a position in a block"))
    return Answer(**arrays, step=step, radii=radii)
