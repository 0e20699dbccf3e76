"""The answers of routers for one step, as arrays, kept until the actuals arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
NUMBERS = ("served", "mixed", "experts", "offline", "limited")
"""The fields of `Answers` that are arrays of numbers."""


@dataclass(slots=True)
class Answers:
    """One step of many series; see `scalar.Answer`.

    Parameters
    ----------
    served, mixed, offline : ndarray, shape (n,)
    experts : ndarray, shape (experts asked, n)
    limited : ndarray, shape (models, n)
    present : ndarray of bool, shape (models, n), or None if nothing is missing
    step : int
        Position in the block, from 0.
    """

    served: Array
    mixed: Array
    experts: Array
    offline: Array
    limited: Array
    present: Mask | None
    step: int

    @classmethod
    def empty(cls, experts: int, models: int, series: int, step: int) -> Self:
        """Return answers filled with zeros."""
        served, mixed, offline = np.zeros((3, series))
        said, limited = np.zeros((experts, series)), np.zeros((models, series))
        return cls(served, mixed, said, offline, limited, None, step)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the answers for the series of all parts, for the same step."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in NUMBERS}
        present = None
        if any(part.present is not None for part in parts):
            masks = [
                np.ones(part.limited.shape, np.bool_) if part.present is None else part.present
                for part in parts
            ]
            present = np.concatenate(masks, axis=-1)
        return cls(**arrays, present=present, step=parts[0].step)

    def take(self, series: slice) -> Answers:
        """Return views of some of the series."""
        arrays = {name: getattr(self, name)[..., series] for name in NUMBERS}
        present = None if self.present is None else self.present[:, series]
        return Answers(**arrays, present=present, step=self.step)
