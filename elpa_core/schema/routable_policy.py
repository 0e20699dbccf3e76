"""The schema of a policy for a router, with the router's limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo, field_validator

from elpa_core.errors import quoted
from elpa_core.schema.fields import Epsilon, Score, Steps, StepsFromZero
from elpa_core.schema.limits import BOUND
from elpa_core.schema.policy import Interval, ScoredPolicy, validated_models
from elpa_core.schema.problems import expected, refuse
from elpa_core.schema.reading import Part

VERSION = 1
"""Version of a policy's field ``routing``."""


def _version(value: Any) -> Any:
    if value != VERSION:
        raise expected(f"version {VERSION}")
    return value


def _magnitude(value: float) -> float:
    if not 0 <= value <= BOUND:
        raise expected(f"a number from 0 to {BOUND:g}")
    return value


def _range(value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    if not -BOUND <= low <= high <= BOUND:
        raise expected(f"[smallest, largest], numbers within ±{BOUND:g}", found=f"[{low}, {high}]")
    return value


Version = Annotated[Any, AfterValidator(_version)]
Magnitude = Annotated[float, AfterValidator(_magnitude)]


class KnownRouting(Part):
    """The fields of `routing` that a router needs; a policy written by hand may lack some."""

    version: Version = VERSION
    horizon: Steps = 1
    range: Annotated[Interval, AfterValidator(_range)] | None = None
    mean_abs: Magnitude = 0.0
    best_model: str | None = None
    best_mae: Magnitude | None = None


class RoutablePolicy(ScoredPolicy):
    """A policy that a router accepts."""

    version: Version = VERSION
    dirty_interval: StepsFromZero
    amplitude_window: Steps
    mutant_epsilon: Epsilon | None
    scores: dict[str, Score]
    routing: KnownRouting = KnownRouting()

    @field_validator("routing", mode="before")
    @classmethod
    def _none_is_nothing_known(cls, routing: Any) -> Any:
        return KnownRouting() if routing is None else routing

    @field_validator("routing")
    @classmethod
    def _best_is_one_of_the_models(cls, routing: KnownRouting, info: ValidationInfo) -> KnownRouting:
        names, best = validated_models(info), routing.best_model
        if names and best is not None and best not in names:
            refuse({"best_model": expected("a model of the policy", found=quoted(best))})
        return routing
