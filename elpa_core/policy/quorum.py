"""Check that enough models of a run succeeded for a policy."""

from __future__ import annotations

from collections.abc import Sequence

from elpa_core.config.airflow import DagRunOptions
from elpa_core.errors import ElpaError
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import MissingModel


class NoPolicyError(ElpaError):
    """Too few models succeeded. A retry does not help; train the models again."""


def require_quorum(groups: Sequence[str], missing: Sequence[MissingModel], options: DagRunOptions) -> None:
    """Refuse a policy of too few models.

    A model that was left out on purpose is not a failure, but it does not count for its group.

    Parameters
    ----------
    groups : sequence of str
        The group of each model that takes part.
    missing : sequence of MissingModel
        The other models of the pool.
    options : DagRunOptions
        ``on_model_failure`` says whether a policy may lack a model that failed,
        ``min_models_per_group`` how many models each group needs.

    Raises
    ------
    NoPolicyError
        If a rule is violated; the error names the missing models.
    """
    failed = [model for model in missing if not model.intended]
    if failed and options.on_model_failure == "fail":
        raise NoPolicyError(
            f"no policy: {_named(failed)}; on_model_failure is fail, so each enabled model has to end well"
        )
    least = options.min_models_per_group
    for group in GROUPS:
        count = groups.count(group)
        if count < least:
            absent = [model for model in missing if model.group == group]
            raise NoPolicyError(
                f"no policy: {count} {group} model{'' if count == 1 else 's'}, min_models_per_group is"
                f" {least}; missing: {_named(absent) or 'none, the config has no more'}"
            )


def _named(models: Sequence[MissingModel]) -> str:
    return "; ".join(f"{model.group} model {model.name} ({model.reason})" for model in models)
