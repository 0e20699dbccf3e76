"""The belt: lose little against the single model that was best on validation.

All answers of a block together are no farther from that model's forecasts than the router may still lose.
The belt holds where the model is near the median, or nearer to the last actual, or has credit for what the
block could lose, or where the router has fallen behind it too far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    trust, last, far, stake, distance = BELT_TRUST * state.usual_error, state.last, [], 0.0, 0.0
    for given in answers[state.dirty :] if state.dirty else answers:
        best, median = given.single, given.experts[MEDIAN]
        aside = abs(best - median)
        if aside <= trust or abs(best - last) <= abs(median - last):
            given.belt = 1.0
            distance += abs(given.mixed - best)
        elif aside > trust:  # not where it is NaN
            far.append(given)
            stake += aside
    if far and (stake <= credit_of(state) or _allowance(state, LEEWAY_STEPS, LEEWAY_SHARE) < 0.0):
        for given in far:
            given.belt = 1.0
            distance += abs(given.mixed - given.single)
    room = max(0.0, _allowance(state, BELT_STEPS, BELT_SHARE))
    if distance > room:
        share = room / distance
        for given in answers:
            if given.belt is not None:
                given.served, given.belt = given.single + share * (given.mixed - given.single) + 0.0, share


def _allowance(state: State, steps: float, share: float) -> Any:
    """Return how much more than the best single model the router may still lose."""
    return steps * state.best_mae + share * state.best_loss + state.ahead


def settle_one(state: State, given: Answer, actual: float, *, clean: bool) -> None:
    """Learn what that model and the router have lost, and the credit."""
    if given.step == 0 and state.credit[2] != 0.0:
        total, most_of_one, block = state.credit
        state.credit = [total + block, max(most_of_one, block), 0.0]
    if given.single != given.single:  # it is NaN
        return
    median = given.experts[MEDIAN]
    error, best_error = abs(actual - given.served), abs(actual - given.single)
    state.best_loss += best_error
    state.ahead += best_error - error
    if clean and abs(given.single - median) > BELT_TRUST * state.usual_error:
        state.credit[2] += abs(actual - median) - best_error


def hold_many(answers: Sequence[Answer], state: State) -> None:
    """Do the same for each series."""
    room = np.maximum(_allowance(state, BELT_STEPS, BELT_SHARE), 0.0)
    distance = np.zeros(len(room))
    for out in answers:
        distance += np.abs(out.mixed - out.single)
    few = np.flatnonzero(~(distance <= room))  # NaN, too
    if not few.size:
        return
    some = state.take(few)
    room, dirty, (total, most_of_one, block) = room[few], some.dirty, some.credit
    credit = total + block - np.maximum(most_of_one, block)
    trust, behind = BELT_TRUST * some.usual_error, _allowance(some, LEEWAY_STEPS, LEEWAY_SHARE) < 0.0
    (stake, distance), near, far = np.zeros((2, len(few))), [], []
    for out in answers:
        best, median, counts = out.single[few], out.experts[MEDIAN, few], out.step >= dirty
        aside = np.abs(best - median)
        near.append(((aside <= trust) | (np.abs(best - some.last) <= np.abs(median - some.last))) & counts)
        far.append((aside > trust) & counts & ~near[-1])
        stake += np.where(far[-1], aside, 0.0)
    far = [each & ((stake <= credit) | behind) for each in far]
    for out, holds in zip([*answers, *answers], [*near, *far], strict=True):
        distance += np.where(holds, np.abs(out.mixed[few] - out.single[few]), 0.0)
    tight = distance > room
    share = room / np.where(tight, distance, 1.0)
    for out, one, other in zip(answers, near, far, strict=True):
        moves = (one | other) & tight
        best = out.single[few]
        moved = best + share * (out.mixed[few] - best) + 0.0
        out.served[few[moves]] = moved[moves]


def settle_many(state: State, given: Answer, actual: Array, clean: Mask | None) -> None:
    """Do the same for each series; ``clean`` is None if all are."""
    if given.step == 0 and state.credit[2].any():
        total, most_of_one, block = state.credit
        total += block
        np.maximum(most_of_one, block, out=most_of_one)
        block[:] = 0.0
    median = given.experts[MEDIAN]
    best_error, gained = np.abs(actual - given.single), np.abs(actual - given.served)
    np.subtract(best_error, gained, out=gained)
    missing = np.isnan(given.single)
    if missing.any():
        best_error[missing] = gained[missing] = 0.0
    state.best_loss += best_error
    state.ahead += gained
    far = np.abs(given.single - median) > BELT_TRUST * state.usual_error
    if clean is not None:
        far &= clean
    if (few := np.flatnonzero(far)).size:
        state.credit[2, few] += np.abs(actual[few] - median[few]) - best_error[few]
