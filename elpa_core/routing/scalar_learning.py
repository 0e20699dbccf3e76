"""What one series learns from an actual; `vector_learning` does the same for many, to the bit."""

from __future__ import annotations

from math import inf

from elpa_core.routing.scalar import Answer, SeriesState
from elpa_core.routing.settings import (
    BELT_SHARE,
    BOUND,
    GROWTH,
    LEEWAY_SHARE,
    MEDIAN,
    SIZE,
    STEADY,
    Method,
)


def learn(
    state: SeriesState, given: Answer, actual: float, method: Method, n_online: int, dirty_interval: int
) -> None:
    """Learn from the actual of one step that was answered."""
    keep, take, floor = method.keep_model, method.learn_model, state.floor
    clean = state.dirty == 0
    scores = [
        keep * s + take * ((e if (e := actual - f) >= 0.0 else -e) + floor)
        for s, f in zip(state.scores, given.limited, strict=True)
    ]
    gains, squares = state.gains, state.squares
    steady = given.experts[STEADY]
    if clean and steady != actual:
        regrets = [steady - f for f in given.limited]
        if steady > actual:
            gains = [g + r for g, r in zip(gains, regrets, strict=True)]
        else:
            gains = [g - r for g, r in zip(gains, regrets, strict=True)]
        squares = [v + r * r for v, r in zip(squares, regrets, strict=True)]
    if not clean:
        scores[n_online:] = state.scores[n_online:]
    if given.present is not None:
        for j, there in enumerate(given.present):
            if not there:
                scores[j] = state.scores[j]
                gains[j], squares[j] = state.gains[j], state.squares[j]
    state.scores, state.gains, state.squares = scores, gains, squares
    error = actual - given.experts[MEDIAN]
    state.level_error = method.keep_level * state.level_error + method.learn_level * error
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
        best_error = abs(actual - given.limited[best])
        state.budget += (1.0 + BELT_SHARE) * best_error - error
        state.leeway += (1.0 + LEEWAY_SHARE) * best_error - error
    _widen(state, actual)
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


def _widen(state: SeriesState, actual: float) -> None:
    low, high = state.seen
    margin = state.margin
    if low > high:
        if actual == 0.0:
            return
        state.seen, state.spread = [actual, actual], max(abs(actual), SIZE * state.scale)
    elif actual < low:
        state.seen[0] = max(actual, low - margin)
    elif actual > high:
        state.seen[1] = min(actual, high + margin)
    beyond = low <= high and not low - margin <= actual <= high + margin
    state.margin = min(GROWTH * margin, BOUND) if beyond else state.spread
