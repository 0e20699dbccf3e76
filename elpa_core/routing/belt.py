"""The belt: lose little against the single model that was best on validation.

All answers of a block together are no farther from that model's forecasts than the router may still lose.
The belt holds where the model is near the median, or nearer to the last actual, or has credit for what the
block could lose, or where the router has fallen behind it too far.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from elpa_core.routing.answer import Answer
from elpa_core.routing.limits import Mask
from elpa_core.routing.settings import MEDIAN
from elpa_core.routing.state import Array, State

BELT_SHARE, BELT_STEPS = 0.06, 6.0
"""Allowed loss against the best single model: a share of its error, and a head start in steps."""
BELT_TRUST = 3.0
"""The belt holds where the best single model is within this many usual errors of the median."""
LEEWAY_SHARE, LEEWAY_STEPS = 0.08, 14.0
"""The belt holds everywhere while the router is worse than that model by more than this share and steps."""


def credit_of(state: State) -> float:
    """Return how far from the median that model may be, in sum over a block, to be followed."""
    total, most_of_one, block = state.credit
    return float(total + block - max(most_of_one, block))


def hold_one(answers: list[Answer], state: State) -> None:
    """Move the answers that the best single model holds towards it, as far as the room demands."""
    leeway = LEEWAY_STEPS * state.best_mae + LEEWAY_SHARE * state.best_loss + state.ahead
    trust = BELT_TRUST * state.usual_error if leeway >= 0.0 else inf
    held, far, stake, distance = [], [], 0.0, 0.0
    for given in answers[state.dirty :] if state.dirty else answers:
        median = given.experts[MEDIAN]
        aside = abs(given.best - median)
        if aside <= trust or abs(given.best - state.last) <= abs(median - state.last):
            held.append(given)
        elif aside > trust:  # not where it is NaN
            far.append(given)
            stake += aside
    if far and stake <= credit_of(state):
        held += far
    for given in held:
        given.belt = 1.0
        distance += abs(given.mixed - given.best)
    room = max(0.0, BELT_STEPS * state.best_mae + BELT_SHARE * state.best_loss + state.ahead)
    if distance > room:
        share = room / distance
        for given in held:
            given.served, given.belt = given.best + share * (given.mixed - given.best) + 0.0, share


def settle_one(state: State, given: Answer, actual: float, *, clean: bool) -> None:
    """Learn what that model and the router have lost, and the credit."""
    if given.step == 0:
        total, most_of_one, block = state.credit
        state.credit = [total + block, max(most_of_one, block), 0.0]
    if given.best != given.best:  # it is NaN
        return
    median = given.experts[MEDIAN]
    error, best_error = abs(actual - given.served), abs(actual - given.best)
    state.best_loss += best_error
    state.ahead += best_error - error
    if clean and abs(given.best - median) > BELT_TRUST * state.usual_error:
        state.credit[2] += abs(actual - median) - best_error


def hold_many(answers: Sequence[Answer], state: State) -> None:
    """Do the same for each series."""
    room = BELT_STEPS * state.best_mae + BELT_SHARE * state.best_loss + state.ahead
    room, distance = np.maximum(room, 0.0), np.zeros(len(room))
    for out in answers:
        distance += np.abs(out.mixed - out.best)
    few = np.flatnonzero(~(distance <= room))  # NaN, too
    if not few.size:
        return
    some = state.take(few)
    room, dirty, (total, most_of_one, block) = room[few], some.dirty, some.credit
    credit = total + block - np.maximum(most_of_one, block)
    leeway = LEEWAY_STEPS * some.best_mae + LEEWAY_SHARE * some.best_loss + some.ahead
    trust = np.where(leeway >= 0.0, BELT_TRUST * some.usual_error, np.inf)
    (stake, distance), near, far = np.zeros((2, len(few))), [], []
    for out in answers:
        best, median, counts = out.best[few], out.experts[MEDIAN, few], out.step >= dirty
        aside = np.abs(best - median)
        near.append(((aside <= trust) | (np.abs(best - some.last) <= np.abs(median - some.last))) & counts)
        far.append((aside > trust) & counts & ~near[-1])
        stake += np.where(far[-1], aside, 0.0)
    far = [each & (stake <= credit) for each in far]
    for out, holds in zip([*answers, *answers], [*near, *far], strict=True):
        distance += np.where(holds, np.abs(out.mixed[few] - out.best[few]), 0.0)
    tight = distance > room
    share = room / np.where(tight, distance, 1.0)
    for out, one, other in zip(answers, near, far, strict=True):
        moves = (one | other) & tight
        best = out.best[few]
        moved = best + share * (out.mixed[few] - best) + 0.0
        out.served[few[moves]] = moved[moves]


def settle_many(state: State, given: Answer, actual: Array, clean: Mask | None) -> None:
    """Do the same for each series; ``clean`` is None if all are."""
    if given.step == 0:
        total, most_of_one, block = state.credit
        total += block
        np.maximum(most_of_one, block, out=most_of_one)
        block[:] = 0.0
    median = given.experts[MEDIAN]
    best_error, gained = np.abs(actual - given.best), np.abs(actual - given.served)
    np.subtract(best_error, gained, out=gained)
    missing = np.isnan(given.best)
    if missing.any():
        best_error[missing] = gained[missing] = 0.0
    state.best_loss += best_error
    state.ahead += gained
    far = np.abs(given.best - median) > BELT_TRUST * state.usual_error
    if clean is not None:
        far &= clean
    if (few := np.flatnonzero(far)).size:
        state.credit[2, few] += np.abs(actual[few] - median[few]) - best_error[few]
