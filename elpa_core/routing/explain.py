"""Say in numbers how a served value came about."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from elpa_core.routing.scalar import Answer, SeriesState, Stand
from elpa_core.routing.settings import EXPERTS, RoutingPolicy


def explanation(
    policy: RoutingPolicy, state: SeriesState, stand: Stand, given: Answer, row: Sequence[float]
) -> dict[str, Any]:
    """Return what `Router.explain` returns."""
    names = policy.names
    present = given.present or [True] * len(names)
    parts = [
        there and given.nearest <= f <= given.farthest
        for f, there in zip(given.limited, present, strict=True)
    ]
    weights = [w if part else 0.0 for w, part in zip(stand.weights, parts, strict=True)]
    steady_weights = [w if part else 0.0 for w, part in zip(stand.steady_weights, parts, strict=True)]
    dirty = given.served_dirty
    best = state.best
    return {
        "served": given.served,
        "experts": {
            name: {"forecast": forecast, "say": say}
            for name, forecast, say in zip(EXPERTS, given.experts, _shares(stand.says), strict=True)
        },
        "model_weights": dict(zip(names, _shares(weights), strict=True)),
        "steady_weights": dict(zip(names, _shares(steady_weights), strict=True)),
        "level_move": stand.move,
        "missing": [name for name, got in zip(names, row, strict=True) if not isfinite(got)],
        "limited": [
            name
            for name, there, got, used in zip(names, present, row, given.limited, strict=True)
            if there and got != used
        ],
        "left_out": [
            name for name, got, part in zip(names, row, parts, strict=True) if isfinite(got) and not part
        ],
        "mutation": bool(stand.mutated),
        "dirty": dirty,
        "dirty_steps_left": state.dirty,
        "amplitude_factor": stand.factor,
        "mixed": given.mixed,
        "best_model": names[best] if best >= 0 else None,
        "belt": given.belt,
    }


def _shares(weights: Sequence[float]) -> list[float]:
    total = 0.0
    for weight in weights:
        total += weight
    return [weight / total if total > 0.0 else 0.0 for weight in weights]
