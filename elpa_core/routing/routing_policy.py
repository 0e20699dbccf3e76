"""The part of a policy that a router needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.inputs import whole_number
from elpa_core.schema.limits import BOUND, MOST


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """The part of a policy that routing needs, checked.

    ``scores``, like ``names``, are of the online models, then of the offline ones. ``range`` are the smallest
    and largest actual of the training or validation data, ``mean_abs`` is the mean absolute actual (0 if not
    known), ``best`` the position of the best single model on validation, ``best_mae`` its mean absolute error
    there, no error counted as more than thirty times the median.
    """

    online: tuple[str, ...]
    offline: tuple[str, ...]
    scores: tuple[float, ...]
    dirty_interval: int
    amplitude_window: int
    mutant_epsilon: float | None
    horizon: int
    range: tuple[float, float] | None
    mean_abs: float
    best: int
    best_mae: float

    @property
    def names(self) -> tuple[str, ...]:
        """Online models, then offline ones."""
        return self.online + self.offline

    @classmethod
    def of(
        cls, policy: Mapping[str, Any], horizon: int | None = None, source: str = "policy"
    ) -> RoutingPolicy:
        """Check a policy, and return the part that routing needs.

        The horizon is by default that of ``routing``, or else 1. ``source`` names the policy in errors; an
        InputError lists every problem.
        """
        # The import of elpa_core.routing must not load pydantic.
        from elpa_core.schema.reading import read  # noqa: PLC0415
        from elpa_core.schema.routable_policy import RoutablePolicy  # noqa: PLC0415

        if not isinstance(policy, Mapping):
            raise InputError(Problem(source, "$", quoted(policy), "a policy: an object"))
        if horizon is not None:
            horizon = whole_number(horizon, "horizon", 1, MOST)
        checked = read(RoutablePolicy, policy, source)
        routing, names = checked.routing, checked.names
        scores = tuple(min(checked.scores[name], BOUND) for name in names)
        best = scores.index(min(scores)) if routing.best_model is None else names.index(routing.best_model)
        return cls(
            online=tuple(checked.online_models),
            offline=tuple(checked.offline_models),
            scores=scores,
            dirty_interval=checked.dirty_interval,
            amplitude_window=checked.amplitude_window,
            mutant_epsilon=checked.mutant_epsilon,
            horizon=routing.horizon if horizon is None else horizon,
            range=routing.range,
            mean_abs=routing.mean_abs,
            best=best,
            best_mae=scores[best] if routing.best_mae is None else routing.best_mae,
        )
