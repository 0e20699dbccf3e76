"""The JSON objects that pages and programs get. A later version adds fields and renames none."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from elpa_core.schema.groups import Group
from elpa_core.schema.policy import Comparison, Evaluation, Gain, MissingModel

State = Literal["fine", "degraded", "held", "experiment", "late", "none", "unreadable"]
"""Of a Dag: its newest policy was published, is degraded, held back, recorded as an experiment, is older than
the schedule promises, there is none, or what serving reads cannot be read here."""


class Shape(BaseModel):
    """A frozen JSON object."""

    model_config = ConfigDict(frozen=True)


class Decided(Shape):
    """A decision on a policy, as a line of the history."""

    number: int | None = Field(description="Publication number; null where nothing was published.")
    when: str
    action: str
    actor: str
    run_id: str
    policy_number: int
    as_of: str
    reason: str
    best: dict[str, str]
    restores: int | None = None
    lifts: str | None = None


class CurrentPolicy(Shape):
    """The policy that serving reads."""

    number: int = Field(description="Publication number.")
    run_id: str
    policy_number: int
    as_of: str
    when: str = Field(description="When it was published.")
    action: str
    actor: str
    reason: str
    degraded: bool
    best: dict[str, str] = Field(description="Best model of each group.")
    best_scores: dict[str, float]
    gain: Gain | None = Field(description="Of the router over the best single model.")


class StripRun(Shape):
    """What came of a run: the first decision on its policy, or ``failed``."""

    run_id: str
    as_of: str
    action: str | None
    degraded: bool


class Overview(Shape):
    """A Dag in one line."""

    dag_id: str
    state: State
    state_reason: str
    current: CurrentPolicy | None
    strip: list[StripRun] = Field(
        description="The policies recorded last, and runs that failed without one, by as_of."
    )
    spark: dict[Group, list[float | None]] = Field(description="Best scores of the last policies by group.")
    models: list[str] = Field(description="Models of the last policies.")


class Unread(Shape):
    """A Dag whose store says nothing."""

    dag_id: str
    problem: str
    pending: bool = Field(description="The store has not answered yet: ask again for this Dag.")


class Overviews(Shape):
    """Dags, each in one line."""

    version: Literal[1] = 1
    dags: list[Overview | Unread]


class Point(Shape):
    """A policy of a series over time."""

    run_id: str
    number: int
    as_of: str
    action: str | None
    kind: str = Field(description="What began the run, as its id says: scheduled, manual, backfill, ...")


class Tick(Shape):
    """A policy that was published by itself."""

    run_id: str
    as_of: str


class Series(Shape):
    """A model over the points: null where a policy does without it."""

    name: str
    group: str
    place: int = Field(description="The same in every view of the Dag: it gives the model's colour.")
    score: list[float | None]
    weight: list[float | None]


class LeagueRow(Shape):
    """A model in the league table of a Dag."""

    name: str
    group: str
    place: int
    score: float | None
    score_before: float | None = Field(description="In the policy that the current one followed.")
    weight: float | None
    weight_before: float | None
    best: bool
    failures: int = Field(description="Policies that did without the model because it had failed.")
    policies: int = Field(description="Policies looked at.")
    seconds: float | None = Field(description="Its newest training time.")
    trained_at: str | None
    as_of: str | None = Field(description="Its data goes up to this moment.")
    carried_from: str | None
    reason: str | None = Field(description="Why the current policy does without it, or uses an old artifact.")


class DagView(Shape):
    """What a Dag's policies did over time."""

    version: Literal[1] = 1
    dag_id: str
    store: str
    state: State
    state_reason: str
    current: CurrentPolicy | None
    kinds: list[str]
    points: list[Point] = Field(description="Policies by as_of, thinned to the asked width.")
    total: int = Field(description="How many policies the filter leaves, before thinning.")
    series: list[Series]
    marks: list[Decided] = Field(description="Held back, promoted, rolled back, lifted and experiments.")
    published: list[Tick] = Field(description="Policies published by themselves; as many as fit the width.")
    league: list[LeagueRow]
    can_roll_back: bool
    can_lift: bool
    may_decide: bool = Field(
        default=True, description="Whether who asks has the right to promote, roll back and lift."
    )


class PolicyRow(Shape):
    """A policy in the table of all policies."""

    run_id: str
    number: int
    as_of: str
    when: str
    action: str | None
    reason: str | None
    kind: str
    degraded: bool
    best: dict[str, str]
    scores: dict[str, float]
    weights: dict[str, float]
    gain: Gain | None
    verdict: list[str]


class RunModel(Shape):
    """A model in a run."""

    name: str
    group: str
    place: int
    state: Literal["trained", "carried", "failed", "left out"]
    reason: str | None
    score: float | None
    current_score: float | None
    weight: float | None
    current_weight: float | None
    best: bool
    seconds: float | None
    rows: int | None
    as_of: str | None
    carried_from: str | None
    artifact: str | None
    kept: list[str]
    return_code: int | None


class Way(Shape):
    """A way of forecasting with its mean absolute error on the validation rows."""

    name: str
    kind: Literal["model", "ensemble"]
    mae: float
    holdout: float | None = Field(description="Error on the last rows, knowing only earlier ones.")
    gain: Gain | None


class RunView(Shape):
    """What a run decided."""

    version: Literal[1] = 1
    dag_id: str
    run_id: str
    number: int | None = Field(description="Which of the run's policies; null if it has none.")
    numbers: list[int]
    no_policy: str | None = Field(description="Why there is no policy to show, and what to do.")
    as_of: str | None
    when: str | None
    is_current: bool
    degraded: bool
    decisions: list[Decided]
    models: list[RunModel]
    missing: list[MissingModel]
    ways: list[Way]
    evaluation: Evaluation | None
    evaluation_reason: str | None
    comparison: Comparison | None
    warnings: list[str]
    chosen: dict[str, Any]
    moves: list[str] = Field(description="What is different from the current policy, in words.")
    current_run: str | None
    notes: list[str] = Field(description="What could not be read, and why.")
    can_promote: bool
    may_decide: bool = Field(
        default=True, description="Whether who asks has the right to promote, roll back and lift."
    )


class Rows(Shape):
    """The validation rows behind a policy."""

    total: int
    first: int = Field(description="Number of the first row here, from 1.")
    times: list[str] | None = Field(description="As the error CSVs have them; null if they have none.")
    actuals: list[float]
    forecasts: dict[str, list[float | None]]
    router: list[float | None] | None
    by: str | None
    reason: str | None = Field(description="Why there are no rows here.")


class Change(Shape):
    """What a decision by hand would do."""

    action: Literal["promote", "rollback", "lift"]
    words: str
    from_run: str | None
    to_run: str | None
    to_number: int | None
    moves: list[str]
    token: str = Field(description="Of what was decided up to now; give it back with the decision.")
