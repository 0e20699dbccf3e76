"""Build a policy from scored models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elpa_core.config.training import PolicyFields
from elpa_core.errors import InputError, Problem
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import ErrorSource, MissingModel, Policy, RunReference
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.scores.weights import best_model, inverse_score_weights


@dataclass(frozen=True)
class ScoredModel:
    """A model that takes part in a policy.

    Parameters
    ----------
    name, group : str
        The model and its group.
    score : float
        EWMA of its absolute validation errors, in units of the series, at least 1e-9.
    rows : int or None
        Number of validation errors behind the score, if known.
    sha256 : str or None
        SHA-256 of the error artifact, if there is one.
    as_of, trained_at, carried_from : str or None
        Set if the model was trained as of another moment, or by another run.
    fallback_reason : str or None
        Reason why an older artifact than intended takes part.
    artifacts : sequence of TrainedFile
        Files of the trained model.
    warm_started_from : str or None
        The run whose trained model its training started from.
    """

    name: str
    group: str
    score: float
    rows: int | None = None
    sha256: str | None = None
    as_of: str | None = None
    trained_at: str | None = None
    carried_from: str | None = None
    fallback_reason: str | None = None
    artifacts: Sequence[TrainedFile] = ()
    warm_started_from: str | None = None


def build_policy(
    fields: PolicyFields,
    scored: Sequence[ScoredModel],
    *,
    created_at: str,
    source: str,
    missing: Sequence[MissingModel] = (),
    run: RunReference | None = None,
    chosen: Mapping[str, Any] | None = None,
) -> Policy:
    """Return the policy of scored models.

    Parameters
    ----------
    fields : PolicyFields
        The config: EWMA factor and control fields.
    scored : sequence of ScoredModel
        The models, in config order; of equal scores, the first is the best.
    created_at : str
        UTC, ISO 8601, ending in Z.
    source : str
        The config's or run's name, for errors.
    missing : sequence of MissingModel
        Models of the pool that are not in ``scored``.
    run : RunReference, optional
        The run that makes the policy.
    chosen : mapping, optional
        The values that were chosen at the start of the run.

    Raises
    ------
    InputError
        If a group has no model.
    """
    groups = {group: {m.name: m.score for m in scored if m.group == group} for group in GROUPS}
    if empty := [group for group, scores in groups.items() if not scores]:
        raise InputError(
            Problem(source, "$.models", f"no scored {group} model", "at least one in each group")
            for group in empty
        )
    online, offline = groups["online"], groups["offline"]
    return Policy(
        created_at=created_at,
        beta=fields.beta,
        dirty_interval=fields.dirty_interval,
        amplitude_window=fields.amplitude_window,
        mutant_epsilon=fields.mutant_epsilon,
        online_models=list(online),
        offline_models=list(offline),
        scores={m.name: m.score for m in scored},
        online_weights=inverse_score_weights(online),
        offline_weights=inverse_score_weights(offline),
        best_online_model=best_model(online),
        best_offline_model=best_model(offline),
        degraded=any(not m.intended for m in missing) or any(m.fallback_reason for m in scored),
        missing=list(missing),
        errors={m.name: _error_source(m) for m in scored},
        chosen=dict(chosen or {}),
        run=run,
    )


def _error_source(model: ScoredModel) -> ErrorSource:
    return ErrorSource(
        rows=model.rows,
        sha256=model.sha256,
        as_of=model.as_of,
        trained_at=model.trained_at,
        carried_from=model.carried_from,
        fallback_reason=model.fallback_reason,
        artifacts=list(model.artifacts),
        warm_started_from=model.warm_started_from,
    )
