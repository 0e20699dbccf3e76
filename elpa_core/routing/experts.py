"""Combine the forecasts of all models in four ways, and mix these experts; learn the weights from actuals.

``recent`` weighs models by their recent errors to the power -8. ``steady`` weighs them by the trust in what
it would have gained by each, and by recent errors to the power -4; the mean of the experts weighs these by
that trust, squared. The trust is ``1 + t`` in a gain, ``1 / (1 + t)`` in a loss, ``t`` its size relative to
what chance gives. ML-Poly gives no weight in a loss: small changes tip its weights over.

References
----------
Gaillard, Stoltz, van Erven: A second-order bound with excess losses, COLT 2014 (ML-Poly, for the gains).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.answer import Answer
from elpa_core.routing.limits import Mask, clip_many, limits_of, within
from elpa_core.routing.method import Method
from elpa_core.routing.settings import EXPERTS, FLOOR, LEVEL, MEDIAN, RECENT, STEADY
from elpa_core.routing.state import Array, State

TOLERANCE, DOUBT, ASIDE = 10.0, 4.0, 0.1
"""A forecast is left out that is farther from the median than the first, in usual errors; than the second, if
it is beyond all actuals so far by more than the third, as a share of their first range."""
VOTE, VOTE_RANK = 4.0, 3
"""In blocks of several steps, a model with over four times the recent error of the third best has no vote."""
MOST_GAIN = 1.0
"""Largest gain of an expert at one step, in usual errors of the median: no outlier weighs for long."""


@dataclass(slots=True)
class Weights:
    """What the experts of one series use for a block; ``voters`` count in the median, all if that is None."""

    recent: list[float]
    steady: list[float]
    voters: list[bool] | None
    says: list[float]
    total_say: float
    tolerance: float
    doubt: float
    least: float
    most: float
    move: float
    low: float
    high: float


def weigh_one(state: State, method: Method) -> Weights:
    """Return the weights for the next block."""
    scale, scores, voters, recent, steady, says = state.scale, state.scores, None, [], [], []
    smallest, largest = state.seen
    chance = max(method.chance * state.usual_error, FLOOR * (largest - smallest))
    for score, gain in zip(scores, state.gains):
        ratio = scale / score
        ratio *= ratio
        ratio *= ratio
        recent.append(ratio * ratio)
        trust = (gain + chance) / chance if gain > 0.0 else chance / (chance - gain)
        steady.append(trust * ratio)
    if method.votes:
        ordered = sorted(scores)
        most = VOTE * ordered[:VOTE_RANK][-1]
        if ordered[-1] > most:
            voters = [score <= most for score in scores]
    for gain, square in zip(state.expert_gains, state.expert_squares):
        root = sqrt(square)
        trust = (gain + root) / root if gain > 0.0 else root / (root - gain)
        says.append(trust * trust)
    for expert in method.absent:
        says[expert] = 0.0
    total, usual = says[0] + says[1] + says[2] + says[3], state.usual_error
    aside, far = ASIDE * state.spread, usual if method.guarded else inf
    return Weights(
        recent, steady, voters, says, total, TOLERANCE * far, DOUBT * far,
        min(smallest, largest) - aside, max(smallest, largest) + aside,
        method.level_share * state.level_error, *limits_of(state),
    )  # fmt: skip


def guard_one(median: float, weights: Weights) -> tuple[float, float]:
    """Return the smallest and the largest forecast that counts."""
    low, high, tolerance = median - weights.doubt, median + weights.doubt, weights.tolerance
    low = low if low <= weights.least else max(weights.least, median - tolerance)
    return low, high if high >= weights.most else min(weights.most, median + tolerance)


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

    Forecasts that are NaN, or too far from the median, do not count.
    """
    nearest, farthest = guard_one(median, weights)
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
    scores, gains = [], []
    for score, gain, forecast in zip(state.scores, state.gains, models):
        error = actual - forecast
        scores.append(keep * score + take * ((error if error >= 0.0 else -error) + floor))
        gains.append(method.keep_gain * gain + side * (steady - forecast))
    error = actual - median
    state.level_error = method.keep_level * state.level_error + (1.0 - method.keep_level) * error
    if not clean:
        state.scores[: len(scores)] = scores  # their gains stand still
        return
    state.scores, state.gains = scores, gains
    mixed, most = given.mixed, MOST_GAIN * state.usual_error
    side, keep = 1.0 if mixed > actual else -1.0 if mixed < actual else 0.0, method.keep_gain
    least = (1.0 - keep) * (floor * floor)  # so the squares do not fall below those of the floor
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
    """The same for many series; one object serves all blocks, in memory of its own."""

    def __init__(self, models: int, series: int, n_online: int) -> None:
        self.groups = slice(n_online), slice(n_online, None)
        self.recent, self.steady = np.empty((models, series)), np.empty((models, series))
        self.said, self.says = np.empty((2, len(EXPERTS), series))

    def weigh(self, state: State, method: Method, steps: int) -> None:
        """Compute the weights for the next block of ``steps``; see `weigh_one`."""
        self.state, self.last = state, steps - 1
        self.voters: Mask | None = None
        if method.votes:
            place = min(VOTE_RANK, len(state.scores)) - 1
            voters = state.scores <= VOTE * np.partition(state.scores, place, axis=0)[place]
            self.voters = None if voters.all() else voters
        (smallest, largest), usual, says = state.seen, state.usual_error, self.says
        self.chance = np.maximum(method.chance * usual, FLOOR * (largest - smallest))
        _trust_many(state.expert_gains, np.sqrt(state.expert_squares), says, self.said)
        np.square(says, out=says)
        for expert in method.absent:
            says[expert] = 0.0
        self.total_say = _total(says)
        far: Array | float = usual if method.guarded else np.inf
        self.tolerance, self.doubt = TOLERANCE * far, DOUBT * far
        aside, self.move = ASIDE * state.spread, method.level_share * state.level_error
        self.least, self.most = np.minimum(smallest, largest) - aside, np.maximum(smallest, largest) + aside
        self.low, self.high = limits_of(state)

    def _weigh_models(self) -> None:
        """Do so where it is needed: the fewer arrays of all models are in use, the more stay in the cache."""
        state, recent, steady = self.state, self.recent, self.steady
        _trust_many(state.gains, self.chance, steady, recent)
        np.divide(state.scale, state.scores, out=recent)
        np.square(recent, out=recent)
        np.square(recent, out=recent)
        np.multiply(steady, recent, out=steady)
        np.square(recent, out=recent)

    def guard(self, median: Array) -> tuple[Array, Array]:
        """Return the smallest and the largest forecast that counts; see `guard_one`."""
        nearest = np.maximum(np.minimum(median - self.doubt, self.least), median - self.tolerance)
        return nearest, np.minimum(np.maximum(median + self.doubt, self.most), median + self.tolerance)

    def combine(self, out: Answer, left_out: NDArray[np.int64]) -> Array:
        """Fill in experts and ``offline``; return ``recent`` of the online models alone; see `combine_one`.

        ``left_out`` are the places of the forecasts that do not count.
        """
        if out.step == 0:
            self._weigh_models()
        experts, median = out.experts, out.experts[MEDIAN]
        (on, on_weight), (off, off_weight) = self._sums(self.recent, self.groups, out, left_out)
        _divide(on + off, on_weight + off_weight, median, experts[RECENT])
        _divide(off, off_weight, median, out.offline)
        [(total, weight)] = self._sums(self.steady, (slice(None),), out, left_out)
        _divide(total, weight, median, experts[STEADY])
        level = np.add(median, self.move, out=experts[LEVEL])
        clip_many(level, self.low, self.high)
        return _divide(on, on_weight, median, on)

    def _sums(
        self, weights: Array, groups: Sequence[slice], out: Answer, left_out: NDArray[np.int64]
    ) -> list[tuple[Array, Array]]:
        """Return the sums of weighted forecasts and of the weights for each group of models."""
        flat, again = weights.reshape(-1), out.step < self.last
        put_back = flat[left_out] if again else 0.0
        flat[left_out] = 0.0
        totals = [_total(weights[models]) for models in groups]
        products = np.multiply(weights, out.limited, out=None if again else weights)
        sums = [_total(products[models]) for models in groups]
        if again:
            flat[left_out] = put_back
        return list(zip(sums, totals, strict=True))

    def mix(self, out: Answer) -> None:
        """Fill in the weighted mean of the experts."""
        np.divide(_total(np.multiply(self.says, out.experts, out=self.said)), self.total_say, out=out.mixed)


def learn_many(
    state: State, work: WeightsOfMany, given: Answer, actual: Array, method: Method, clean: Mask | None
) -> None:
    """Learn as `learn_one`; ``clean`` is None if all series are."""
    floor, usual, keep = FLOOR * state.scale, state.usual_error, method.keep_model
    errors = np.abs(np.subtract(actual, given.limited, out=work.recent), out=work.recent)
    errors += floor
    errors *= 1.0 - keep
    if clean is None:
        state.scores *= keep
        state.scores += errors
    else:
        counts = np.ones(errors.shape, np.bool_)
        counts[method.n_online :] = clean
        np.copyto(state.scores, keep * state.scores + errors, where=counts)
    kept = method.keep_gain if clean is None else np.where(clean, method.keep_gain, 1.0)
    state.gains *= kept
    state.gains += _regrets(given.experts[STEADY], given.limited, actual, clean, work.recent)
    gains, squares = state.expert_gains, state.expert_squares
    gains *= kept
    squares *= kept
    regrets = _regrets(given.mixed, given.experts, actual, clean, work.said)
    clip_many(regrets, -MOST_GAIN * usual, MOST_GAIN * usual)
    gains += regrets
    squares += np.square(regrets, out=regrets)
    least = (1.0 - method.keep_gain) * (floor * floor)
    squares += least if clean is None else least * clean
    error = actual - given.experts[MEDIAN]
    state.level_error *= method.keep_level
    state.level_error += (1.0 - method.keep_level) * error
    np.abs(error, out=error)
    error += floor
    learned = method.keep_usual * usual + (1.0 - method.keep_usual) * error
    np.copyto(usual, learned, where=True if clean is None else clean)


def _regrets(mixture: Array, members: Array, actual: Array, clean: Mask | None, buffer: Array) -> Array:
    """Return what the mixture would have gained by moving to each member."""
    side = np.sign(mixture - actual)
    if clean is not None:
        side *= clean
    return np.multiply(np.subtract(mixture, members, out=buffer), side, out=buffer)


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


def _trust_many(gains: Array, chance: Array, out: Array, buffer: Array) -> None:
    """Compute the trust in gains, given the size of those that chance gives."""
    np.maximum(gains, np.zeros_like(chance), out=out)  # a scalar takes twice as long
    np.subtract(out, gains, out=buffer)
    np.add(out, chance, out=out)
    np.add(buffer, chance, out=buffer)
    np.divide(out, buffer, out=out)
