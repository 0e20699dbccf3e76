"""What a router keeps of an answered step until its actual arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from elpa_core.routing.settings import EXPERTS
from elpa_core.routing.state import Array, State

Radii = dict[float, Array]
NUMBERS = ("served", "mixed", "experts", "offline", "limited", "single")
"""The fields that learning needs, besides the step."""


@dataclass(slots=True)
class Answer:
    """One step: floats and lists for one series; for many, arrays whose last axis is the series.

    ``served`` and ``mixed`` (n,) are the answer and the weighted mean of the experts, from which the belt
    may have moved it; ``experts`` (experts, n) what each says, ``offline`` (n,) what ``recent`` of the
    offline models says. ``limited`` (models, n) are limited forecasts; that of ``recent`` stands where a
    model has none. ``single`` (n,) is that of the best single model, NaN where it has none. ``step`` is the
    position in the block, from 0; ``radii`` half the widths of the intervals by level, if asked for. To
    explain one series: ``present`` tells which models had a forecast, None for all, and ``belt`` how much of
    the way from ``single`` to ``mixed`` is served, None where the belt does not hold.
    """

    served: Any
    mixed: Any
    experts: Any
    offline: Any
    limited: Any
    single: Any
    step: int
    radii: Any = None
    present: Any = None
    belt: Any = None

    @classmethod
    def empty(cls, state: State, step: int) -> Self:
        """Return an answer for the series of a state, filled with zeros."""
        served, mixed, offline, single = np.zeros((4, len(state.best)))
        experts = np.zeros((len(EXPERTS), len(single)))
        return cls(served, mixed, experts, offline, np.zeros(state.scores.shape), single, step)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return one answer for the series of all parts, for the same step."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in NUMBERS}
        return cls(**arrays, step=parts[0].step, radii=parts[0].radii)

    def take(self, series: slice) -> Answer:
        """Return views of some of many series; the radii stay those of all."""
        return self._with({name: getattr(self, name)[..., series] for name in NUMBERS})

    def plain(self) -> Answer:
        """Return the first of many series as floats and lists."""
        return self._with({name: getattr(self, name)[..., 0].tolist() for name in NUMBERS})

    def arrays(self) -> Answer:
        """Return one series as arrays of one series."""
        return self._with({name: np.array(getattr(self, name))[..., np.newaxis] for name in NUMBERS})

    def _with(self, numbers: dict[str, Any]) -> Answer:
        return Answer(**numbers, step=self.step, radii=self.radii)
