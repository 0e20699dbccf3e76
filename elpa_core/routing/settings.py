"""What all rules of the router share: its parts, the largest and smallest numbers."""

from __future__ import annotations

FLOOR = 1e-6
"""Smallest error that counts, as a share of their scale: the weight of a perfect model stays finite."""
MIN_SCALE = 1e-9
EXPERTS = ("recent", "median", "level", "steady")
RECENT, MEDIAN, LEVEL, STEADY = range(len(EXPERTS))
SAFEGUARDS = ("vote", "guard", "belt")
PARTS = (*EXPERTS, *SAFEGUARDS)
"""The parts: experts; the vote in the median, the guard against outliers, the belt to the best model."""


def spread_of(low: float, high: float) -> float:
    """Return the range of a series; for a constant series, its magnitude.

    >>> spread_of(1.0, 3.0), spread_of(-5.0, -5.0)
    (2.0, 5.0)
    """
    return high - low or max(abs(high), MIN_SCALE)
