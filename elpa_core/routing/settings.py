"""The constants of the router's algorithm."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from elpa_core.errors import InputError, Problem, quoted

REACH = 1000.0
"""A forecast that is beyond the limits by more than this many ranges of the actuals counts as missing."""
GROWTH = 32.0
"""Factor by which the limits widen after an actual beyond them."""
UNSEEN = 1e15
"""Largest magnitude of a forecast while no actual is known: larger doubles have hardly any decimals left."""
SIZE = 100.0
"""Without a range in the policy, the first actual that is not zero gives the size of the series; the size is
at least this many usual errors."""
TOLERANCE = 10.0
"""A forecast farther from the median than this many times the median's usual error is left out."""
VOTE, VOTE_RANK = 4.0, 3
"""For a horizon of several steps, the median excludes a model whose recent error is more than this many times
that of the third best; of three models, none is excluded."""
MOST_GAIN = 2.0
"""Largest gain of an expert at one step, in usual errors of the median: a single outlier must not determine
the weights for long."""
BELT_SHARE, BELT_STEPS = 0.06, 6.0
"""Allowed loss against the best single model: a share of its error, and a head start in steps."""
BELT_TRUST = 3.0
"""The belt applies where the best single model is within this many usual errors of the median, or no farther
from the last actual than the median, or has credit for the possible loss of the block."""
LEEWAY_SHARE, LEEWAY_STEPS = 0.08, 14.0
"""The belt applies everywhere while the router is worse than that model by more than this share and steps."""
GAIN_RANGE = (0.5, 2.0)
FLOOR = 1e-6
"""Smallest score, relative to the scale of the scores: the weight of a perfect model stays finite."""
MIN_SCALE = 1e-9
LEAST_SAY = 1e-200
"""If the sum of the experts' weights is smaller, because none would have improved the mean, the router serves
the median."""
EXPERTS = ("recent", "median", "level", "steady", "lead", "online", "amplitude")
RECENT, MEDIAN, LEVEL, STEADY, LEAD, ONLINE, AMPLITUDE = range(len(EXPERTS))
SAFEGUARDS = ("vote", "guard", "belt")
PARTS = ("recent", "median", "level", "steady", "lead", *SAFEGUARDS)
"""The default parts: experts; the vote in the median, the guard against outliers, the belt to the best single
model."""
VERSION = 1


def spread_of(low: float, high: float) -> float:
    """Return the range of a series; for a constant series, its magnitude.

    >>> spread_of(1.0, 3.0), spread_of(-5.0, -5.0)
    (2.0, 5.0)
    """
    return high - low or max(abs(high), MIN_SCALE)


def leads_of(horizon: int) -> int:
    """Return the number of lead times that a horizon distinguishes; see `Method`.

    >>> [leads_of(horizon) for horizon in (1, 2, 4, 24)]
    [0, 2, 3, 6]
    """
    return (horizon - 1).bit_length() + 1 if horizon > 1 else 0


@dataclass(frozen=True, slots=True)
class Method:
    """Constants for a horizon, and which parts take part.

    ``keep`` and ``learn`` are the weights of the past and of the new row in an exponentially
    weighted mean.

    Half-lives in rows: ``max(8, 2 * horizon)`` for models, ``2 * max(8, horizon)`` for the median's
    usual error, ``64 * max(8, horizon)`` for the gains of experts, ``horizon // 2`` for the level error
    of the median (one step ahead: its last error alone). ``level_share`` of the level error is added
    to the median: all of it one step ahead, half of it far ahead. A forecast farther from the
    median than ``tolerance`` times the median's usual error is left out; a model whose score is more than
    ``vote`` times that of the third best does not count in that median.

    ``experts`` is how many of `EXPERTS`, the first ones, are computed; the ``absent`` ones have no weight.
    ``leads`` is the number of distinct lead times: steps 1, 2, 3 to 4, 5 to 8, 9 to 16 and
    so on to the horizon; 0 one step ahead. ``keep_leads`` and ``learn_leads`` have one number each, for
    half-lives of twice as many blocks as those of the models.

    Examples
    --------
    >>> method = Method.of(horizon=1)
    >>> round(method.keep_model ** 8, 12), round(method.keep_usual ** 16, 12), method.keep_level
    (0.5, 0.5, 0.0)
    >>> method.level_share, Method.of(horizon=4).level_share
    (1.0, 0.625)
    >>> day = Method.of(horizon=24)
    >>> day.leads, [day.lead(step) for step in (0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 99)]
    (6, [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5])
    """

    keep_model: float
    learn_model: float
    keep_leads: tuple[float, ...]
    learn_leads: tuple[float, ...]
    keep_usual: float
    learn_usual: float
    keep_expert: float
    keep_level: float
    learn_level: float
    level_share: float
    vote: float
    tolerance: float
    belted: bool
    absent: tuple[int, ...]
    experts: int
    leads: int

    @classmethod
    def of(cls, horizon: int, parts: Collection[str] = PARTS) -> Method:
        """Return the method for forecasts of ``horizon`` steps with only some of its parts.

        Raises
        ------
        InputError
            If a part is unknown or no expert is left.
        """
        if unknown := sorted({*parts} - {*EXPERTS, *SAFEGUARDS}):
            expected = ", ".join((*EXPERTS, *SAFEGUARDS))
            raise InputError(Problem("parts", "", quoted(name), expected) for name in unknown)
        part_taking = {k for k, name in enumerate(EXPERTS) if name in parts}
        if not part_taking:
            raise InputError(Problem("parts", "", "no expert", f"at least one of {', '.join(EXPERTS)}"))
        if horizon == 1 and "steady" in parts:
            part_taking -= {LEAD}  # for a horizon of one step it equals "steady"
        experts = max(*part_taking, STEADY if horizon == 1 else LEAD) + 1
        model, usual, expert = (
            0.5 ** (1.0 / rows) for rows in (max(8, 2 * horizon), 2 * max(8, horizon), 64 * max(8, horizon))
        )
        rows_of_leads = [min(1 << k, horizon) - (1 << k >> 1) for k in range(leads_of(horizon))]
        leads = tuple(0.5 ** (1.0 / (rows * max(16.0 / horizon, 4.0))) for rows in rows_of_leads)
        level = 0.5 ** (1.0 / (horizon // 2)) if horizon > 1 else 0.0
        share = (1.0 + 1.0 / horizon) / 2.0
        return cls(
            model, 1.0 - model, leads, tuple(1.0 - lead for lead in leads), usual, 1.0 - usual, expert,
            level, 1.0 - level, share,
            VOTE if "vote" in parts and horizon > 1 else math.inf,
            TOLERANCE if "guard" in parts else math.inf, "belt" in parts,
            tuple(k for k in range(experts) if k not in part_taking), experts, len(leads),
        )  # fmt: skip

    def lead(self, step: int) -> int:
        """Return the lead time of a step of a block, from 0."""
        return min(step.bit_length(), self.leads - 1) if self.leads else 0
