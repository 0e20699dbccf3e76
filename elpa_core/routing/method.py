"""The constants of the router for a horizon, its parts and control fields."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import EXPERTS, PARTS


@dataclass(frozen=True, slots=True)
class Method:
    """What the rules need to know besides the state: constants for a horizon, parts, control fields.

    ``keep`` is the weight of the past in an exponentially weighted mean; the new row weighs ``1 - keep``.
    Half-lives in rows: ``max(8, 2 * horizon)`` for errors of models, ``2 * max(8, horizon)`` for the median's
    usual error, ``horizon // 2`` for its level error (one step ahead: the last error alone), of which
    ``level_share`` is added to it, ``64 * max(8, horizon)`` for gains; chance gives ``chance`` usual errors.

    >>> from elpa_core.routing.routing_policy import RoutingPolicy
    >>> policy = RoutingPolicy(("a",), ("b",), (1.0, 1.0), 3, 6, None, 4, None, 0.0, 0, 1.0)
    >>> method = Method.of(policy)
    >>> round(method.keep_model ** 8, 12), round(method.keep_usual ** 16, 12), method.level_share
    (0.5, 0.5, 0.625)
    """

    keep_model: float
    keep_gain: float
    chance: float
    keep_usual: float
    keep_level: float
    level_share: float
    votes: bool
    guarded: bool
    belted: bool
    absent: tuple[int, ...]
    n_online: int
    dirty_interval: int
    epsilon: float

    @classmethod
    def of(cls, policy: RoutingPolicy, parts: Collection[str] = PARTS) -> Method:
        """Return the method for a policy with only some of its parts."""
        if unknown := sorted({*parts} - {*PARTS}):
            raise InputError(Problem("parts", "", quoted(name), ", ".join(PARTS)) for name in unknown)
        absent = tuple(k for k, name in enumerate(EXPERTS) if name not in parts)
        if len(absent) == len(EXPERTS):
            raise InputError(Problem("parts", "", "no expert", f"at least one of {', '.join(EXPERTS)}"))
        horizon = policy.horizon
        return cls(
            0.5 ** (1.0 / max(8, 2 * horizon)),
            0.5 ** (1.0 / (rows := 64 * max(8, horizon))),
            0.25 * math.sqrt(rows),
            0.5 ** (1.0 / (2 * max(8, horizon))),
            0.5 ** (1.0 / (horizon // 2)) if horizon > 1 else 0.0,
            (1.0 + 1.0 / horizon) / 2.0,
            "vote" in parts and horizon > 1, "guard" in parts, "belt" in parts, absent,
            len(policy.online), policy.dirty_interval,
            math.inf if policy.mutant_epsilon is None else policy.mutant_epsilon,
        )  # fmt: skip
