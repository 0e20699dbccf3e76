"""Explain a served value in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from elpa_core.routing.answer import Answer
from elpa_core.routing.belt import credit_of
from elpa_core.routing.experts import Weights, guard_one
from elpa_core.routing.mutation import amplitude_factor
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import EXPERTS, MEDIAN
from elpa_core.routing.state import State

Block = tuple[list[list[float]], Weights, list[Answer], int]
"""The forecasts of a block, its weights, its answers, and how many steps of it are dirty."""


def explanation(policy: RoutingPolicy, state: State, block: Block, step: int) -> dict[str, Any]:
    """Return the result of `Router.explain`."""
    rows, weights, answers, dirty = block
    row, given, names = rows[step], answers[step], policy.names
    present = given.present or [True] * len(names)
    nearest, farthest = guard_one(given.experts[MEDIAN], weights)
    counts = [there and nearest <= f <= farthest for f, there in zip(given.limited, present, strict=True)]

    def shares(of_models: Sequence[float]) -> dict[str, float]:
        weighed = [weight * part for weight, part in zip(of_models, counts, strict=True)]
        return dict(zip(names, _shares(weighed), strict=True))

    experts = zip(EXPERTS, given.experts, _shares(weights.says), strict=True)
    return {
        "served": given.served,
        "experts": {name: {"forecast": forecast, "say": say} for name, forecast, say in experts},
        "model_weights": shares(weights.recent),
        "steady_weights": shares(weights.steady),
        "level_move": weights.move,
        "missing": [name for name, got in zip(names, row, strict=True) if not isfinite(got)],
        "limited": [
            name
            for name, there, got, used in zip(names, present, row, given.limited, strict=True)
            if there and got != used
        ],
        "left_out": [
            name for name, got, part in zip(names, row, counts, strict=True) if isfinite(got) and not part
        ],
        "no_vote": [name for name, votes in zip(names, weights.voters or [], strict=False) if not votes],
        "mutation": bool(state.mutated),
        "dirty": step < dirty,
        "dirty_steps_left": state.dirty,
        "amplitude_factor": amplitude_factor(state),
        "mixed": given.mixed,
        "best_model": names[state.best],
        "belt": given.belt,
        "credit": max(0.0, credit_of(state)),
    }


def _shares(weights: Sequence[float]) -> list[float]:
    total = 0.0
    for weight in weights:
        total += weight
    return [weight / total if total > 0.0 else 0.0 for weight in weights]
