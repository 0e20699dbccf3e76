"""What the asset event of a published policy says of it, and notifiers are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elpa_core.files import StorePath
from elpa_core.schema.policy import Gain
from elpa_core.schema.reading import known_part


def event_extra(path: StorePath, run_id: str, as_of: str, policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``extra`` of an asset event.

    Parameters
    ----------
    path : path
        The policy's file.
    run_id, as_of : str
        Its run, and the moment up to which that used data.
    policy : mapping
        The policy as a JSON object.
    """
    return {
        "run_id": run_id,
        "as_of": as_of,
        "policy": str(path),
        "degraded": policy.get("degraded", False),
        "best_online_model": policy.get("best_online_model"),
        "best_offline_model": policy.get("best_offline_model"),
        "verdict": verdict(policy),
        "gain_over_best_single": router_gain(policy),
    }


def verdict(policy: Mapping[str, Any]) -> str:
    """Return whether the router beats the best single model, in words.

    >>> verdict({"evaluation": None, "evaluation_reason": "no forecasts"})
    'not evaluated: no forecasts'
    >>> verdict({"evaluation": {"rows": "many"}})
    'evaluated by another version of ELPA'
    """
    evaluation = policy.get("evaluation")
    if evaluation is not None:
        words = evaluation.get("verdict") if isinstance(evaluation, Mapping) else None
        return str(words[-1]) if isinstance(words, list) and words else "evaluated by another version of ELPA"
    return f"not evaluated: {policy.get('evaluation_reason') or 'no rows that all models share'}"


def router_gain(policy: Mapping[str, Any]) -> float | None:
    """Return by how much the router's mean absolute error is lower than the best single model's so far.

    None if the policy was not evaluated, or by a version that tells it otherwise.

    >>> gain = {"gain": 0.25, "low": 0.1, "high": 0.4}
    >>> router_gain({"evaluation": {"gain_over_best_single": {"router": gain}}})
    0.25
    """
    evaluation = policy.get("evaluation")
    gains = evaluation.get("gain_over_best_single") if isinstance(evaluation, Mapping) else None
    gain = known_part(Gain, gains.get("router") if isinstance(gains, Mapping) else None, "evaluation")
    return None if gain is None else gain.gain
