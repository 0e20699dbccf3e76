"""What routers said for one step, as arrays: kept until the actuals come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from elpa_core.routing.settings import EXPERTS

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Answers:
    """One step of many series; see `scalar.Answer`.

    Parameters
    ----------
    served, offline : ndarray, shape (n,)
    experts : ndarray, shape (experts, n)
    limited : ndarray, shape (models, n)
    present : ndarray of bool, shape (models, n), or None if nothing is missing
    """

    served: Array
    experts: Array
    offline: Array
    limited: Array
    present: Mask | None

    @classmethod
    def empty(cls, models: int, series: int) -> Self:
        """Return answers to be filled in."""
        zeros = np.zeros(series)
        return cls(zeros, np.zeros((len(EXPERTS), series)), zeros.copy(), np.zeros((models, series)), None)

    def take(self, series: slice) -> Answers:
        """Return views of some of the series."""
        return Answers(
            self.served[series],
            self.experts[:, series],
            self.offline[series],
            self.limited[:, series],
            None if self.present is None else self.present[:, series],
        )
