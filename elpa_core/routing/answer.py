"""What a router keeps of an answered step until its actual arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from elpa_core.routing.state import Array

Radii = dict[float, Array]
NUMBERS = ("served", "mixed", "experts", "offline", "limited", "best")
"""The fields that learning needs, besides the step."""


@dataclass(slots=True)
class Answer:
    """One step: floats and lists for one series; for many, arrays whose last axis is the series.

    Parameters
    ----------
    served, mixed : (n,)
        The answer, and the weighted mean of the experts, which the belt may have moved.
    experts : (experts, n)
    offline : (n,)
        What ``recent`` of the offline models alone forecasts.
    limited : (models, n)
        Limited forecasts; that of ``recent`` stands where a model has none.
    best : (n,)
        The limited forecast of the best single model; NaN where it has none.
    step : int
        Position in the block, from 0.
    radii : dict of float to ndarray, shape (n,), or None
        Half the widths of the intervals by level, where intervals were asked for.
    present, belt : optional
        Of one series, to explain: which models had a forecast, None for all; how much of the way from
        ``best`` to ``mixed`` is served, None where the belt does not hold.
    """

    served: Any
    mixed: Any
    experts: Any
    offline: Any
    limited: Any
    best: Any
    step: int
    radii: Any = None
    present: Any = None
    belt: Any = None

    @classmethod
    def empty(cls, experts: int, models: int, series: int, step: int) -> Self:
        """Return an answer for many series, filled with zeros."""
        served, mixed, offline, best = np.zeros((4, series))
        return cls(
            served, mixed, np.zeros((experts, series)), offline, np.zeros((models, series)), best, step
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return one answer for the series of all parts, for the same step."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in NUMBERS}
        return cls(**arrays, step=parts[0].step, radii=parts[0].radii)

    def take(self, series: slice) -> Answer:
        """Return views of some of many series; the radii stay those of all."""
        arrays = {name: getattr(self, name)[..., series] for name in NUMBERS}
        return Answer(**arrays, step=self.step, radii=self.radii)

    def plain(self) -> Answer:
        """Return the first of many series as floats and lists."""
        values = {name: getattr(self, name)[..., 0].tolist() for name in NUMBERS}
        return Answer(**values, step=self.step, radii=self.radii)

    def arrays(self) -> Answer:
        """Return one series as arrays of one series."""
        values = {name: np.array(getattr(self, name))[..., np.newaxis] for name in NUMBERS}
        return Answer(**values, step=self.step, radii=self.radii)
