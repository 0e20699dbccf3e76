"""The state of a router, for one series and for thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from sys import float_info
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import BOUND, EXPERTS, FLOOR, MIN_SCALE, spread_of

Array = NDArray[np.float64]
UNSEEN = 1e15
"""Largest magnitude of a forecast while no actual is known: larger doubles have hardly any decimals left."""
_WHOLE = ("window_rows", "best", "dirty", "mutated")
_MOST_ROWS = 1 << 53
_LARGEST = 1e160  # sums of numbers up to BOUND; sums of their squares are larger


@dataclass(slots=True)
class State:
    """What a router has learned: of one series, floats and lists; of ``n`` series, arrays.

    The shapes are those for many series; for one, the last axis is left out.

    Parameters
    ----------
    scores : (models, n)
        Exponentially weighted absolute error of each model; where a model had no forecast, that of
        ``recent``.
    gains, squares : (models, n)
        Sum over steps, and sum of squares, of what the expert ``steady`` would have gained by moving
        to the model, to first order.
    expert_gains, expert_squares : (experts, n)
        The same of what all experts together would have gained by moving to one of them; these forget.
    usual_error, level_error : (n,)
        Exponentially weighted error of the median, absolute and signed.
    window_actual, window_forecast : (amplitude_window, n)
        The last clean |actual| and |offline forecast|, in a ring.
    window_rows : (n,)
        Clean rows so far.
    best_mae : (n,)
        Mean absolute error of the best single model on validation.
    best_loss, ahead : (n,)
        The absolute errors of that model in sum, and by how much they are larger than the router's.
    credit : (3, n)
        How much nearer to the actuals than the median that model has been on clean steps where it was
        far from the median (by the usual error when the actual came): in all blocks before the last one,
        at most in one of these, and in the last one.
    seen : (2, n)
        Smallest and largest actual, the wrong way round as long as all were zero; one row widens
        them by ``margin`` at most.
    spread : (n,)
        Range of the actuals at the start, or the size of the first one that is not zero.
    margin : (n,)
        How far beyond the actuals a forecast may be: ``spread``, and more after an actual that was
        farther out.
    scale, phi : (n,)
        Scale of the errors, smallest denominator of a relative error.
    best : (n,)
        Position of the best single model on validation.
    dirty : (n,)
        Dirty steps left.
    mutated : (n,)
        1 if the last row was a mutation.
    """

    scores: Any
    gains: Any
    squares: Any
    expert_gains: Any
    expert_squares: Any
    usual_error: Any
    level_error: Any
    window_actual: Any
    window_forecast: Any
    window_rows: Any
    best_mae: Any
    best_loss: Any
    ahead: Any
    credit: Any
    seen: Any
    spread: Any
    margin: Any
    scale: Any
    phi: Any
    best: Any
    dirty: Any
    mutated: Any

    def take(self, series: slice | NDArray[np.int64]) -> State:
        """Return some of many series, of a slice views."""
        return State(*(getattr(self, field.name)[..., series] for field in fields(self)))

    def plain(self) -> State:
        """Return the first of many series as floats and lists."""
        return State(*(getattr(self, field.name)[..., 0].tolist() for field in fields(self)))

    def arrays(self) -> State:
        """Return one series as arrays of one series."""
        return State(*(np.array(getattr(self, field.name))[..., np.newaxis] for field in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """Return the fields of many series as lists."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}

    @classmethod
    def from_json(cls, value: object, *, models: int, window: int, source: str) -> State:
        """Return the state that `to_json` wrote.

        Raises
        ------
        InputError
            If a field is missing, of another shape, or no finite number, or if no router can have come to it.
        """
        if not isinstance(value, Mapping):
            raise InputError(Problem(source, "$.state", quoted(value), "an object"))
        best = value.get("best")
        series = len(best) if isinstance(best, list) else 0
        if series < 1:
            raise InputError(Problem(source, "$.state.best", quoted(best), "one integer per series"))
        rows = {
            **dict.fromkeys(("scores", "gains", "squares"), (models,)),
            **dict.fromkeys(("expert_gains", "expert_squares"), (len(EXPERTS),)),
            **dict.fromkeys(("window_actual", "window_forecast"), (window,)),
            "seen": (2,), "credit": (3,),
        }  # fmt: skip
        arrays, problems = {}, []
        hint = "the file is damaged; start again without it, or from a copy"
        for field in fields(cls):
            name, shape = field.name, (*rows.get(field.name, ()), series)
            try:
                whole, squares = name in _WHOLE, name.endswith("squares")
                arrays[name] = _array(value.get(name), shape, whole, float_info.max if squares else _LARGEST)
            except (TypeError, ValueError, OverflowError):
                kind = "integers" if name in _WHOLE else f"numbers up to {_LARGEST:g}"
                found = "something else" if name in value else "nothing"
                problems.append(Problem(source, f"$.state.{name}", found, f"{kind}, shape {shape}", hint))
        if problems:
            raise InputError(problems)
        state = cls(**arrays)
        if problems := [
            Problem(source, f"$.state.{name}", "numbers of no router", expected, hint)
            for name, expected in _impossible(state, models)
        ]:
            raise InputError(problems)
        return state


def _array(value: Any, shape: tuple[int, ...], whole: bool, most: float) -> NDArray[Any]:
    array = np.array(value)
    if array.dtype.kind not in ("i" if whole else "if") or array.shape != shape:
        raise ValueError
    array = array.astype(np.int64 if whole else np.float64)
    if not (np.abs(array) <= (_MOST_ROWS if whole else most)).all():
        raise ValueError
    return array


def _impossible(state: State, models: int) -> Iterator[tuple[str, str]]:
    """Yield fields that a router cannot have come to, with what they should be."""
    floor = FLOOR * state.scale * (1.0 - 1e-6)
    for name, least in (("scores", floor), ("usual_error", floor), ("squares", floor * floor),
                        ("expert_squares", floor * floor), ("scale", MIN_SCALE)):  # fmt: skip
        if (getattr(state, name) < least).any():
            yield name, "numbers above zero, not below the least"
    for name in ("spread", "margin"):
        if (getattr(state, name) <= 0.0).any():
            yield name, "numbers above zero"
    for name, most in (("best", models - 1), ("dirty", None), ("window_rows", None), ("mutated", 1)):
        array = getattr(state, name)
        if (array < 0).any() or (most is not None and (array > most).any()):
            yield name, "counts" if most is None else f"integers from 0 to {most}"


def start(policies: Sequence[RoutingPolicy], first_errors: Array | None = None) -> State:
    """Return the state before the first row.

    Parameters
    ----------
    policies : sequence of RoutingPolicy, length n
        One per series, of the same models.
    first_errors : ndarray, shape (models, n), optional
        Absolute errors to start the scores from instead of the policies' scores; NaN where a
        model has none, which then starts with the worst of the others.
    """
    n, models, window = len(policies), len(policies[0].names), policies[0].amplitude_window
    scores = np.array([policy.scores for policy in policies]).T.copy()
    if first_errors is not None:
        known = np.isfinite(first_errors)
        scores = np.where(known, first_errors, np.where(known, first_errors, 0.0).max(axis=0))
    scale = np.maximum(np.sort(scores, axis=0)[(models - 1) // 2], MIN_SCALE)  # whatever a wild score says
    floor = FLOOR * scale
    sizes = np.minimum(UNSEEN * np.maximum(scale, 1.0), BOUND / 3).tolist()
    ranges = [
        policy.range if policy.range is not None and any(policy.range) else (size, -size)
        for policy, size in zip(policies, sizes, strict=True)
    ]
    spread = np.array([spread_of(min(span), max(span)) for span in ranges])
    return State(
        scores=np.maximum(scores, floor),
        gains=np.tile(floor, (models, 1)),
        squares=np.tile(floor * floor, (models, 1)),
        expert_gains=np.tile(floor, (len(EXPERTS), 1)),
        expert_squares=np.tile(floor * floor, (len(EXPERTS), 1)),
        usual_error=scale.copy(),
        level_error=np.zeros(n),
        window_actual=np.zeros((window, n)),
        window_forecast=np.zeros((window, n)),
        window_rows=np.zeros(n, np.int64),
        best_mae=np.array([policy.best_mae for policy in policies]),
        best_loss=np.zeros(n),
        ahead=np.zeros(n),
        credit=np.zeros((3, n)),
        seen=np.array(ranges, np.float64).T.copy(),
        spread=spread,
        margin=spread.copy(),
        scale=scale,
        phi=np.array([0.05 * policy.mean_abs for policy in policies]),
        best=np.array([policy.best for policy in policies], np.int64),
        dirty=np.zeros(n, np.int64),
        mutated=np.zeros(n, np.int64),
    )
