"""What the asset event of a published policy says of it, and notifiers are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elpa_core.files import StorePath
from elpa_core.schema.policy import told_gain, told_verdict


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
    if policy.get("evaluation") is not None:
        return (told_verdict(policy) or ["evaluated by another version of ELPA"])[-1]
    return f"not evaluated: {policy.get('evaluation_reason') or 'no rows that all models share'}"


def router_gain(policy: Mapping[str, Any]) -> float | None:
    """Return by how much the router's mean absolute error is lower than the best single model's so far.

    None if the policy was not evaluated, or by a version that tells it otherwise.

    >>> gain = {"gain": 0.25, "low": 0.1, "high": 0.4}
    >>> router_gain({"evaluation": {"gain_over_best_single": {"router": gain}}})
    0.25
    """
    gain = told_gain(policy)
    return None if gain is None else gain.gain
