"""Prediction intervals from a router's own errors, by adaptive conformal inference.

The interval of a level reaches from the answer as far as a quantile of the last errors at the same lead time.
That quantile is not the level's own: after each miss at any lead time it becomes a little larger, after each
hit a little smaller, so that the share of hits comes to the level although the series changes.

References
----------
Gibbs, Candes: Adaptive conformal inference under distribution shift, NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.answer import Radii
from elpa_core.routing.state import Array

STEP = 0.02
"""By how much a miss moves the quantile; a hit moves it back by as much as keeps the level."""
KEPT = 300
"""Errors that are kept of each lead time."""
LEAST_OUTSIDE = 2
"""So many of the errors must be expected outside of an interval: it needs 10 errors for 80 %, 40 for 95 %."""
HIGHEST_LEVEL = 99.0


class Prediction(NamedTuple):
    """The answers with intervals, as `Router.predict` and `RouterPanel.predict` return them with levels.

    ``low`` and ``high`` have the shape (levels, *shape of ``served``), levels in the order in which they were
    asked for; NaN where there are too few errors yet.
    """

    served: Array
    low: Array
    high: Array


def checked_levels(levels: Collection[float], source: str = "levels") -> tuple[float, ...]:
    """Return levels as numbers; refuse what are no different ones above 0 and up to 99."""
    if type(levels) is tuple and not levels:
        return ()
    expected = f"different numbers above 0, up to {HIGHEST_LEVEL:g}, such as 80, 95"
    try:
        numbers = tuple(float(level) for level in levels)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(Problem(source, "", quoted(levels), expected)) from error
    in_range = all(0.0 < number <= HIGHEST_LEVEL for number in numbers)
    if isinstance(levels, str) or not in_range or len({*numbers}) < len(numbers):
        raise InputError(Problem(source, "", quoted(levels), expected))
    return numbers


class Intervals:
    """What the intervals of one or many series need: the last errors, and the shares of misses aimed at.

    Lead times are told apart in stretches that double: step 1 of a block, step 2, steps 3 to 4, 5 to 8 and
    so on.

    Attributes
    ----------
    errors : ndarray, shape (leads, KEPT, series)
        The last absolute errors of each lead time, in a ring.
    rows : ndarray of int64, shape (leads,)
        How many errors each ring has got.
    aims : dict of float to ndarray, shape (series,)
        By level that was asked for, the share of misses that the quantile aims at.
    """

    def __init__(self, horizon: int, series: int) -> None:
        leads = (horizon - 1).bit_length() + 1
        self.errors, self.rows = np.zeros((leads, KEPT, series)), np.zeros(leads, np.int64)
        self.aims: dict[float, Array] = {}

    def lead(self, step: int) -> int:
        """Return the lead time of a step of a block, from 0."""
        return min(step.bit_length(), len(self.rows) - 1)

    def radii(self, levels: Sequence[float], steps: int) -> list[Radii]:
        """Return half the widths of the intervals of each step, each of shape (series,), by level."""
        for level in levels:
            self.aims.setdefault(level, np.full(self.errors.shape[2], _misses(level)))
        by_lead = {lead: self._radii(levels, lead) for lead in {*map(self.lead, range(steps))}}
        return [by_lead[self.lead(step)] for step in range(steps)]

    def _radii(self, levels: Sequence[float], lead: int) -> Radii:
        count = min(int(self.rows[lead]), KEPT)
        ordered = np.sort(self.errors[lead, :count], axis=0)
        radii, least = {}, np.zeros(ordered.shape[1])
        for level in sorted(levels):  # an interval is no narrower than that of a lower level
            if _misses(level) * count < LEAST_OUTSIDE - 1e-9:
                radii[level] = np.full_like(least, np.nan)
                continue
            ranks = np.ceil((count + 1) * (1.0 - self.aims[level])).astype(np.int64)
            places = np.minimum(np.maximum(ranks, 1), count) - 1
            chosen = np.take_along_axis(ordered, places[np.newaxis], axis=0)[0]
            radii[level] = least = np.maximum(least, np.where(ranks < 1, 0.0, chosen))
        return radii

    def learn(self, step: int, radii: Radii | None, errors: Array) -> None:
        """Learn from the absolute errors, shape (series,), of an answered step of a block."""
        lead = self.lead(step)
        for level, radius in (radii or {}).items():
            change = STEP * (_misses(level) - (errors > radius))
            aim = self.aims[level]
            aim += np.where(np.isnan(radius), 0.0, change)
            np.minimum(np.maximum(aim, 0.0, out=aim), 1.0, out=aim)
        self.errors[lead, self.rows[lead] % KEPT] = errors
        self.rows[lead] += 1

    def take(self, series: slice) -> Intervals:
        """Return a copy for some of the series."""
        taken = Intervals(1, 0)
        taken.errors, taken.rows = self.errors[..., series].copy(), self.rows.copy()
        taken.aims = {level: aim[series].copy() for level, aim in self.aims.items()}
        return taken

    def to_json(self) -> dict[str, Any]:
        """Return the attributes as lists."""
        aims = {str(level): aim.tolist() for level, aim in self.aims.items()}
        return {"errors": self.errors.tolist(), "rows": self.rows.tolist(), "aims": aims}


def around(served: Array, radii: Sequence[Radii], levels: Sequence[float]) -> Prediction:
    """Return answers, shape (steps,) or (steps, series), with intervals, in the order of the levels."""
    widths = np.array([[of_step[level] for of_step in radii] for level in levels])
    widths = widths.reshape(len(levels), *served.shape)
    return Prediction(served, served - widths, served + widths)


def _misses(level: float) -> float:
    return 1.0 - level / 100.0
