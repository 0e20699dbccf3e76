"""Say in a policy what its numbers are worth: which steps the models share, and how weights and router do."""

from __future__ import annotations

from collections.abc import Sequence

from elpa_core.backtest.evaluation import evaluate
from elpa_core.config.training import ErrorFields
from elpa_core.errors import InputError, Problem
from elpa_core.policy.comparison import compare
from elpa_core.policy.scoring import ReadModel
from elpa_core.schema.policy import Policy
from elpa_core.scores.weights import MIN_SCORE


def evaluate_policy(
    policy: Policy,
    models: Sequence[ReadModel],
    fields: ErrorFields,
    horizon: int,
    *,
    source: str,
    warnings: Sequence[str] = (),
) -> Policy:
    """Return a policy with ``comparison``, ``warnings``, and ``routing`` and ``evaluation`` or the reason.

    Parameters
    ----------
    policy : Policy
    models : sequence of ReadModel
        The models of the policy, as they were read.
    fields : ErrorFields
        The config; ``on_incomparable`` may refuse errors that cannot be compared.
    horizon : int
        Number of steps that are forecast together.
    source : str
        The config's or run's name, for errors.
    warnings : sequence of str
        Of the scores.

    Raises
    ------
    InputError
        If the errors cannot be compared and the config wants no policy then.
    """
    result = compare({m.name: m.errors for m in models}, horizon, {m.name: m.rows for m in models})
    if fields.on_incomparable == "fail" and result.comparison.reasons:
        raise InputError(
            Problem(source, "$.on_incomparable", f'"fail", and {reason}', "errors of the same steps")
            for reason in result.comparison.reasons
        )
    leaks = [
        f"model {name}: the score is {MIN_SCORE:g}, the lowest there is: an error of 0: a leak? See that the"
        " model is validated on rows that it was not trained on"
        for name, score in policy.scores.items()
        if score <= MIN_SCORE
    ]
    of_models = [f"{m.name}: {text}" for m in models if m.errors is not None for text in m.errors.warnings]
    said = {
        "comparison": result.comparison,
        "warnings": [*leaks, *warnings, *of_models, *result.warnings],
    }
    if isinstance(result.validation, str):
        return policy.model_copy(update={**said, "evaluation_reason": result.validation})
    try:
        routing, evaluation = evaluate(policy.to_json(), result.validation, horizon)
    except InputError as error:  # a score can be computed from these numbers, but a router refuses them
        return policy.model_copy(update={**said, "evaluation_reason": f"a router refuses the rows: {error}"})
    return policy.model_copy(update={**said, "routing": routing, "evaluation": evaluation})
