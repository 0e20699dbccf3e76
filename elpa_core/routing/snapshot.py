"""The state of a router as a JSON object, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.reading import read_lines
from elpa_core.routing.answers import NUMBERS, Answers
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import Method, leads_of
from elpa_core.routing.state import State

_FORMAT, _VERSION = "elpa-router", 5
_MOST_STEPS = 1 << 53
_LARGEST = 1e152  # limits are a few times BOUND apart


def to_json(
    policy: RoutingPolicy, state: State, waiting: Collection[Answers], *, parts: Collection[str]
) -> dict[str, Any]:
    """Return the complete state of a router.

    Parameters
    ----------
    waiting : collection of Answers
        Steps that were forecast and have no actual yet.
    """
    steps = [{name: getattr(given, name).tolist() for name in NUMBERS} for given in waiting]
    for step, given in zip(steps, waiting, strict=True):
        present = given.present
        step["present"] = None if present is None or present.all() else present.tolist()
        step["step"] = given.step
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "parts": sorted(parts),
        "policy": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(policy).items()},
        "state": state.to_json(),
        "waiting": steps,
    }


def from_json(value: object, source: str) -> tuple[RoutingPolicy, State, list[Answers], list[str]]:
    """Return what `to_json` was given.

    Raises
    ------
    InputError
        If the object is not a state, is of another version, or is damaged.
    """
    if not isinstance(value, Mapping) or value.get("format") != _FORMAT:
        found = quoted(value.get("format") if isinstance(value, Mapping) else value)
        raise InputError(Problem(source, "$.format", found, quoted(_FORMAT)))
    if value.get("version") != _VERSION:
        hint = "another version of ELPA wrote it; start with a new state file"
        raise InputError(Problem(source, "$.version", quoted(value.get("version")), str(_VERSION), hint))
    policy = _policy(value.get("policy"), source)
    models, leads = len(policy.names), leads_of(policy.horizon)
    state = State.from_json(
        value.get("state"), models=models, leads=leads, window=policy.amplitude_window, source=source
    )
    parts, waiting = value.get("parts"), value.get("waiting")
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(Problem(source, "$.parts", quoted(parts), "an array of names"))
    if not isinstance(waiting, list):
        raise InputError(Problem(source, "$.waiting", quoted(waiting), "an array"))
    series = len(state.best)
    experts = Method.of(policy.horizon, parts).experts
    steps = [
        _answers(step, (experts, models, series), f"$.waiting[{i}]", source) for i, step in enumerate(waiting)
    ]
    return policy, state, steps, parts


def read_json(path: Path) -> object:
    """Return the JSON value of a state file.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8, or is not complete JSON.
    """
    with as_input_error(path, "a state file that can be read"):
        data = read_lines(path)
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


def _answers(value: object, sizes: tuple[int, int, int], place: str, source: str) -> Answers:
    experts, models, series = sizes
    given = value if isinstance(value, Mapping) else {}
    shapes = {
        "served": (series,), "mixed": (series,), "experts": (experts, series),
        "offline": (series,), "limited": (models, series),
    }  # fmt: skip
    try:
        arrays = {name: np.array(given[name], dtype=np.float64) for name in shapes}
        present, step = given["present"], given["step"]
        mask = None if present is None else np.array(present, dtype=np.bool_)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            Problem(source, place, "something else", f"the numbers {', '.join(NUMBERS)}")
        ) from error
    right = all(
        arrays[name].shape == shape and (np.abs(arrays[name]) <= _LARGEST).all()
        for name, shape in shapes.items()
    )
    if not right or (mask is not None and mask.shape != (models, series)):
        raise InputError(
            Problem(source, place, "arrays of other shapes", f"{models} models, {series} series")
        )
    if type(step) is not int or not 0 <= step < _MOST_STEPS:
        raise InputError(Problem(source, f"{place}.step", quoted(step), "a position in a block"))
    return Answers(**arrays, present=mask, step=step)
