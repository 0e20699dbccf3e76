"""The state of one series in plain Python floats, and the weights and limits for the next block."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf

import numpy as np

from elpa_core.routing.settings import BELT_TRUST, GAIN_RANGE, LEAST_SAY, MEDIAN, VOTE_RANK, Method
from elpa_core.routing.state import State


@dataclass(slots=True)
class Stand:
    """Weights, limits and the allowance of the belt for the next block, computed from a state.

    ``weights`` and ``lead_weights`` are lists by lead time; one step ahead the first has one list, the
    second none. ``voters`` tells which models count in the median; None if all do.
    """

    weights: list[list[float]]
    steady_weights: list[float]
    lead_weights: list[list[float]]
    voters: list[bool] | None
    says: list[float]
    total_say: float
    low: float
    high: float
    tolerance: float
    trust: float
    factor: float
    room: float
    credit: float
    move: float
    mutated: int


@dataclass(slots=True)
class SeriesState:
    """The fields of `State` of one series, as lists and numbers."""

    scores: list[float]
    gains: list[float]
    squares: list[float]
    lead_scores: list[list[float]]
    lead_gains: list[list[float]]
    lead_squares: list[list[float]]
    expert_gains: list[float]
    expert_squares: list[float]
    usual_error: float
    level_error: float
    window_actual: list[float]
    window_forecast: list[float]
    window_sums: list[float]
    window_rows: int
    budget: float
    leeway: float
    credit: list[float]
    last: float
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
        models = len(self.scores)
        arrays = {field.name: np.array(getattr(self, field.name)) for field in fields(self)}
        for name in ("lead_scores", "lead_gains", "lead_squares"):
            arrays[name] = arrays[name].reshape(-1, models)
        return State(**{name: array[..., None] for name, array in arrays.items()})


def stand_of(state: SeriesState, method: Method, window: int, steps: int) -> Stand:
    """Return weights (unnormalised), limits and factors of a state for a block of ``steps``."""
    scale, scores = state.scale, state.scores
    if method.leads:
        used = method.lead(steps - 1) + 1
        weights = [
            [(t := (t := scale / s * (scale / x)) * t) * t for s, x in zip(scores, lead, strict=True)]
            for lead in state.lead_scores[:used]
        ]
        gains = zip(state.lead_gains[:used], state.lead_squares, strict=False)
        lead_weights = [_potential(lead, squares) for lead, squares in gains]
    else:
        weights, lead_weights = [[(t := (t := (t := scale / s) * t) * t) * t for s in scores]], []
    voters = None
    if method.vote < inf:
        ordered = sorted(scores)
        most = method.vote * ordered[:VOTE_RANK][-1]
        if ordered[-1] > most:
            voters = [score <= most for score in scores]
    factor, low, high = 1.0, state.seen[0] - state.margin, state.seen[1] + state.margin
    actual, forecast = state.window_sums
    least, most = GAIN_RANGE
    if state.window_rows >= window and forecast > 0.0:
        gain = actual / forecast
        factor = 1.0 + (within(gain, least, most) - 1.0) * 0.5
    total, most_of_one, block = state.credit
    asked = method.experts
    says = _potential(state.expert_gains[:asked], state.expert_squares[:asked])
    for expert in method.absent:
        says[expert] = 0.0
    total_say = 0.0
    for say in says:
        total_say += say
    if total_say < LEAST_SAY:
        says, total_say = [1.0 if expert == MEDIAN else 0.0 for expert in range(asked)], 1.0
    return Stand(
        weights,
        _potential(state.gains, state.squares),
        lead_weights,
        voters,
        says,
        total_say,
        low,
        high,
        method.tolerance * state.usual_error,
        BELT_TRUST * state.usual_error if state.leeway >= 0.0 else inf,
        factor,
        max(0.0, state.budget),
        total + block - max(most_of_one, block),
        method.level_share * state.level_error,
        state.mutated,
    )


def _potential(gains: list[float], squares: list[float]) -> list[float]:
    return [g / v if g > 0.0 else 0.0 for g, v in zip(gains, squares, strict=True)]


def within(value: float, low: float, high: float) -> float:
    """Return the nearest number from ``low`` to ``high``."""
    if low <= value <= high:
        return value
    return max(low, min(high, value))
