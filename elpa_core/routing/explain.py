"""Explain a served value in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.scalar import Answer, amplitude
from elpa_core.routing.series_state import SeriesState, Stand
from elpa_core.routing.settings import EXPERTS, LEAD


def explanation(
    policy: RoutingPolicy, state: SeriesState, stand: Stand, given: Answer, row: Sequence[float], lead: int
) -> dict[str, Any]:
    """Return the result of `Router.explain`."""
    names = policy.names
    present = given.present or [True] * len(names)
    parts = [
        there and given.nearest <= f <= given.farthest
        for f, there in zip(given.limited, present, strict=True)
    ]
    by_field = {
        "model_weights": stand.weights[lead],
        "steady_weights": stand.steady_weights,
        "lead_weights": stand.lead_weights[lead] if stand.lead_weights else stand.steady_weights,
    }
    forecasts = [*given.experts[:LEAD], given.at_lead, given.online, amplitude(stand, given.offline)]
    says = _shares(stand.says) + [0.0] * (len(EXPERTS) - len(stand.says))
    dirty = given.served_dirty
    return {
        "served": given.served,
        "experts": {
            name: {"forecast": forecast, "say": say}
            for name, forecast, say in zip(EXPERTS, forecasts, says, strict=True)
        },
        **{
            field: dict(
                zip(names, _shares([w * part for w, part in zip(weights, parts, strict=True)]), strict=True)
            )
            for field, weights in by_field.items()
        },
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
        "no_vote": [name for name, votes in zip(names, stand.voters or [], strict=False) if not votes],
        "mutation": bool(stand.mutated),
        "dirty": dirty,
        "dirty_steps_left": state.dirty,
        "amplitude_factor": stand.factor,
        "mixed": given.mixed,
        "best_model": names[state.best],
        "belt": given.belt,
        "credit": max(0.0, stand.credit),
    }


def _shares(weights: Sequence[float]) -> list[float]:
    total = 0.0
    for weight in weights:
        total += weight
    return [weight / total if total > 0.0 else 0.0 for weight in weights]
