"""Combine the forecasts of all models in four ways, and mix these experts; learn the weights from actuals.

``recent`` weighs models by their recent errors to the power -8. ``steady``, and the mean of the experts,
weigh by the gains that they themselves would have had (ML-Poly).

References
----------
Gaillard, Stoltz, van Erven: A second-order bound with excess losses, COLT 2014 (ML-Poly).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answer import Answer
from elpa_core.routing.limits import Mask, clip_many, limits_of, within
from elpa_core.routing.method import Method
from elpa_core.routing.settings import EXPERTS, FLOOR, LEVEL, MEDIAN, RECENT, STEADY
from elpa_core.routing.state import Array, State

VOTE_RANK = 3
"""The rank of the model with which errors are compared for a vote."""
MOST_GAIN = 2.0
"""Largest gain of an expert at one step, in usual errors of the median: no outlier weighs for long."""
LEAST_SAY = 1e-200
"""If the experts' weights sum to less, because none would have improved the mean, the median is served."""


@dataclass(slots=True)
class Weights:
    """What the experts of one series use for a block; ``voters`` count in the median, all if that is None."""

    recent: list[float]
    steady: list[float]
    voters: list[bool] | None
    says: list[float]
    total_say: float
    tolerance: float
    move: float
    low: float
    high: float


def weigh_one(state: State, method: Method) -> Weights:
    """Return the weights for the next block."""
    scale, voters, recent, steady = state.scale, None, [], []
    for score, gain, square in zip(state.scores, state.gains, state.squares):
        ratio = scale / score
        ratio *= ratio
        ratio *= ratio
        recent.append(ratio * ratio)
        steady.append(gain / square if gain > 0.0 else 0.0)
    if method.vote < inf:
        ordered = sorted(state.scores)
        most = method.vote * ordered[:VOTE_RANK][-1]
        if ordered[-1] > most:
            voters = [score <= most for score in state.scores]
    (a, b, c, d), (e, f, g, h) = state.expert_gains, state.expert_squares
    says = [a / e if a > 0.0 else 0.0, b / f if b > 0.0 else 0.0, c / g if c > 0.0 else 0.0,
            d / h if d > 0.0 else 0.0]  # fmt: skip
    for expert in method.absent:
        says[expert] = 0.0
    total = says[0] + says[1] + says[2] + says[3]
    if total < LEAST_SAY:
        says, total = [1.0 if expert == MEDIAN else 0.0 for expert in range(len(says))], 1.0
    return Weights(
        recent, steady, voters, says, total,
        method.tolerance * state.usual_error, method.level_share * state.level_error, *limits_of(state),
    )  # fmt: skip


def median_one(limited: list[float], ordered: list[float], weights: Weights) -> float:
    """Return the median of the voters' forecasts, or of all if none of them has one."""
    if weights.voters is not None:
        each = zip(limited, weights.voters, strict=True)
        ordered = sorted(f for f, votes in each if votes and f == f) or ordered  # noqa: PLR0124  NaN differs
    count = len(ordered)
    return ordered[(count - 1) // 2] * 0.5 + ordered[count // 2] * 0.5 + 0.0


def combine_one(
    limited: list[float], ordered: list[float], median: float, weights: Weights, n_online: int
) -> tuple[tuple[float, ...], float, float]:
    """Return what the experts forecast, and ``recent`` of the online and of the offline models alone.

    Forecasts that are NaN, or farther from the median than the tolerance, do not count.
    """
    nearest, farthest = median - weights.tolerance, median + weights.tolerance
    triples: Iterator[tuple[float, float, float]] = zip(weights.recent, weights.steady, limited)
    if len(ordered) < len(limited) or ordered[0] < nearest or ordered[-1] > farthest:
        triples = iter([t if nearest <= t[2] <= farthest else (0.0, 0.0, 0.0) for t in triples])
    on = on_weight = off = off_weight = total = weight = 0.0
    for recent, steady, forecast in islice(triples, n_online):
        on += recent * forecast
        on_weight += recent
        total += steady * forecast
        weight += steady
    for recent, steady, forecast in triples:
        off += recent * forecast
        off_weight += recent
        total += steady * forecast
        weight += steady
    both = on_weight + off_weight
    experts = (
        (on + off) / both if both > 0.0 else median,
        median,
        within(median + weights.move, weights.low, weights.high),
        total / weight if weight > 0.0 else median,
    )
    online = on / on_weight if on_weight > 0.0 else median
    return experts, online, off / off_weight if off_weight > 0.0 else median


def mix_one(experts: tuple[float, ...], weights: Weights) -> float:
    """Return the weighted mean of the experts."""
    (a, b, c, d), (recent, median, level, steady) = weights.says, experts
    return (a * recent + b * median + c * level + d * steady) / weights.total_say + 0.0


def learn_one(state: State, given: Answer, actual: float, method: Method, *, clean: bool) -> None:
    """Learn the errors of models and median, and the gains of models and experts.

    Where the step is not clean, only the errors of the online models and the level error learn.
    """
    floor, keep, take = FLOOR * state.scale, method.keep_model, 1.0 - method.keep_model
    _, median, _, steady = given.experts
    side, models = 1.0 if steady > actual else -1.0 if steady < actual else 0.0, given.limited
    if not clean:
        models, side = models[: method.n_online], 0.0
    scores, gains, squares = [], [], []
    for score, gain, square, forecast in zip(state.scores, state.gains, state.squares, models):
        error, regret = actual - forecast, side * (steady - forecast)
        scores.append(keep * score + take * ((error if error >= 0.0 else -error) + floor))
        gains.append(gain + regret)
        squares.append(square + regret * regret)
    error = actual - median
    state.level_error = method.keep_level * state.level_error + (1.0 - method.keep_level) * error
    if not clean:
        state.scores[: len(scores)] = scores  # their gains stand still
        return
    state.scores, state.gains, state.squares = scores, gains, squares
    mixed, most = given.mixed, MOST_GAIN * state.usual_error
    least = method.learn_expert * (floor * floor)  # so the squares do not fall below those of the floor
    side, keep = 1.0 if mixed > actual else -1.0 if mixed < actual else 0.0, method.keep_expert
    gains, squares = state.expert_gains, state.expert_squares
    for k, forecast in enumerate(given.experts):
        regret = side * (mixed - forecast)
        if not -most <= regret <= most:
            regret = within(regret, -most, most)
        gains[k] = keep * gains[k] + regret
        squares[k] = keep * squares[k] + regret * regret + least
    keep = method.keep_usual
    state.usual_error = keep * state.usual_error + (1.0 - keep) * (abs(error) + floor)


class WeightsOfMany:
    """The same for many series; one object serves all blocks, in memory of its own.

    The fewer arrays of all models there are, the more of them stay in the processor's cache. So the weights
    of a block of one step are computed where they are used.
    """

    def __init__(self, models: int, series: int, n_online: int) -> None:
        self.groups = slice(n_online), slice(n_online, None)
        self.memory = np.empty((models, series))
        self.kept: dict[int, Array] = {}
        self.says, self.said = np.empty((2, len(EXPERTS), series))
        self.columns = np.arange(series)

    def weigh(self, state: State, method: Method, steps: int) -> None:
        """Compute the weights for the next block of ``steps``; see `weigh_one`."""
        self.state, self.steps, self.known = state, steps, set[int]()
        self.voters: Mask | None = None
        if method.vote < np.inf:
            place = min(VOTE_RANK, len(state.scores)) - 1
            voters = state.scores <= method.vote * np.partition(state.scores, place, axis=0)[place]
            self.voters = None if voters.all() else voters
        _potential_many(state.expert_gains, state.expert_squares, self.says)
        for expert in method.absent:
            self.says[expert] = 0.0
        self.total_say = _total(self.says)
        if self.total_say.min() < LEAST_SAY:
            unheard = self.total_say < LEAST_SAY
            self.says[:, unheard] = 0.0
            self.says[MEDIAN, unheard] = self.total_say[unheard] = 1.0
        self.tolerance = method.tolerance * state.usual_error
        self.move = method.level_share * state.level_error
        self.low, self.high = limits_of(state)
        self.best = state.best * len(self.columns) + self.columns  # its place in all forecasts

    def _weights(self, expert: int) -> Array:
        state, out = self.state, self.memory
        if self.steps > 1:
            out = self.kept.setdefault(expert, np.empty_like(out))
            if expert in self.known:
                return out
            self.known.add(expert)
        if expert == STEADY:
            _potential_many(state.gains, state.squares, out)
            return out
        np.divide(state.scale, state.scores, out=out)
        for _ in range(3):
            np.multiply(out, out, out=out)
        return out

    def combine(self, out: Answer, left_out: tuple[NDArray[np.int64], ...]) -> Array:
        """Fill in experts and ``offline``; return ``recent`` of the online models alone; see `combine_one`.

        ``left_out`` are models and series of the forecasts that do not count.
        """
        experts, median = out.experts, out.experts[MEDIAN]
        (on, on_weight), (off, off_weight) = self._sums(RECENT, self.groups, out.limited, left_out)
        _divide(on + off, on_weight + off_weight, median, experts[RECENT])
        _divide(off, off_weight, median, out.offline)
        [(total, weight)] = self._sums(STEADY, (slice(None),), out.limited, left_out)
        _divide(total, weight, median, experts[STEADY])
        level = np.add(median, self.move, out=experts[LEVEL])
        clip_many(level, self.low, self.high)
        return _divide(on, on_weight, median, on)

    def _sums(
        self, expert: int, groups: Sequence[slice], limited: Array, left_out: tuple[NDArray[np.int64], ...]
    ) -> list[tuple[Array, Array]]:
        """Return the sums of weighted forecasts and of the weights for each group of models."""
        weights = self._weights(expert)
        put_back = weights[left_out]
        weights[left_out] = 0.0
        totals = [_total(weights[models]) for models in groups]
        products = np.multiply(weights, limited, out=self.memory)
        sums = [_total(products[models]) for models in groups]
        weights[left_out] = put_back  # the next step of a block uses them again
        return list(zip(sums, totals, strict=True))

    def mix(self, out: Answer) -> None:
        """Fill in the weighted mean of the experts."""
        np.divide(_total(np.multiply(self.says, out.experts, out=self.said)), self.total_say, out=out.mixed)


def learn_many(
    state: State, work: WeightsOfMany, given: Answer, actual: Array, method: Method, clean: Mask | None
) -> None:
    """Learn as `learn_one`; ``clean`` is None if all series are."""
    floor, usual, keep = FLOOR * state.scale, state.usual_error, method.keep_model
    errors = np.abs(np.subtract(actual, given.limited, out=work.memory), out=work.memory)
    errors += floor
    errors *= 1.0 - keep
    if clean is None:
        state.scores *= keep
        state.scores += errors
    else:
        counts = np.ones(errors.shape, np.bool_)
        counts[method.n_online :] = clean
        np.copyto(state.scores, keep * state.scores + errors, where=counts)
    steady, limited, most = given.experts[STEADY], given.limited, MOST_GAIN * usual
    _gain_many(state.gains, state.squares, steady, limited, actual, clean, work.memory, None)
    gains, squares = state.expert_gains, state.expert_squares
    kept = method.keep_expert if clean is None else np.where(clean, method.keep_expert, 1.0)
    gains *= kept
    squares *= kept
    _gain_many(gains, squares, given.mixed, given.experts, actual, clean, work.said, most)
    least = method.learn_expert * (floor * floor)
    squares += least if clean is None else least * clean
    error = actual - given.experts[MEDIAN]
    state.level_error *= method.keep_level
    state.level_error += (1.0 - method.keep_level) * error
    np.abs(error, out=error)
    error += floor
    learned = method.keep_usual * usual + (1.0 - method.keep_usual) * error
    np.copyto(usual, learned, where=True if clean is None else clean)


def _gain_many(
    gains: Array,
    squares: Array,
    mixture: Array,
    members: Array,
    actual: Array,
    clean: Mask | None,
    buffer: Array,
    most: Array | None,
) -> None:
    """Add what the mixture would have gained by moving to each member, at most ``most``, and its square."""
    side = np.sign(mixture - actual)
    if clean is not None:
        side *= clean
    regrets = np.subtract(mixture, members, out=buffer)
    regrets *= side
    if most is not None:
        clip_many(regrets, -most, most)
    np.add(gains, regrets, out=gains)
    np.multiply(regrets, regrets, out=regrets)
    np.add(squares, regrets, out=squares)


def _total(rows: Array) -> Array:
    """Add rows from the first on.

    numpy adds the rows of a matrix in that order unless it has one column, where it adds pairwise.
    """
    if rows.shape[1] != 1:
        total: Array = np.add.reduce(rows, axis=0)
        return total
    total = np.zeros(1)
    for row in rows:
        total += row
    return total


def _divide(total: Array, weight: Array, otherwise: Array, out: Array) -> Array:
    """Divide where there is a weight."""
    if weight.all():
        return np.divide(total, weight, out=out)
    out[:] = np.divide(total, weight, out=otherwise.copy(), where=weight != 0.0)
    return out


def _potential_many(gains: Array, squares: Array, out: Array) -> None:
    np.divide(gains, squares, out=out)
    np.maximum(out, 0.0, out=out)
