"""The state of a router: the same fields for one series and for thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import (
    BELT_STEPS,
    EXPERTS,
    FLOOR,
    LEEWAY_STEPS,
    MIN_SCALE,
    UNSEEN,
    leads_of,
    spread_of,
)
from elpa_core.schema.limits import BOUND

Array = NDArray[np.float64]
_SCORES = ("scores", "lead_scores", "usual_error")
_SQUARES = ("squares", "lead_squares", "expert_squares")
_INFINITE = ("epsilon", "last")
_MOST_ROWS = 1 << 53
_LARGEST = 1e160  # sums of numbers up to BOUND


@dataclass(slots=True)
class State:
    """The learned state of a router for ``n`` series; the last axis of each array is the series.

    Parameters
    ----------
    scores : ndarray, shape (models, n)
        Exponentially weighted absolute error of each model.
    gains, squares : ndarray, shape (models, n)
        Sum over steps, and sum of squares, of what the expert ``steady`` would have gained by moving
        to the model, to first order.
    lead_scores, lead_gains, lead_squares : ndarray, shape (leads, models, n)
        The same three of each lead time alone, gains and squares of the expert ``lead``.
    expert_gains, expert_squares : ndarray, shape (experts, n)
        As ``gains`` and ``squares``, of what all experts together would have gained by moving to one of
        them; these forget.
    usual_error : ndarray, shape (n,)
        Exponentially weighted absolute error of the median.
    level_error : ndarray, shape (n,)
        Exponentially weighted signed error of the median.
    window_actual, window_forecast : ndarray, shape (amplitude_window, n)
        The last clean |actual| and |offline forecast|, in a ring.
    window_sums : ndarray, shape (2, n)
        Sums of both.
    window_rows : ndarray of int64, shape (n,)
        Clean rows so far.
    budget : ndarray, shape (n,)
        How much worse than the best single model may still be served, summed over steps.
    leeway : ndarray, shape (n,)
        The same with a wider allowance; below zero that model is not left where it is far from the
        median.
    credit : ndarray, shape (3, n)
        How much nearer to the actuals than the median that model has been on clean steps where it was
        far from the median (by the usual error when the actual came): in all blocks before the last one,
        at most in one of these, and in the last one.
    last : ndarray, shape (n,)
        The last actual within the limits; infinite before the first.
    seen : ndarray, shape (2, n)
        Smallest and largest actual, the wrong way round as long as all were zero; one row widens
        them by ``margin`` at most.
    spread : ndarray, shape (n,)
        Range of the actuals at the start, or the size of the first one that is not zero.
    margin : ndarray, shape (n,)
        How far beyond the actuals a forecast may be: ``spread``, and more after an actual that was
        farther out.
    scale, floor, phi : ndarray, shape (n,)
        Scale of the scores, smallest error that counts, smallest denominator of a relative error.
    epsilon : ndarray, shape (n,)
        Relative error of a mutation; infinite if detection is off.
    best : ndarray of int64, shape (n,)
        Position of the best single model on validation.
    dirty : ndarray of int64, shape (n,)
        Dirty steps left.
    mutated : ndarray of int64, shape (n,)
        1 if the last row was a mutation.
    """

    scores: Array
    gains: Array
    squares: Array
    lead_scores: Array
    lead_gains: Array
    lead_squares: Array
    expert_gains: Array
    expert_squares: Array
    usual_error: Array
    level_error: Array
    window_actual: Array
    window_forecast: Array
    window_sums: Array
    window_rows: NDArray[np.int64]
    budget: Array
    leeway: Array
    credit: Array
    last: Array
    seen: Array
    spread: Array
    margin: Array
    scale: Array
    floor: Array
    phi: Array
    epsilon: Array
    best: NDArray[np.int64]
    dirty: NDArray[np.int64]
    mutated: NDArray[np.int64]

    def take(self, series: slice) -> State:
        """Return views of some of the series."""
        return State(*(getattr(self, field.name)[..., series] for field in fields(self)))

    def copy(self) -> State:
        """Return a copy that shares nothing."""
        return State(*(getattr(self, field.name).copy() for field in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON lists; an infinite ``epsilon`` or ``last`` becomes null."""
        result = {field.name: getattr(self, field.name).tolist() for field in fields(self)}
        for name in _INFINITE:
            result[name] = [None if value == np.inf else value for value in result[name]]
        return result

    @classmethod
    def from_json(cls, value: object, *, models: int, leads: int, window: int, source: str) -> State:
        """Return the state that `to_json` wrote.

        Raises
        ------
        InputError
            If a field is missing, of another shape, or no finite number.
        """
        if not isinstance(value, Mapping):
            raise InputError(Problem(source, "$.state", quoted(value), "an object"))
        best = value.get("best")
        series = len(best) if isinstance(best, list) else 0
        shapes = _shapes(models, leads, window, series)
        arrays: dict[str, Any] = {}
        problems = []
        for name, (shape, whole) in shapes.items():
            try:
                array = _array(value.get(name), shape, whole=whole, infinite=name in _INFINITE)
            except (TypeError, ValueError, OverflowError):
                kind = "integers" if whole else "finite numbers"
                expected = f"{kind}, shape {shape}"
                found = "nothing" if name not in value else "something else"
                problems.append(Problem(source, f"$.state.{name}", found, expected, "the file is damaged"))
            else:
                arrays[name] = array
        if series < 1:
            problems.append(Problem(source, "$.state.best", quoted(best), "one integer a series"))
        if problems:
            raise InputError(problems)
        state = cls(**arrays)
        problems = [
            Problem(source, f"$.state.{name}", "numbers of no router", expected, "the file is damaged")
            for name, expected in _impossible(state)
        ]
        positive = {*_SCORES, *_SQUARES, "scale", "floor", "epsilon", "spread", "margin"}
        problems += [
            Problem(source, f"$.state.{name}", "zero or less", "numbers above zero", "the file is damaged")
            for name in sorted(positive)
            if not (getattr(state, name) > 0).all()
        ]
        if (state.best < 0).any() or (state.best >= models).any():
            problems.append(Problem(source, "$.state.best", "no model", "positions of models"))
        if problems:
            raise InputError(problems)
        return state


def _shapes(models: int, leads: int, window: int, series: int) -> dict[str, tuple[tuple[int, ...], bool]]:
    rows = {
        **dict.fromkeys(("scores", "gains", "squares"), (models,)),
        **dict.fromkeys(("lead_scores", "lead_gains", "lead_squares"), (leads, models)),
        **dict.fromkeys(("expert_gains", "expert_squares"), (len(EXPERTS),)),
        **dict.fromkeys(("window_actual", "window_forecast"), (window,)),
        **dict.fromkeys(("window_sums", "seen"), (2,)),
        "credit": (3,),
    }
    whole = {"window_rows", "best", "dirty", "mutated"}
    return {field.name: ((*rows.get(field.name, ()), series), field.name in whole) for field in fields(State)}


def _impossible(state: State) -> Iterator[tuple[str, str]]:
    """Yield fields that a router cannot have come to, with what they should be."""
    for name in ("dirty", "window_rows"):
        if (getattr(state, name) < 0).any() or (getattr(state, name) > _MOST_ROWS).any():
            yield name, "counts"
    if not np.isin(state.mutated, (0, 1)).all():
        yield "mutated", "0 or 1"
    if not np.allclose(state.floor, FLOOR * state.scale, rtol=1e-9, atol=0.0):
        yield "floor", f"{FLOOR} times the scale"
    with np.errstate(over="ignore"):
        least = state.floor**2 * (1.0 - 1e-6)
    for name in _SQUARES:
        if (getattr(state, name) < least).any():
            yield name, "numbers not below the floor, squared"
    for name in _SCORES:
        if (getattr(state, name) < state.floor * (1.0 - 1e-6)).any():
            yield name, "numbers not below the floor"
    for name in (field.name for field in fields(State) if field.name not in (*_SQUARES, *_INFINITE)):
        if (np.abs(getattr(state, name)) > _LARGEST).any():
            yield name, f"numbers up to {_LARGEST}"
    if ((np.abs(state.last) > _LARGEST) & (state.last != np.inf)).any():
        yield "last", f"numbers up to {_LARGEST}, or null"
    if ((state.epsilon > BOUND) & (state.epsilon < np.inf)).any():
        yield "epsilon", f"numbers up to {BOUND}, or null"


def _array(value: Any, shape: tuple[int, ...], *, whole: bool, infinite: bool) -> NDArray[Any]:
    if infinite:
        value = [np.inf if v is None else v for v in value]
    if shape[0] == 0 and value == []:
        return np.zeros(shape)
    array = np.array(value)
    if array.dtype.kind not in ("i" if whole else "if") or array.shape != shape:
        raise ValueError
    array = array.astype(np.int64 if whole else np.float64)
    if not (np.isfinite(array) | (np.isposinf(array) if infinite else False)).all():
        raise ValueError
    return array


def start(policies: Sequence[RoutingPolicy], first_errors: Array | None = None) -> State:
    """Return the state before the first row.

    Parameters
    ----------
    policies : sequence of RoutingPolicy, length n
        One a series, of the same models.
    first_errors : ndarray, shape (models, n), optional
        Absolute errors to start the scores from instead of the policies' scores; NaN where a
        model has none, which then starts with the worst of the others.
    """
    n, models, window = len(policies), len(policies[0].names), policies[0].amplitude_window
    leads = leads_of(policies[0].horizon)
    scores = np.array([policy.scores for policy in policies]).T.copy()
    if first_errors is not None:
        known = np.isfinite(first_errors)
        worst = np.where(known, first_errors, 0.0).max(axis=0)
        scores = np.where(known, first_errors, worst)
    scale = np.maximum(
        np.sort(scores, axis=0)[(models - 1) // 2], MIN_SCALE
    )  # one wild score moves it little
    floor = scale * FLOOR
    scores = np.maximum(scores, floor)
    sizes = np.minimum(UNSEEN * np.maximum(scale, 1.0), BOUND / 3).tolist()
    ranges = [
        policy.range if policy.range is not None and any(policy.range) else (size, -size)
        for policy, size in zip(policies, sizes, strict=True)
    ]
    spread = [spread_of(min(span), max(span)) for span in ranges]
    epsilon = [np.inf if policy.mutant_epsilon is None else policy.mutant_epsilon for policy in policies]
    return State(
        scores=scores,
        gains=np.tile(floor, (models, 1)),
        squares=np.tile(floor * floor, (models, 1)),
        lead_scores=np.tile(scores, (leads, 1, 1)),
        lead_gains=np.tile(floor, (leads, models, 1)),
        lead_squares=np.tile(floor * floor, (leads, models, 1)),
        expert_gains=np.tile(floor, (len(EXPERTS), 1)),
        expert_squares=np.tile(floor * floor, (len(EXPERTS), 1)),
        usual_error=scale.copy(),
        level_error=np.zeros(n),
        window_actual=np.zeros((window, n)),
        window_forecast=np.zeros((window, n)),
        window_sums=np.zeros((2, n)),
        window_rows=np.zeros(n, np.int64),
        budget=np.array([BELT_STEPS * policy.best_mae for policy in policies]),
        leeway=np.array([LEEWAY_STEPS * policy.best_mae for policy in policies]),
        credit=np.zeros((3, n)),
        last=np.full(n, np.inf),
        seen=np.array(ranges, np.float64).T.copy(),
        spread=np.array(spread, np.float64),
        margin=np.array(spread, np.float64),
        scale=scale,
        floor=floor,
        phi=np.array([0.05 * policy.mean_abs for policy in policies]),
        epsilon=np.array(epsilon, np.float64),
        best=np.array([policy.best for policy in policies], np.int64),
        dirty=np.zeros(n, np.int64),
        mutated=np.zeros(n, np.int64),
    )
