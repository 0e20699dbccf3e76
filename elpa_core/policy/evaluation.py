"""Add to a policy the errors of its weights and of a router on the validation rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.error_csv import iter_error_blocks
from elpa_core.backtest.evaluation import common_validation, evaluate
from elpa_core.errors import ArtifactError, InputError
from elpa_core.schema.policy import Policy

MAX_ROWS = 10_000
"""Number of rows, the last ones, that are evaluated: a replay of more rows is slow and adds little."""

Forecasts = tuple[NDArray[np.float64], NDArray[np.float64]]


def evaluate_policy(policy: Policy, artifacts: Mapping[str, Path], horizon: int) -> Policy:
    """Return a policy with ``routing`` and ``evaluation``.

    The policy stays unchanged if the models share no forecasts, or if a router refuses the numbers.

    Parameters
    ----------
    policy : Policy
    artifacts : mapping of str to Path
        The error CSV of each model that has one.
    horizon : int
        Number of steps that are forecast together.
    """
    found = {
        name: _forecasts(artifacts[name], policy.errors[name].sha256) if name in artifacts else None
        for name in policy.scores
    }
    try:
        validation = common_validation(found, horizon)
        if isinstance(validation, str):
            return policy
        routing, evaluation = evaluate(policy.to_json(), validation, horizon)
    except InputError:  # a score can be computed from these numbers, but a router refuses them
        return policy
    return policy.model_copy(update={"routing": routing, "evaluation": evaluation})


def _forecasts(path: Path, sha256: str | None) -> Forecasts | None:
    """Return the last ``y_true`` and ``pred`` of an artifact; None if it has none or was changed."""
    digest = hashlib.sha256()
    y_true, pred = np.empty(0), np.empty(0)
    try:
        for block in iter_error_blocks(path, digest.update, ("y_true", "pred")):
            if block.y_true is not None and block.pred is not None:
                y_true = np.concatenate((y_true, block.y_true))[-MAX_ROWS:]
                pred = np.concatenate((pred, block.pred))[-MAX_ROWS:]
    except ArtifactError:
        return None
    return (y_true, pred) if digest.hexdigest() == sha256 else None
