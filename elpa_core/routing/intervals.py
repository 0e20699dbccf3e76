"""Prediction intervals from a router's own errors, by adaptive conformal inference.

The interval of a level reaches from the answer as far as a quantile of the last errors at the same lead time.
That quantile is not the level's own: after each miss it becomes a little larger, after each hit a little
smaller, so that the share of hits comes to the level although the series changes.

References
----------
Gibbs, Candes: Adaptive conformal inference under distribution shift, NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.answer import Radii
from elpa_core.routing.settings import BOUND
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

    Parameters
    ----------
    served : ndarray, shape (steps,) or (steps, series)
    low, high : ndarray, shape (levels, steps) or (levels, steps, series)
        The ends of the intervals in the order of the levels that were asked for; NaN where there are too few
        errors yet.
    """

    served: Array
    low: Array
    high: Array


def checked_levels(levels: Collection[float], source: str = "levels") -> tuple[float, ...]:
    """Return levels as numbers.

    Raises
    ------
    InputError
        If one is no number above 0 and up to 99, or comes twice.

    Examples
    --------
    >>> checked_levels((80, 95))
    (80.0, 95.0)
    """
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
    errors : list of ndarray, shape (KEPT, series), one for each lead time
        The last absolute errors, in a ring.
    rows : list of int
        How many errors each ring has got.
    aims : dict of float to ndarray, shape (leads, series)
        By level that was asked for, the share of misses that the quantile aims at.
    """

    def __init__(self, horizon: int, series: int) -> None:
        self.errors = [np.zeros((KEPT, series)) for _ in range((horizon - 1).bit_length() + 1)]
        self.rows = [0] * len(self.errors)
        self.aims: dict[float, Array] = {}

    def lead(self, step: int) -> int:
        """Return the lead time of a step of a block, from 0."""
        return min(step.bit_length(), len(self.rows) - 1)

    def radii(self, levels: Sequence[float], steps: int) -> list[Radii]:
        """Return half the widths of the intervals of each step, each of shape (series,), by level."""
        shape = len(self.rows), self.errors[0].shape[1]
        for level in levels:
            self.aims.setdefault(level, np.full(shape, _misses(level)))
        by_lead = {lead: self._radii(levels, lead) for lead in {*map(self.lead, range(steps))}}
        return [by_lead[self.lead(step)] for step in range(steps)]

    def _radii(self, levels: Sequence[float], lead: int) -> Radii:
        count = min(self.rows[lead], KEPT)
        ordered = np.sort(self.errors[lead][:count], axis=0)
        radii, least = {}, np.zeros(ordered.shape[1])
        for level in sorted(levels):  # an interval is no narrower than that of a lower level
            if _misses(level) * count < LEAST_OUTSIDE - 1e-9:
                radii[level] = np.full_like(least, np.nan)
                continue
            ranks = np.ceil((count + 1) * (1.0 - self.aims[level][lead])).astype(np.int64)
            places = np.minimum(np.maximum(ranks, 1), count) - 1
            chosen = np.take_along_axis(ordered, places[np.newaxis], axis=0)[0]
            radii[level] = least = np.maximum(least, np.where(ranks < 1, 0.0, chosen))
        return radii

    def learn(self, step: int, radii: Radii | None, errors: Array) -> None:
        """Learn from the absolute errors, shape (series,), of an answered step of a block."""
        lead = self.lead(step)
        for level, radius in (radii or {}).items():
            change = STEP * (_misses(level) - (errors > radius))
            aim = self.aims[level][lead]
            aim += np.where(np.isnan(radius), 0.0, change)
            np.minimum(np.maximum(aim, 0.0, out=aim), 1.0, out=aim)
        self.errors[lead][self.rows[lead] % KEPT] = errors
        self.rows[lead] += 1

    def take(self, series: slice) -> Intervals:
        """Return a copy for some of the series."""
        taken = Intervals(1, 0)
        taken.errors, taken.rows = [ring[:, series].copy() for ring in self.errors], [*self.rows]
        taken.aims = {level: aim[:, series].copy() for level, aim in self.aims.items()}
        return taken

    def to_json(self) -> dict[str, Any]:
        """Return all errors, oldest first, and aims as lists."""
        errors = [
            (ring[:rows] if rows <= KEPT else np.roll(ring, -rows, axis=0)).tolist()
            for ring, rows in zip(self.errors, self.rows, strict=True)
        ]
        return {"errors": errors, "aims": {str(level): aim.tolist() for level, aim in self.aims.items()}}

    @classmethod
    def from_json(cls, value: object, horizon: int, series: int, source: str) -> Intervals:
        """Return what `to_json` wrote.

        Raises
        ------
        InputError
            If something is missing, of another shape, or no number of a router.
        """
        intervals = cls(horizon, series)
        leads = len(intervals.rows)
        try:
            given = value if isinstance(value, Mapping) else {}
            for lead, rows in enumerate(given["errors"]):
                array = np.array(rows, np.float64).reshape(-1, series)
                intervals.rows[lead] = len(array)
                intervals.errors[lead][: len(array)] = array
            aims = {float(level): np.array(aim, np.float64) for level, aim in given["aims"].items()}
            whole = len(given["errors"]) == leads and all(
                aim.shape == (leads, series) for aim in aims.values()
            )
            whole &= all(0.0 <= ring.min() <= ring.max() <= BOUND * 1e2 for ring in intervals.errors)
            whole &= all(0.0 <= aim.min() <= aim.max() <= 1.0 for aim in aims.values())
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise _damaged(source) from error
        if not whole:
            raise _damaged(source)
        if aims:
            checked_levels(aims)
        intervals.aims = aims
        return intervals


def around(served: Array, radii: Sequence[Radii], levels: Sequence[float]) -> Prediction:
    """Return answers, shape (steps,) or (steps, series), with intervals, in the order of the levels."""
    widths = np.array([[of_step[level] for of_step in radii] for level in levels])
    widths = widths.reshape(len(levels), *served.shape)
    return Prediction(served, served - widths, served + widths)


def _misses(level: float) -> float:
    return 1.0 - level / 100.0


def _damaged(source: str) -> InputError:
    expected, hint = "the errors and aims of intervals", "the file is damaged; start again without it"
    return InputError(Problem(source, "$.intervals", "something else", expected, hint))
