"""The state of a router as a JSON object and in a file, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from sys import float_info
from typing import Any

import numpy as np

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.reading import read_lines
from elpa_core.routing.answer import NUMBERS, Answer
from elpa_core.routing.intervals import Intervals, checked_levels
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import EXPERTS
from elpa_core.routing.state import MOST_ROWS, WHOLE, State, with_gaps

FORMAT, VERSION = "elpa-router", 7
OTHER_VERSION = "another version of ELPA wrote it; remove it, and the router starts from the policy"
DAMAGED = "the file is damaged; start again without it, or from a copy"
LARGEST = 1e160  # sums of numbers up to BOUND; sums of their squares are larger


def to_json(
    policy: RoutingPolicy,
    state: State,
    waiting: Collection[Answer],
    intervals: Intervals | None,
    parts: Collection[str],
) -> dict[str, Any]:
    """Return the complete state of a router, its arrays with the series as the last axis."""
    steps = []
    for given in waiting:
        step = {name: getattr(given, name).tolist() for name in NUMBERS}
        step["single"] = with_gaps(given.single)
        if given.radii is not None:
            step["radii"] = {str(level): with_gaps(radius) for level, radius in given.radii.items()}
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
    """Return what `to_json` was given."""
    given = value if isinstance(value, Mapping) else {}
    for field, expected, hint in (("format", FORMAT, ""), ("version", VERSION, OTHER_VERSION)):
        if (found := given.get(field)) != expected:
            raise InputError(Problem(source, f"$.{field}", quoted(found), quoted(expected), hint))
    policy = _policy(given.get("policy"), source)
    state = _state(given.get("state"), policy, source)
    parts, waiting, intervals = given.get("parts"), given.get("waiting"), None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(Problem(source, "$.parts", quoted(parts), "an array of names"))
    if not isinstance(waiting, list):
        raise InputError(Problem(source, "$.waiting", quoted(waiting), "an array"))
    models, series = state.scores.shape
    if "intervals" in given:
        intervals = _intervals(given["intervals"], policy.horizon, series, source)
    steps = [
        _answer(step, models, series, intervals, f"$.waiting[{i}]", source) for i, step in enumerate(waiting)
    ]
    return policy, state, steps, intervals, parts


def read_json(path: Path) -> object:
    """Return the JSON value of a state file."""
    with as_input_error(path, "a state file that can be read"):
        data = read_lines(path)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(Problem(str(path), "", "no JSON", "a whole state file", DAMAGED)) from error


def _policy(value: object, source: str) -> RoutingPolicy:
    given = value if isinstance(value, Mapping) else {}
    names = {field.name for field in dataclasses.fields(RoutingPolicy)}
    if {*given} != names or not all(isinstance(given[k], list) for k in ("online", "offline", "scores")):
        expected = f"an object with {', '.join(sorted(names))}"
        raise InputError(Problem(source, "$.policy", quoted(value), expected))
    both = [*given["online"], *given["offline"]]
    policy = {
        **{name: given[name] for name in ("dirty_interval", "amplitude_window", "mutant_epsilon")},
        "skill": "ELPA",
        "online_models": given["online"],
        "offline_models": given["offline"],
        "scores": dict(zip(map(str, both), given["scores"], strict=False)),
        "routing": {name: given[name] for name in ("horizon", "range", "mean_abs", "best_mae")},
    }
    checked, best = RoutingPolicy.of(policy, source=f"{source}: $.policy"), given["best"]
    if type(best) is not int or not 0 <= best < len(both):
        raise InputError(Problem(source, "$.policy.best", quoted(best), "the position of a model"))
    return dataclasses.replace(checked, best=best)


def _state(value: object, policy: RoutingPolicy, source: str) -> State:
    best = value.get("best") if isinstance(value, Mapping) else None
    if not isinstance(best, list) or not best:
        raise InputError(Problem(source, "$.state.best", quoted(best), "an integer for each series", DAMAGED))
    shapes = State.shapes(len(policy.names), policy.amplitude_window, len(best))
    state = State(**_arrays(value, shapes, "$.state", source, gaps=("last",)))
    if problems := [
        Problem(source, f"$.state.{name}", "numbers of no router", expected, DAMAGED)
        for name, expected in state.impossible()
    ]:
        raise InputError(problems)
    return state


def _answer(
    value: object, models: int, series: int, intervals: Intervals | None, place: str, source: str
) -> Answer:
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(NUMBERS, (series,))
    shapes |= {"experts": (len(EXPERTS), series), "limited": (models, series)}
    arrays, step = _arrays(given, shapes, place, source, gaps=("single",)), given.get("step")
    if type(step) is not int or not 0 <= step < MOST_ROWS:
        raise InputError(Problem(source, f"{place}.step", quoted(step), "a position in a block"))
    radii = None
    if intervals is not None and "radii" in given:
        shapes = {str(level): (series,) for level in intervals.aims if str(level) in given["radii"]}
        by_name = _arrays(given["radii"], shapes, f"{place}.radii", source, gaps=shapes, least=0.0)
        radii = {float(level): radius for level, radius in by_name.items()}
    return Answer(**arrays, step=step, radii=radii)


def _intervals(value: object, horizon: int, series: int, source: str) -> Intervals:
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    intervals, place = Intervals(horizon, series), "$.intervals"
    shapes = {"errors": intervals.errors.shape, "rows": intervals.rows.shape}
    arrays = _arrays(given, shapes, place, source, least=0.0)
    intervals.errors, intervals.rows = arrays["errors"], arrays["rows"]
    levels = given.get("aims")
    if not isinstance(levels, Mapping):
        raise InputError(Problem(source, f"{place}.aims", quoted(levels), "an object", DAMAGED))
    shapes = dict.fromkeys(levels, (series,))
    aims = _arrays(levels, shapes, f"{place}.aims", source, least=0.0, most=1.0)
    intervals.aims = dict(zip(checked_levels(levels, f"{source}: {place}.aims"), aims.values(), strict=True))
    return intervals


def _arrays(
    value: object,
    shapes: Mapping[str, tuple[int, ...]],
    place: str,
    source: str,
    *,
    gaps: Collection[str] = (),
    least: float = -LARGEST,
    most: float = LARGEST,
) -> dict[str, Any]:
    """Return the arrays of an object by name; null stands for NaN where there may be gaps."""
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    arrays, problems = {}, []
    for name, shape in shapes.items():
        whole, bound = name in WHOLE, float_info.max if name.endswith("squares") else most
        kinds = "i" if whole else "ifO" if name in gaps else "if"
        try:
            array = np.array(given.get(name))
            right = array.shape == shape and array.dtype.kind in kinds
            array = array.astype(np.int64 if whole else np.float64)
            within = (array >= least) & (array <= bound)
            right = right and bool((within | np.isnan(array) if name in gaps else within).all())
        except (TypeError, ValueError, OverflowError):
            right = False
        if right:
            arrays[name] = array
        else:
            found, kind = "something else" if name in given else "nothing", "integers" if whole else "numbers"
            problems.append(Problem(source, f"{place}.{name}", found, f"{kind}, shape {shape}", DAMAGED))
    if problems:
        raise InputError(problems)
    return arrays
