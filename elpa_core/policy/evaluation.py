"""Say in a policy what its numbers are worth: which steps the models share, and how weights and router do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elpa_core.backtest.evaluation import evaluate
from elpa_core.config.training import ErrorFields
from elpa_core.errors import InputError, Problem
from elpa_core.files.atomic import json_bytes, write_atomic
from elpa_core.policy.comparison import compare
from elpa_core.policy.scoring import ReadModel
from elpa_core.schema.policy import Policy, RouterState
from elpa_core.scores.weights import MIN_SCORE


@dataclass(frozen=True)
class EvaluatedPolicy:
    """A policy, and the state of the router that has seen its validation rows.

    Parameters
    ----------
    policy : Policy
        It does not name the state yet: `naming_state`.
    router_state : bytes or None
        Content of a state file; None if no router was replayed.
    """

    policy: Policy
    router_state: bytes | None = None

    @property
    def state_sha256(self) -> str:
        """SHA-256 of the state, hexadecimal."""
        return hashlib.sha256(self.router_state or b"").hexdigest()

    def naming_state(self, file: str) -> Policy:
        """Return the policy with ``routing.state``, once the state is written to ``file``."""
        if self.policy.routing is None:
            return self.policy
        state = RouterState(file=file, sha256=self.state_sha256)
        routing = self.policy.routing.model_copy(update={"state": state})
        return self.policy.model_copy(update={"routing": routing})


def evaluate_policy(
    policy: Policy,
    models: Sequence[ReadModel],
    fields: ErrorFields,
    horizon: int,
    *,
    source: str,
    warnings: Sequence[str] = (),
) -> EvaluatedPolicy:
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
    said: dict[str, Any] = {
        "comparison": result.comparison,
        "warnings": [*leaks, *warnings, *of_models, *result.warnings],
    }
    if isinstance(result.validation, str):
        return EvaluatedPolicy(policy.model_copy(update={**said, "evaluation_reason": result.validation}))
    try:
        found = evaluate(policy.to_json(), result.validation, horizon)
    except InputError as error:  # a score can be computed from these numbers, but a router refuses them
        said["evaluation_reason"] = f"a router refuses the rows: {error}"
        return EvaluatedPolicy(policy.model_copy(update=said))
    said |= {"routing": found.routing, "evaluation": found.evaluation}
    return EvaluatedPolicy(policy.model_copy(update=said), json_bytes(found.router.to_json()))


def write_policy(path: Path, evaluated: EvaluatedPolicy) -> Policy:
    """Write the state of the router beside the policy, then the policy, which is returned."""
    policy = evaluated.policy
    if evaluated.router_state is not None:
        state = path.with_name(f"{path.name.removesuffix('.json')}.router.json")
        write_atomic(state, evaluated.router_state)
        policy = evaluated.naming_state(state.name)
    write_atomic(path, json_bytes(policy.to_json()))
    return policy
