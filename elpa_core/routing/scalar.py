"""One series in plain Python floats: for 14 models several times faster than numpy.

`vector` does the same arithmetic in the same order for many series. Whoever changes one of them, or of
`scalar_learning` and `vector_learning`, changes the other; the tests hold them equal to the bit.
Nothing here uses sum(), which compensates rounding since Python 3.12, or a power, whose last bit
depends on the C library.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from itertools import islice
from math import inf

import numpy as np

from elpa_core.routing.answers import Answers
from elpa_core.routing.settings import (
    BELT_TRUST,
    GAIN_RANGE,
    LEAST_SAY,
    MEDIAN,
    REACH,
    Method,
)
from elpa_core.routing.state import State

Experts = tuple[float, float, float, float, float, float]
_MISSING = 1e300  # no limit reaches it: no actual is beyond BOUND
_MOST = sys.float_info.max


@dataclass(slots=True)
class Answer:
    """One step: what came in, what each expert said, what was served."""

    served: float
    experts: Experts
    offline: float
    limited: list[float]
    present: list[bool] | None
    nearest: float
    farthest: float
    mixed: float
    belt: float | None
    served_dirty: bool

    @classmethod
    def of(cls, given: Answers) -> Answer:
        """Return the first series' answer; it can be learned from, not explained."""
        recent, median, level, steady, online, amplitude = given.experts[:, 0].tolist()
        return cls(
            float(given.served[0]),
            (recent, median, level, steady, online, amplitude),
            float(given.offline[0]),
            given.limited[:, 0].tolist(),
            None if given.present is None else given.present[:, 0].tolist(),
            nearest=0.0,
            farthest=0.0,
            mixed=0.0,
            belt=None,
            served_dirty=False,
        )

    def to_answers(self) -> Answers:
        """Return the same as arrays of one series."""
        return Answers(
            np.array([self.served]),
            np.array(self.experts)[:, np.newaxis],
            np.array([self.offline]),
            np.array(self.limited)[:, np.newaxis],
            None if self.present is None else np.array(self.present)[:, np.newaxis],
        )


@dataclass(slots=True)
class Stand:
    """What a state means for the next block: weights, limits, room to leave the best model."""

    weights: list[float]
    steady_weights: list[float]
    says: list[float]
    low: float
    high: float
    lowest: float
    highest: float
    tolerance: float
    trust: float
    factor: float
    room: float
    move: float
    mutated: int


@dataclass(slots=True)
class SeriesState:
    """The fields of `State` of one series, as lists and numbers."""

    scores: list[float]
    gains: list[float]
    squares: list[float]
    expert_scores: list[float]
    level_error: float
    window_actual: list[float]
    window_forecast: list[float]
    window_sums: list[float]
    window_rows: int
    budget: float
    leeway: float
    seen: list[float]
    spread: float
    margin: float
    scale: float
    floor: float
    phi: float
    epsilon: float
    best: int
    dirty: int
    mutated: int

    @classmethod
    def of(cls, state: State) -> SeriesState:
        """Return the first series of a state."""
        return cls(**{field.name: getattr(state, field.name)[..., 0].tolist() for field in fields(cls)})

    def to_state(self) -> State:
        """Return the same as arrays of one series."""
        return State(**{field.name: np.array(getattr(self, field.name))[..., None] for field in fields(self)})


def stand_of(state: SeriesState, method: Method, window: int) -> Stand:
    """Return weights (unnormalised), limits and factors of a state."""
    scale = state.scale
    margin, factor = state.margin, 1.0
    low, high = state.seen[0] - margin, state.seen[1] + margin
    actual, forecast = state.window_sums
    least, most = GAIN_RANGE
    if state.window_rows >= window and forecast > 0.0:
        gain = actual / forecast
        if not least <= gain <= most:
            gain = _within(gain, least, most)
        factor = 1.0 + (gain - 1.0) * 0.5
    room = inf
    if method.belted and state.best >= 0:
        room = max(0.0, state.budget)
    says = [(t := (t := (t := scale / s) * t) * t) * t for s in state.expert_scores]
    for expert in method.absent:
        says[expert] = 0.0
    a, b, c, d, e, g = says
    if a + b + c + d + e + g < LEAST_SAY:
        says = [1.0 if expert == MEDIAN else 0.0 for expert in range(len(says))]
    return Stand(
        [(t := (t := (t := scale / s) * t) * t) * t for s in state.scores],
        [g / v if g > 0.0 else 0.0 for g, v in zip(state.gains, state.squares, strict=True)],
        says,
        low,
        high,
        low - REACH * margin,
        high + REACH * margin,
        method.tolerance * state.expert_scores[MEDIAN],
        BELT_TRUST * state.expert_scores[MEDIAN] if state.leeway >= 0.0 else inf,
        factor,
        room,
        method.level_share * state.level_error,
        state.mutated,
    )


def answer(state: SeriesState, stand: Stand, row: list[float], n_online: int, step: int) -> Answer | None:
    """Combine the forecasts of one step; None if none of them is a finite number.

    Parameters
    ----------
    row : list of float, one a model
        NaN where a model has no forecast.
    step : int
        Position in the block, from 0.
    """
    low, high = stand.low, stand.high
    limited = [f if low <= f <= high else _limit(f, stand) for f in row]
    ordered = sorted(limited)
    present = None
    if ordered[-1] == _MISSING:
        present = [f != _MISSING for f in limited]
        ordered = [f for f in ordered if f != _MISSING]
        if not ordered:
            if stand.highest == _MOST:
                return None
            # Where none is within reach, all that are numbers count.
            return answer(state, replace(stand, lowest=-_MOST, highest=_MOST), row, n_online, step)
    middle = len(ordered)
    median = ordered[(middle - 1) // 2] * 0.5 + ordered[middle // 2] * 0.5 + 0.0
    nearest, farthest = median - stand.tolerance, median + stand.tolerance
    if farthest >= _MISSING:
        farthest = high
    on = on_weight = off = off_weight = steady = steady_weight = 0.0
    each = zip(stand.weights, stand.steady_weights, limited, strict=True)
    for w, u, f in islice(each, n_online):
        if nearest <= f <= farthest:
            on += w * f
            on_weight += w
            steady += u * f
            steady_weight += u
    for w, u, f in each:
        if nearest <= f <= farthest:
            off += w * f
            off_weight += w
            steady += u * f
            steady_weight += u
    both = on_weight + off_weight
    recent = (on + off) / both if both > 0.0 else median
    online = on / on_weight if on_weight > 0.0 else median
    offline = off / off_weight if off_weight > 0.0 else median
    level = median + stand.move
    if not low <= level <= high:
        level = _within(level, low, high)
    steady = steady / steady_weight if steady_weight > 0.0 else median
    amplitude = stand.factor * offline
    if not low <= amplitude <= high:
        amplitude = _within(amplitude, low, high)
    experts = (recent, median, level, steady, online, amplitude)
    dirty = step < state.dirty
    mixed, belt = online, None
    if not dirty:
        mixed = _mix(stand, experts)
        if stand.room < inf and (best := limited[state.best]) != _MISSING:
            near = median - stand.trust <= best <= median + stand.trust
            belt = 1.0 if near or _seen(best, state) > _seen(median, state) else None
    if present is not None:
        limited = [f if there else 0.0 for f, there in zip(limited, present, strict=True)]
    return Answer(
        mixed + 0.0, experts, offline,
        limited, present, nearest, farthest, mixed, belt, dirty,
    )  # fmt: skip


def _seen(forecast: float, state: SeriesState) -> bool:
    """Return whether a forecast is within the actuals so far."""
    low, high = state.seen
    return low <= forecast <= high


def _mix(stand: Stand, experts: Experts) -> float:
    """Return what the experts say together."""
    recent, median, level, steady, online, amplitude = experts
    a, b, c, d, e, g = stand.says
    total = a + b + c + d + e + g
    return (a * recent + b * median + c * level + d * steady + e * online + g * amplitude) / total


def hold(answers: list[Answer], stand: Stand, best: int) -> None:
    """Move the answers of a block towards the best single model, as far as the room demands."""
    distance = 0.0
    for given in answers:
        if given.belt is not None:
            distance += abs(given.mixed - given.limited[best])
    if distance > stand.room:
        share = stand.room / distance
        for given in answers:
            if given.belt is not None:
                start = given.limited[best]
                given.served, given.belt = start + share * (given.mixed - start) + 0.0, share


def _limit(forecast: float, stand: Stand) -> float:
    if not stand.lowest <= forecast <= stand.highest:  # NaN too
        return _MISSING
    return stand.low if forecast < stand.low else stand.high


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
