"""One series in plain Python floats: for 14 models several times faster than numpy.

`vector` does the same arithmetic in the same order for many series. Whoever changes one changes the
other; the tests hold them equal to the bit. Nothing here uses sum(), which compensates rounding since
Python 3.12, or a power, whose last bit depends on the C library.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, isfinite

import numpy as np

from elpa_core.routing.settings import BELT_SHARE, GAIN_RANGE, MEDIAN, Method
from elpa_core.routing.state import State
from elpa_core.routing.vector import Answers

_MISSING = 1e300  # no limit reaches it: no actual is beyond BOUND


@dataclass(slots=True)
class Answer:
    """One step: what came in, what each expert said, what was served."""

    served: float
    experts: tuple[float, float, float, float, float]
    offline: float
    limited: list[float]
    levelled: list[float]
    present: list[bool] | None
    nearest: float
    farthest: float
    mixed: float
    served_dirty: bool

    @classmethod
    def of(cls, given: Answers) -> Answer:
        """Return the first series' answer; it can be learned from, not explained."""
        recent, median, level, online, amplitude = given.experts[:, 0].tolist()
        return cls(
            float(given.served[0]),
            (recent, median, level, online, amplitude),
            float(given.offline[0]),
            given.limited[:, 0].tolist(),
            given.levelled[:, 0].tolist(),
            None if given.present is None else given.present[:, 0].tolist(),
            nearest=0.0,
            farthest=0.0,
            mixed=0.0,
            served_dirty=False,
        )

    def to_answers(self) -> Answers:
        """Return the same as arrays of one series."""
        return Answers(
            np.array([self.served]),
            np.array(self.experts)[:, np.newaxis],
            np.array([self.offline]),
            np.array(self.limited)[:, np.newaxis],
            np.array(self.levelled)[:, np.newaxis],
            None if self.present is None else np.array(self.present)[:, np.newaxis],
        )


@dataclass(slots=True)
class Stand:
    """What a state means for the next block: weights, limits, and room around the best model."""

    weights: list[float]
    level_weights: list[float]
    says: list[float]
    low: float
    high: float
    tolerance: float
    factor: float
    room: float
    moves: list[float]
    mutated: int


@dataclass(slots=True)
class SeriesState:
    """The fields of `State` of one series, as lists and numbers."""

    scores: list[float]
    level_scores: list[float]
    level_errors: list[float]
    expert_scores: list[float]
    window_actual: list[float]
    window_forecast: list[float]
    window_sums: list[float]
    window_rows: int
    budget: float
    seen: list[float]
    spread: float
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


def stand_of(state: SeriesState, method: Method, window: int, steps: int) -> Stand:
    """Return weights (unnormalised, score to the power -8), limits and factors of a state."""
    scale = state.scale
    low, high = state.seen
    factor, spread, share = 1.0, state.spread, method.level_share
    actual, forecast = state.window_sums
    least, most = GAIN_RANGE
    if state.window_rows >= window and forecast > 0.0:
        gain = actual / forecast
        if not least <= gain <= most:
            gain = _within(gain, least, most)
        factor = 1.0 + (gain - 1.0) * 0.5
    room = inf
    if method.belted and state.best >= 0:
        room = state.budget / steps if state.budget > 0.0 else 0.0
    says = [(t := (t := (t := scale / s) * t) * t) * t for s in state.expert_scores]
    for expert in method.absent:
        says[expert] = 0.0
    errors = state.level_errors
    return Stand(
        [(t := (t := (t := scale / s) * t) * t) * t for s in state.scores],
        [(t := (t := (t := scale / s) * t) * t) * t for s in state.level_scores],
        says,
        low - spread,
        high + spread,
        method.tolerance * state.expert_scores[MEDIAN],
        factor,
        room,
        errors if share == 1.0 else [share * e for e in errors],
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
    limited = [f if low <= f <= high else _limit(f, low, high) for f in row]
    ordered = sorted(limited)
    present = None
    if ordered[-1] == _MISSING:
        present = [f != _MISSING for f in limited]
        ordered = [f for f in ordered if f != _MISSING]
        if not ordered:
            return None
    middle = len(ordered)
    median = ordered[(middle - 1) // 2] * 0.5 + ordered[middle // 2] * 0.5
    nearest, farthest = median - stand.tolerance, median + stand.tolerance
    if farthest >= _MISSING:
        farthest = high
    levelled = [
        t if low <= (t := f + e) <= high else low if t < low else high
        for f, e in zip(limited, stand.moves, strict=False)
    ]
    on = on_weight = off = off_weight = level = level_weight = 0.0
    weights, level_weights = stand.weights, stand.level_weights
    for w, v, f, moved in zip(weights[:n_online], level_weights, limited, levelled, strict=False):
        if nearest <= f <= farthest:
            on += w * f
            on_weight += w
            level += v * moved
            level_weight += v
    for w, v, f, moved in zip(
        weights[n_online:], level_weights[n_online:], limited[n_online:], levelled[n_online:], strict=False
    ):
        if nearest <= f <= farthest:
            off += w * f
            off_weight += w
            level += v * moved
            level_weight += v
    both = on_weight + off_weight
    recent = (on + off) / both if both > 0.0 else median
    online = on / on_weight if on_weight > 0.0 else median
    offline = off / off_weight if off_weight > 0.0 else median
    level = level / level_weight if level_weight > 0.0 else median
    amplitude = stand.factor * offline
    if not low <= amplitude <= high:
        amplitude = _within(amplitude, low, high)
    dirty = step < state.dirty
    if dirty:
        mixed = served = online
    else:
        a, b, c, d, e = stand.says
        total = a + b + c + d + e
        mixed = served = (a * recent + b * median + c * level + d * online + e * amplitude) / total
        room = stand.room
        if room < inf and nearest <= (best := limited[state.best]) <= farthest:
            if not best - room <= served <= best + room:
                served = _within(served, best - room, best + room)
    if present is not None:
        limited = [f if there else 0.0 for f, there in zip(limited, present, strict=True)]
        levelled = [f if there else 0.0 for f, there in zip(levelled, present, strict=True)]
    return Answer(
        served + 0.0, (recent, median, level, online, amplitude), offline,
        limited, levelled, present, nearest, farthest, mixed, dirty,
    )  # fmt: skip


def learn(
    state: SeriesState, given: Answer, actual: float, method: Method, n_online: int, dirty_interval: int
) -> None:
    """Learn from the actual of one step that was answered."""
    keep, take, floor = method.keep_model, method.learn_model, state.floor
    clean = state.dirty == 0
    errors, scores, level_scores = [], [], []
    for s, v, f, moved in zip(state.scores, state.level_scores, given.limited, given.levelled, strict=False):
        e = actual - f
        errors.append(e)
        scores.append(keep * s + take * ((e if e >= 0.0 else -e) + floor))
        e = actual - moved
        level_scores.append(keep * v + take * ((e if e >= 0.0 else -e) + floor))
    keep_level, take_level = method.keep_level, method.learn_level
    level_errors = errors
    if keep_level > 0.0:
        level_errors = [
            keep_level * s + take_level * e for s, e in zip(state.level_errors, errors, strict=True)
        ]
    if not clean:
        scores[n_online:] = state.scores[n_online:]
        level_scores[n_online:] = state.level_scores[n_online:]
    if given.present is not None:
        for j, there in enumerate(given.present):
            if not there:
                scores[j] = state.scores[j]
                level_scores[j] = state.level_scores[j]
                level_errors[j] = state.level_errors[j]
    state.scores, state.level_scores, state.level_errors = scores, level_scores, level_errors
    if clean:
        keep, take = method.keep_expert, method.learn_expert
        state.expert_scores = [
            keep * s + take * ((e if (e := actual - f) >= 0.0 else -e) + floor)
            for s, f in zip(state.expert_scores, given.experts, strict=True)
        ]
        _remember(state, abs(actual), abs(given.offline))
    served = given.served
    error = abs(actual - served)
    best = state.best
    if best >= 0 and (given.present is None or given.present[best]):
        state.budget += (1.0 + BELT_SHARE) * abs(errors[best]) - error
    low, high = state.seen
    if not low <= actual <= high:
        spread = state.spread
        state.seen = [max(actual, low - spread), high] if actual < low else [low, min(actual, high + spread)]
    if not clean:
        state.dirty -= 1
    state.mutated = 0
    if state.epsilon < inf and error > state.epsilon * max(abs(actual), abs(served), state.phi):
        state.mutated, state.dirty = 1, dirty_interval


def _remember(state: SeriesState, actual: float, forecast: float) -> None:
    place = state.window_rows % len(state.window_actual)
    sums = state.window_sums
    sums[0] += actual - state.window_actual[place]
    sums[1] += forecast - state.window_forecast[place]
    state.window_actual[place], state.window_forecast[place] = actual, forecast
    state.window_rows += 1


def _limit(forecast: float, low: float, high: float) -> float:
    if not isfinite(forecast):
        return _MISSING
    return low if forecast < low else high


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
