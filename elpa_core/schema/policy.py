"""The policy: scores and weights of the models of a run, and the control fields for routing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class MissingModel(BaseModel):
    """A model of the pool that the policy does without."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    group: Literal["online", "offline"]
    reason: str
    intended: bool = Field(description="Left out on purpose (disabled, not chosen); else it has failed.")


class ErrorSource(BaseModel):
    """What the score of a model was computed from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class RunReference(BaseModel):
    """The run that made a policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag_id: str | None
    run_id: str | None
    run_dir: str
    as_of: str
    config_sha256: str


class Routing(BaseModel):
    """What a router takes from the validation rows of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(description="Of these fields.")
    horizon: int = Field(description="Steps that are forecast together.")
    range: tuple[float, float] = Field(description="Smallest and largest actual.")
    limits: tuple[float, float] = Field(
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


class SingleModel(BaseModel):
    """A model and its error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    mae: float


class Gain(BaseModel):
    """By how much a mean absolute error is lower than the best single model's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gain: float = Field(description="Negative if it is higher.")
    low: float = Field(description="Lower end of the interval.")
    high: float = Field(description="Upper end of the interval.")


class Evaluation(BaseModel):
    """What the weights and a router are worth on the validation rows: mean absolute errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class Policy(BaseModel):
    """How much each model deserves, by its validation errors."""

    model_config = ConfigDict(frozen=True)

    skill: Literal["ELPA"] = "ELPA"
    created_at: str = Field(description="UTC, ISO 8601, ending in Z.")
    beta: float
    dirty_interval: int
    amplitude_window: int
    mutant_epsilon: float | None
    online_models: list[str]
    offline_models: list[str]
    scores: dict[str, float] = Field(description="EWMA of absolute validation errors; lower is better.")
    online_weights: dict[str, float] = Field(description="Sum to 1.")
    offline_weights: dict[str, float] = Field(description="Sum to 1.")
    best_online_model: str
    best_offline_model: str
    degraded: bool = Field(
        default=False,
        description="Whether a model is missing, or older than it should be, because it failed.",
    )
    missing: list[MissingModel] = []
    errors: dict[str, ErrorSource] = Field(default={}, description="What each score was computed from.")
    run: RunReference | None = None
    chosen: dict[str, Any] = Field(
        default={}, description="What was chosen when the run was started, where it differs from the config."
    )
    routing: Routing | None = Field(
        default=None, description="What elpa route and Router start from; null where evaluation is."
    )
    evaluation: Evaluation | None = Field(
        default=None,
        description="What weights and router are worth on the rows that all artifacts share; null where one"
        " lacks y_true and pred, y_true differs, or there are fewer rows than two blocks.",
    )

    def to_json(self) -> dict[str, Any]:
        """Return the policy as a JSON object, fields in the order of the contract."""
        return self.model_dump(mode="json")
