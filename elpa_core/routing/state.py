"""The state of a router, for one series and for thousands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import EXPERTS, FLOOR, MIN_SCALE, spread_of
from elpa_core.schema.limits import BOUND

Array = NDArray[np.float64]
MOST_ROWS = 1 << 53
MOST_TRUST = 1e40
"""No gains are larger than this many times what chance gives: all products of their trust stay finite."""
UNSEEN = 1e15
"""Largest magnitude of a forecast while no actual is known: larger doubles have hardly any decimals left."""
WHOLE = ("window_rows", "best", "dirty", "mutated", "rows")
"""The names of arrays of integers."""


@dataclass(slots=True)
class State:
    """What a router has learned: of one series, floats and lists; of ``n`` series, arrays.

    The shapes are those for many series; for one, the last axis is left out. ``scores`` (models, n) are
    recent errors. ``gains`` (models, n) are the sum of what ``steady`` would have gained by moving to a
    model, to first order; ``expert_gains`` and ``expert_squares`` (experts, n) the sum, and the sum of
    squares, of what the mean of the experts would have gained by each of them. ``usual_error`` and
    ``level_error`` are errors of the median, absolute and signed. ``window_actual`` and ``window_forecast``
    (amplitude_window, n) are the last clean actuals and offline forecasts, without sign, in a ring;
    ``window_rows`` counts clean rows, ``dirty`` the dirty steps left; ``mutated`` is 1 after a mutation,
    ``phi`` the least denominator of a relative error.

    ``best`` is the place of the best single model on validation, ``best_mae`` its mean error there,
    ``best_loss`` the sum of its errors since, ``ahead`` by how much that is more than the router's.
    ``credit`` (3, n) is how much nearer to the actuals than the median it was on clean steps where it was
    far from the median: in all blocks before the last one, at most in one of these, in the last one.
    ``last`` is the last actual within the limits, NaN before the first. ``seen`` (2, n) are the smallest and
    largest actual, the wrong way round as long as all were zero; ``margin`` is how far beyond them a
    forecast may be: ``spread``, the range at the start, or more after an actual that was farther out.
    ``scale`` is the size of an error.
    """

    scores: Any
    gains: Any
    expert_gains: Any
    expert_squares: Any
    usual_error: Any
    level_error: Any
    window_actual: Any
    window_forecast: Any
    window_rows: Any
    best_mae: Any
    best_loss: Any
    ahead: Any
    credit: Any
    last: Any
    seen: Any
    spread: Any
    margin: Any
    scale: Any
    phi: Any
    best: Any
    dirty: Any
    mutated: Any

    def take(self, series: slice | NDArray[np.int64]) -> State:
        """Return some of many series, of a slice views."""
        return State(*(getattr(self, field.name)[..., series] for field in fields(self)))

    def plain(self) -> State:
        """Return the first of many series as floats and lists."""
        return State(*(getattr(self, field.name)[..., 0].tolist() for field in fields(self)))

    def arrays(self) -> State:
        """Return one series as arrays of one series."""
        return State(*(np.array(getattr(self, field.name))[..., np.newaxis] for field in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """Return the fields of many series as lists."""
        values = {field.name: getattr(self, field.name).tolist() for field in fields(self)}
        return {**values, "last": with_gaps(self.last)}

    @classmethod
    def shapes(cls, models: int, window: int, series: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each field of many series."""
        rows = {
            **dict.fromkeys(("scores", "gains"), (models,)),
            **dict.fromkeys(("expert_gains", "expert_squares"), (len(EXPERTS),)),
            **dict.fromkeys(("window_actual", "window_forecast"), (window,)),
            "seen": (2,), "credit": (3,),
        }  # fmt: skip
        return {field.name: (*rows.get(field.name, ()), series) for field in fields(cls)}

    def impossible(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that a router cannot have come to, with what they should be."""
        chance = np.maximum(self.usual_error, FLOOR * (self.seen[1] - self.seen[0]))
        for name, sizes in (("gains", chance), ("expert_gains", np.sqrt(np.abs(self.expert_squares)))):
            if (np.abs(getattr(self, name)) > MOST_TRUST * sizes).any():
                yield name, "smaller numbers, compared with errors"
        floor = FLOOR * self.scale * (1.0 - 1e-6)
        least = {
            **dict.fromkeys(("scores", "usual_error"), floor),
            "expert_squares": floor * floor,
            **dict.fromkeys(("scale", "spread", "margin"), MIN_SCALE),
            **dict.fromkeys(("window_rows", "best", "dirty", "mutated"), 0),
        }
        for name, smallest in least.items():
            if (getattr(self, name) < smallest).any():
                yield name, "numbers above zero, not below the least of this field"
        for name, largest in (("best", len(self.scores) - 1), ("mutated", 1), ("window_rows", MOST_ROWS)):
            if (getattr(self, name) > largest).any():
                yield name, f"integers from 0 to {largest}"


def with_gaps(values: Array) -> list[float | None]:
    """Return numbers for JSON, null for NaN."""
    return [None if np.isnan(value) else value for value in values.tolist()]


def start(policies: Sequence[RoutingPolicy], first_errors: Array | None = None) -> State:
    """Return the state before the first row.

    ``policies`` has one per series, of the same models. ``first_errors``, shape (models, n), are what scores
    start from instead of the policies' scores; a model that has NaN starts with the worst of the others.
    """
    n, models, window = len(policies), len(policies[0].names), policies[0].amplitude_window
    scores = np.array([policy.scores for policy in policies]).T.copy()
    if first_errors is not None:
        known = np.isfinite(first_errors)
        scores = np.where(known, first_errors, np.where(known, first_errors, 0.0).max(axis=0))
    scale = np.maximum(np.sort(scores, axis=0)[(models - 1) // 2], MIN_SCALE)  # whatever a wild score says
    floor = FLOOR * scale
    sizes = np.minimum(UNSEEN * np.maximum(scale, 1.0), BOUND / 3).tolist()
    ranges = [
        policy.range if policy.range is not None and any(policy.range) else (size, -size)
        for policy, size in zip(policies, sizes, strict=True)
    ]
    spread = np.array([spread_of(min(span), max(span)) for span in ranges])
    return State(
        scores=np.maximum(scores, floor),
        gains=np.tile(floor, (models, 1)),
        expert_gains=np.tile(floor, (len(EXPERTS), 1)),
        expert_squares=np.tile(floor * floor, (len(EXPERTS), 1)),
        usual_error=scale.copy(),
        level_error=np.zeros(n),
        window_actual=np.zeros((window, n)),
        window_forecast=np.zeros((window, n)),
        window_rows=np.zeros(n, np.int64),
        best_mae=np.array([policy.best_mae for policy in policies]),
        best_loss=np.zeros(n),
        ahead=np.zeros(n),
        credit=np.zeros((3, n)),
        last=np.full(n, np.nan),
        seen=np.array(ranges, np.float64).T.copy(),
        spread=spread,
        margin=spread.copy(),
        scale=scale,
        phi=np.array([0.05 * policy.mean_abs for policy in policies]),
        best=np.array([policy.best for policy in policies], np.int64),
        dirty=np.zeros(n, np.int64),
        mutated=np.zeros(n, np.int64),
    )
