"""The arithmetic of one series in plain Python floats: for 14 models several times faster than numpy.

`vector` does the same arithmetic in the same order for many series. A change of one of them, or of
`scalar_learning` or `vector_learning`, requires the same change of the other; tests compare them bit for
bit. Do not use sum(), which compensates rounding since Python 3.12, or powers, whose last bit depends on
the C library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from math import inf, isnan, nan

import numpy as np

from elpa_core.routing.answers import Answers
from elpa_core.routing.series_state import SeriesState, Stand, within
from elpa_core.routing.settings import LEAD, MEDIAN, REACH

Experts = tuple[float, ...]
_MOST = sys.float_info.max


@dataclass(slots=True)
class Answer:
    """One step: what came in, what each expert said that was asked, what was served.

    ``at_lead`` and ``online`` are what the experts ``lead`` and ``online`` say, asked or not. ``belt``, which
    `hold` fills in, is None where the best single model does not hold the answer, else how much of the way
    from its forecast to ``mixed`` is served.
    """

    served: float
    mixed: float
    experts: Experts
    offline: float
    limited: list[float]
    present: list[bool] | None
    step: int
    at_lead: float
    online: float
    nearest: float
    farthest: float
    belt: float | None
    served_dirty: bool

    @classmethod
    def of(cls, given: Answers) -> Answer:
        """Return the first series' answer; it can be learned from, not explained."""
        return cls(
            float(given.served[0]),
            float(given.mixed[0]),
            tuple(given.experts[:, 0].tolist()),
            float(given.offline[0]),
            given.limited[:, 0].tolist(),
            None if given.present is None else given.present[:, 0].tolist(),
            given.step,
            at_lead=0.0,
            online=0.0,
            nearest=0.0,
            farthest=0.0,
            belt=None,
            served_dirty=False,
        )

    def to_answers(self) -> Answers:
        """Return the same as arrays of one series."""
        return Answers(
            np.array([self.served]),
            np.array([self.mixed]),
            np.array(self.experts)[:, np.newaxis],
            np.array([self.offline]),
            np.array(self.limited)[:, np.newaxis],
            None if self.present is None else np.array(self.present)[:, np.newaxis],
            self.step,
        )


def answer(
    state: SeriesState, stand: Stand, row: list[float], n_online: int, step: int, lead: int
) -> Answer | None:
    """Combine the forecasts of one step; return None if none of them is finite.

    Parameters
    ----------
    row : list of float, one per model
        NaN where a model has no forecast.
    step : int
        Position in the block, from 0.
    lead : int
        The lead time of the step.
    """
    limited, ordered, present = _limited(row, stand.low, stand.high, state.margin)
    if not ordered:
        return None
    voting = ordered
    if stand.voters is not None:
        each = zip(limited, stand.voters, present or stand.voters, strict=True)
        voting = sorted(f for f, votes, there in each if votes and there) or ordered
    middle = len(voting)
    median = voting[(middle - 1) // 2] * 0.5 + voting[middle // 2] * 0.5 + 0.0
    nearest, farthest = median - stand.tolerance, median + stand.tolerance
    triples = zip(stand.weights[lead], stand.steady_weights, limited, strict=True)
    online_ones = islice(triples, n_online)
    on, on_weight, total, weight = _sums_of_two(online_ones, nearest, farthest, 0.0, 0.0)
    off, off_weight, total, weight = _sums_of_two(triples, nearest, farthest, total, weight)
    both = on_weight + off_weight
    recent = (on + off) / both if both > 0.0 else median
    online = on / on_weight if on_weight > 0.0 else median
    offline = off / off_weight if off_weight > 0.0 else median
    steady = total / weight if weight > 0.0 else median
    level = within(median + stand.move, stand.low, stand.high)
    experts: Experts = (recent, median, level, steady)
    at_lead = steady
    if (asked := len(stand.says)) > LEAD:
        if stand.lead_weights:
            total, weight = _sums(stand.lead_weights[lead], limited, nearest, farthest)
            at_lead = total / weight if weight > 0.0 else median
        experts = (*experts, at_lead, online, amplitude(stand, offline))[:asked]
    dirty = step < state.dirty
    if dirty:
        mixed = online + 0.0
    else:
        said = 0.0
        for say, forecast in zip(stand.says, experts, strict=True):
            said += say * forecast
        mixed = said / stand.total_say + 0.0
    if present is not None:
        limited = [f if there else 0.0 for f, there in zip(limited, present, strict=True)]
    return Answer(
        mixed, mixed, experts, offline,
        limited, present, step, at_lead, online, nearest, farthest, None, dirty,
    )  # fmt: skip


def _limited(
    row: list[float], low: float, high: float, margin: float
) -> tuple[list[float], list[float], list[bool] | None]:
    """Return limited forecasts, those that count in order, and which count; None if all do.

    Those within reach of the actuals count; where none is, all that are numbers. The others are NaN.
    """
    ordered = sorted(row)
    if low <= ordered[0] and ordered[-1] <= high and not isnan(sum(row)):
        return row, ordered, None
    reach = REACH * margin
    for least, most in ((low - reach, high + reach), (-_MOST, _MOST)):
        limited = [within(f, low, high) if least <= f <= most else nan for f in row]
        if ordered := sorted(f for f in limited if not isnan(f)):
            break
    if len(ordered) == len(row):
        return limited, ordered, None
    return limited, ordered, [not isnan(f) for f in limited]


def _sums(
    weights: list[float], forecasts: list[float], nearest: float, farthest: float
) -> tuple[float, float]:
    """Return the sums of weighted forecasts and of weights, added from the first on.

    Forecasts that are out of range, or NaN, do not count.
    """
    total = sum_of_weights = 0.0
    for weight, forecast in zip(weights, forecasts, strict=True):
        if nearest <= forecast <= farthest:
            total += weight * forecast
            sum_of_weights += weight
    return total, sum_of_weights


def _sums_of_two(
    triples: Iterable[tuple[float, float, float]],
    nearest: float,
    farthest: float,
    total: float,
    sum_of_weights: float,
) -> tuple[float, float, float, float]:
    """Return the same for two weights of each forecast.

    ``total`` and ``sum_of_weights`` are what the second weights have come to so far.
    """
    first_total = first_weights = 0.0
    for first, second, forecast in triples:
        if nearest <= forecast <= farthest:
            first_total += first * forecast
            first_weights += first
            total += second * forecast
            sum_of_weights += second
    return first_total, first_weights, total, sum_of_weights


def amplitude(stand: Stand, offline: float) -> float:
    """Return the forecast of the named expert."""
    return within(stand.factor * offline, stand.low, stand.high)


def hold(answers: list[Answer], stand: Stand, state: SeriesState) -> None:
    """Move the answers of a block that the best single model holds towards it, as far as the room demands."""
    best, last, far, stake = state.best, state.last, [], 0.0
    for given in answers:
        if given.served_dirty or not (given.present is None or given.present[best]):
            continue
        forecast, median = given.limited[best], given.experts[MEDIAN]
        if median - stand.trust <= forecast <= median + stand.trust or (
            last < inf and abs(forecast - last) <= abs(median - last)
        ):
            given.belt = 1.0
        else:
            far.append(given)
            stake += abs(forecast - median)
    if stake <= stand.credit:
        for given in far:
            given.belt = 1.0
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
