"""The policy: scores and weights of the models of a run, and the control fields for routing.

A router needs a `ScoredPolicy`. A store compares the fields of a `WeightedPolicy` and keeps the others
unchanged. A run writes a `Policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from elpa_core.errors import quoted, some
from elpa_core.schema.groups import GROUPS, Group
from elpa_core.schema.problems import expected, refuse
from elpa_core.schema.reading import Part, known_part
from elpa_core.schema.trained_file import TrainedFile

# Other Python containers than those of JSON are accepted; their elements are checked strictly.
Names = Annotated[list[str], Field(strict=False)]
Interval = Annotated[tuple[float, float], Field(strict=False)]


class MissingModel(Part):
    """A model of the pool that is not in the policy."""

    name: str = Field(description="The model.")
    group: Group = Field(description="Its group.")
    reason: str = Field(description="Why it is not in the policy.")
    intended: bool = Field(
        description="Whether it was left out on purpose (disabled, not chosen); otherwise it failed."
    )


class ErrorSource(Part):
    """The source of a model's score."""

    rows: int | None = Field(description="Number of validation errors that were used.")
    sha256: str | None = Field(description="SHA-256 of the error artifact.")
    as_of: str | None = Field(
        default=None, description="Moment up to which the training used data, if it differs from the run's."
    )
    trained_at: str | None = Field(default=None, description="Time at which a carried model was trained.")
    carried_from: str | None = Field(
        default=None, description="Run that trained the model, if it is not this run."
    )
    fallback_reason: str | None = Field(
        default=None, description="Reason why the policy uses an older artifact than intended."
    )
    artifacts: list[TrainedFile] = Field(
        default=[], description="Files of the trained model; those of a carried one lie in its own run."
    )
    warm_started_from: str | None = Field(
        default=None,
        description="Run whose trained model this training started from ({previous_dir}); null for a cold"
        " start.",
    )


class RunReference(Part):
    """The run that made a policy."""

    dag_id: str | None = Field(description="Dag of the run; null on the command line.")
    run_id: str | None = Field(description="Id of the Dag run; null on the command line.")
    run_dir: str = Field(description="Folder of the run.")
    as_of: str = Field(description="Moment up to which the run used data.")
    config_sha256: str = Field(description="SHA-256 of the config that the run froze.")


class RouterState(Part):
    """What a router has learned from the validation rows."""

    file: str = Field(description="File of the state; a relative path starts at the policy's folder.")
    sha256: str = Field(description="SHA-256 of the file's bytes.")


class Routing(Part):
    """What a router takes from the validation rows of a run."""

    version: int = Field(description="Version of these fields.")
    horizon: int = Field(description="Number of steps that are forecast together.")
    range: Interval = Field(description="Smallest and largest actual value.")
    limits: Interval = Field(
        description="Limits of valid forecasts: the range, extended by its width on each side."
    )
    mean_abs: float = Field(description="Mean of the absolute actual values.")
    best_model: str = Field(description="The model with the lowest mean absolute error.")
    best_mae: float = Field(
        description="Its mean absolute error; each error counts at most as thirty times the median error."
    )
    recommended_weights: dict[str, float] = Field(
        description="Better static weights over both groups, sum 1: mean absolute errors to the power -12."
    )
    mutant_epsilon_suggested: float | None = Field(
        description="Suggested mutant_epsilon: the 99th percentile of the router's relative errors."
    )
    state: RouterState | None = Field(
        default=None,
        description="State of a router that has seen the validation rows: serving starts from it.",
    )


class SingleModel(Part):
    """A model and its error."""

    model: str
    mae: float


class Gain(Part):
    """Difference between the mean absolute error of the best single model so far and another one."""

    gain: float = Field(description="Positive if the other error is lower.")
    low: float | None = Field(description="Lower end of the interval; null if there is none.")
    high: float | None = Field(description="Upper end of the interval; null if there is none.")
    no_interval: str | None = Field(default=None, description="Reason why there is no interval.")


class Holdout(Part):
    """Mean absolute errors on the last two thirds of the rows, of what knows only earlier rows."""

    rows: int
    best_single_so_far: float = Field(
        description="Error of the model that had the lowest error in all rows before each block."
    )
    contract_weights: float = Field(description="Error of the contract weights of the first third.")
    recommended_weights: float = Field(description="Error of the recommended weights of the first third.")
    router: float = Field(description="Error of the router.")


class Evaluation(Part):
    """Mean absolute errors of the weights and of a router on the validation rows."""

    rows: int = Field(description="Number of rows that all models share; at most the last 10,000.")
    mae: dict[str, float] = Field(description="By model, with forecasts limited to routing.limits.")
    best_single: SingleModel = Field(description="The model with the lowest error on these rows.")
    equal_weights: float = Field(description="Error of the mean of all models.")
    contract_weights: float = Field(
        description="Error of all models, weighted by the inverse of their scores."
    )
    recommended_weights: float = Field(description="Error of the weights in routing.recommended_weights.")
    router: float = Field(
        description="Error of a router that learns from each block of rows after it has served the block."
    )
    holdout: Holdout | None = Field(
        default=None,
        description="rows, best_single_so_far, contract_weights, recommended_weights and router: errors on"
        " the last two thirds of the rows, of what knows only earlier rows; null before 0.2.0.",
    )
    gain_over_best_single: dict[str, Gain] = Field(
        description="gain, low, high and no_interval of contract_weights, recommended_weights and router, in"
        " holdout."
    )
    interval: str = Field(description="Method that computed low and high.")
    note: str = Field(description="Rows from which each number was computed.")
    verdict: list[str] = Field(description="The gains in words.")


class ComparedModel(Part):
    """What is known of the steps behind a model's score."""

    rows: int | None = Field(
        description="Rows that were looked at, at most the last 10,000; null if unknown."
    )
    shared: int = Field(description="How many of their steps all models have, with the same actuals.")
    first: str | None = Field(description="Time of the first step, as the file has it; null if unknown.")
    last: str | None = Field(description="Time of the last step.")


class Comparison(Part):
    """Whether the models' errors come from the same steps."""

    by: Literal["time", "position"] | None = Field(
        description="How steps were told apart; null if models have neither times nor actuals."
    )
    models: dict[str, ComparedModel] = Field(description="What is known of each model's steps.")
    reasons: list[str] = Field(
        description="Why scores cannot be compared; empty if nothing speaks against it."
    )


class _Marked(Part):
    skill: Literal["ELPA"] = Field(description="What the file is.")


class _Origin(_Marked):
    created_at: str = Field(description="UTC, ISO 8601, ending in Z.")
    beta: float = Field(description="EWMA factor of the scores.")


class ScoredPolicy(_Marked):
    """Models, scores and control fields."""

    dirty_interval: int = Field(description="Number of dirty steps after a mutation.")
    amplitude_window: int = Field(description="Number of steps that calibrate the amplitude.")
    mutant_epsilon: float | None = Field(
        description="Relative error above which a step counts as a mutation; null: no detection."
    )
    online_models: Names = Field(description="Online models with a score, in config order.")
    offline_models: Names = Field(description="Offline models with a score, in config order.")
    scores: dict[str, float] = Field(
        description="EWMA of the absolute validation errors by model; lower is better."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """Online models, then offline ones."""
        return (*self.online_models, *self.offline_models)

    def models(self, group: Group) -> list[str]:
        """Return the models of a group, in config order."""
        return self.online_models if group == "online" else self.offline_models

    @field_validator("online_models", "offline_models")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        if not 0 < len(names) == len({*names}):
            raise expected("one or more model names, each once", found=f"[{some(list(map(quoted, names)))}]")
        return names

    @field_validator("offline_models")
    @classmethod
    def _not_online(cls, names: list[str], info: ValidationInfo) -> list[str]:
        online = {*info.data.get("online_models", ())}
        if both := [quoted(name) for name in names if name in online]:
            raise expected("names that no online model has", found=some(both))
        return names

    @field_validator("scores", mode="before")
    @classmethod
    def _one_for_each_model(cls, scores: Any, info: ValidationInfo) -> Any:
        if not isinstance(scores, Mapping):
            return scores
        lacking = [name for name in validated_models(info) if name not in scores]
        return {**scores, **dict.fromkeys(lacking)}  # null: the error then names the place of the model


def validated_models(info: ValidationInfo) -> tuple[str, ...]:
    """Return the models of a `ScoredPolicy` during the validation of a later field."""
    return (*info.data.get("online_models", ()), *info.data.get("offline_models", ()))


# The fields of the JSON object follow the order of the bases, from the last to the first.
class WeightedPolicy(ScoredPolicy, _Origin):
    """A policy without ``routing`` and ``evaluation``."""

    online_weights: dict[str, float] = Field(description="Sum to 1.")
    offline_weights: dict[str, float] = Field(description="Sum to 1.")
    best_online_model: str = Field(description="The online model with the lowest score.")
    best_offline_model: str = Field(description="The offline model with the lowest score.")
    degraded: bool = Field(
        default=False,
        description="Whether a failed model is missing, or takes part with an older artifact than intended.",
    )
    missing: list[MissingModel] = Field(
        default=[], description="Models of the pool without a score, and why."
    )
    errors: dict[str, ErrorSource] = Field(default={}, description="Source of each score, by model.")
    run: RunReference | None = Field(default=None, description="The run that made the policy.")
    chosen: dict[str, Any] = Field(
        default={}, description="Values that were chosen at the start of the run and differ from the config."
    )

    def weights(self, group: Group) -> dict[str, float]:
        """Return the weights of a group."""
        return self.online_weights if group == "online" else self.offline_weights

    def best(self, group: Group) -> str:
        """Return the name of a group's best model."""
        return self.best_online_model if group == "online" else self.best_offline_model

    def best_score(self, group: Group) -> float:
        """Return the score of a group's best model, in units of the series."""
        return self.scores[self.best(group)]

    @model_validator(mode="after")
    def _each_has_a_weight(self) -> WeightedPolicy:
        faults = {}
        for group in GROUPS:
            weights = self.weights(group)
            if {*self.models(group), self.best(group)} != {*weights}:
                found = f"weights of {some(list(weights)) or 'no model'}"
                faults[f"{group}_weights"] = expected(f"those of the {group} models", found=found)
        refuse(faults)
        return self


class Policy(WeightedPolicy):
    """Scores and weights of the models, computed from their validation errors."""

    # Required in a file.
    skill: Literal["ELPA"] = Field(default="ELPA", description="What the file is.")
    routing: Routing | None = Field(
        default=None, description="Starting values of elpa route and Router; null if evaluation is null."
    )
    evaluation: Evaluation | None = Field(
        default=None, description="Errors on the steps that all models share; null if there are none."
    )
    evaluation_reason: str | None = Field(default=None, description="Why evaluation and routing are null.")
    comparison: Comparison | None = Field(
        default=None, description="Whether the models' errors come from the same steps."
    )
    warnings: list[str] = Field(default=[], description="What the error CSVs say against the scores.")


def told_evaluation(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a policy's evaluation, whichever version wrote it; none if there is none."""
    found = policy.get("evaluation")
    return found if isinstance(found, Mapping) else {}


def told_verdict(policy: Mapping[str, Any]) -> list[str]:
    """Return the words of a policy's evaluation, whichever version wrote it; empty if there are none."""
    words = told_evaluation(policy).get("verdict")
    return [text for text in words if isinstance(text, str)] if isinstance(words, list) else []


def told_gain(policy: Mapping[str, Any]) -> Gain | None:
    """Return the router's gain in a policy's evaluation, whichever version wrote it."""
    gains = told_evaluation(policy).get("gain_over_best_single")
    return known_part(Gain, gains.get("router") if isinstance(gains, Mapping) else None, "evaluation")
