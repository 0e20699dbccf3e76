"""The policy: scores and weights of the models of a run, and the control fields for routing.

A router needs a `ScoredPolicy`. A store compares a `WeightedPolicy`, and keeps the rest as it is. A run
writes a `Policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from elpa_core.errors import quoted, some
from elpa_core.schema.groups import GROUPS, Group
from elpa_core.schema.problems import expected, refuse
from elpa_core.schema.reading import Part

# Containers of Python's other than JSON's will do; what they hold is checked strictly.
Names = Annotated[list[str], Field(strict=False)]
Interval = Annotated[tuple[float, float], Field(strict=False)]


class MissingModel(Part):
    """A model of the pool that the policy does without."""

    name: str
    group: Group
    reason: str
    intended: bool = Field(description="Left out on purpose (disabled, not chosen); else it has failed.")


class ErrorSource(Part):
    """What the score of a model was computed from."""

    rows: int | None = Field(description="Validation errors used.")
    sha256: str | None = Field(description="SHA-256 of the error artifact.")
    as_of: str | None = Field(
        default=None, description="Moment up to which the training used data, where it is not the run's own."
    )
    trained_at: str | None = Field(default=None, description="When a carried model was trained.")
    carried_from: str | None = Field(
        default=None, description="Run that trained the model, where it is not this one."
    )
    fallback_reason: str | None = Field(
        default=None, description="Why an older artifact than there should be takes part."
    )


class RunReference(Part):
    """The run that made a policy."""

    dag_id: str | None
    run_id: str | None
    run_dir: str
    as_of: str
    config_sha256: str


class Routing(Part):
    """What a router takes from the validation rows of a run."""

    version: int = Field(description="Of these fields.")
    horizon: int = Field(description="Steps that are forecast together.")
    range: Interval = Field(description="Smallest and largest actual.")
    limits: Interval = Field(
        description="Beyond these a forecast has diverged: the range, and as much again on each side."
    )
    mean_abs: float = Field(description="Mean absolute actual.")
    best_model: str = Field(description="The model with the lowest mean absolute error.")
    best_mae: float = Field(
        description="Its mean absolute error, no error counted as more than thirty times the median."
    )
    recommended_weights: dict[str, float] = Field(
        description="Better static weights, over both groups, summing to 1: scores with a half-life of a"
        " quarter of the rows, to the power -4."
    )
    mutant_epsilon_suggested: float | None = Field(
        description="99th percentile of the router's relative errors: a value for mutant_epsilon."
    )


class SingleModel(Part):
    """A model and its error."""

    model: str
    mae: float


class Gain(Part):
    """By how much a mean absolute error is lower than the best single model's."""

    gain: float = Field(description="Negative if it is higher.")
    low: float = Field(description="Lower end of the interval.")
    high: float = Field(description="Upper end of the interval.")


class Evaluation(Part):
    """What the weights and a router are worth on the validation rows: mean absolute errors."""

    rows: int = Field(description="Rows that all models share; of longer artifacts the last 10,000.")
    mae: dict[str, float] = Field(description="Of each model, its forecasts within the limits of routing.")
    best_single: SingleModel = Field(description="The best model in hindsight.")
    equal_weights: float = Field(description="Of the mean of all models.")
    contract_weights: float = Field(description="Of all models weighted by the inverse of their scores.")
    recommended_weights: float = Field(description="Of the weights in routing.recommended_weights.")
    router: float = Field(
        description="Of a router that learns from each block of rows after it has served it."
    )
    gain_over_best_single: dict[str, Gain] = Field(
        description="gain, low and high, of contract_weights, recommended_weights and router."
    )
    interval: str = Field(description="How low and high were computed.")
    note: str = Field(description="What each number was allowed to know.")
    verdict: list[str] = Field(description="Whether the ensemble beats its best model, in words.")


class _Marked(Part):
    skill: Literal["ELPA"]


class _Origin(_Marked):
    created_at: str = Field(description="UTC, ISO 8601, ending in Z.")
    beta: float


class ScoredPolicy(_Marked):
    """The models with their scores, and the control fields."""

    dirty_interval: int
    amplitude_window: int
    mutant_epsilon: float | None
    online_models: Names
    offline_models: Names
    scores: dict[str, float] = Field(description="EWMA of absolute validation errors; lower is better.")

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
        return {**scores, **dict.fromkeys(lacking)}  # null, which is refused in its place


def validated_models(info: ValidationInfo) -> tuple[str, ...]:
    """Return the models of a `ScoredPolicy` while a later field of it is validated."""
    return (*info.data.get("online_models", ()), *info.data.get("offline_models", ()))


# The order of the bases, from the last to the first, is the order of the fields in the JSON object.
class WeightedPolicy(ScoredPolicy, _Origin):
    """A policy without what it says of routing."""

    online_weights: dict[str, float] = Field(description="Sum to 1.")
    offline_weights: dict[str, float] = Field(description="Sum to 1.")
    best_online_model: str
    best_offline_model: str
    degraded: bool = Field(
        default=False,
        description="Whether a model is missing, or older than it should be, because it failed.",
    )
    missing: list[MissingModel] = Field(default=[])
    errors: dict[str, ErrorSource] = Field(default={}, description="What each score was computed from.")
    run: RunReference | None = None
    chosen: dict[str, Any] = Field(
        default={}, description="What was chosen when the run was started, where it differs from the config."
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
    """How much each model deserves, by its validation errors."""

    skill: Literal["ELPA"] = "ELPA"  # required of a file, set by what builds
    routing: Routing | None = Field(
        default=None, description="What elpa route and Router start from; null where evaluation is."
    )
    evaluation: Evaluation | None = Field(
        default=None,
        description="What weights and router are worth on the rows that all artifacts share; null where one"
        " lacks y_true and pred, y_true differs, or there are fewer rows than two blocks.",
    )
