"""The validation rows of a policy, for the warm-up of a router. What is wrong raises InputError."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.inputs import actual_array, by_name, forecast_array, whole_number
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import spread_of
from elpa_core.schema.limits import BOUND, MOST

Array = NDArray[np.float64]
_OUTLIER = 30.0  # median errors: a single outlier must not determine the mean


@dataclass(frozen=True, slots=True)
class Validation:
    """Actuals and forecasts of validation rows, in time order.

    ``forecasts`` has the shape (rows, models), with NaN where a model has none; ``blocks`` the first row of
    each block, that is of rows that were forecast together, beginning with 0.

    Examples
    --------
    >>> validation = Validation.of([1.0, 2.0, 3.0], {"naive": [1.0, 1.0, 2.0]}, horizon=2)
    >>> validation.blocks
    (0, 2)
    """

    actuals: Array
    forecasts: Array
    names: tuple[str, ...]
    blocks: tuple[int, ...]

    @classmethod
    def of(
        cls,
        actuals: ArrayLike,
        forecasts: Mapping[str, ArrayLike],
        *,
        horizon: int = 1,
        source: str = "validation",
    ) -> Self:
        """Return validation rows whose blocks have ``horizon`` rows each, the last one maybe fewer."""
        steps = whole_number(horizon, "horizon", 1, MOST)
        values = actual_array(actuals, (), None, source)
        named = by_name(forecasts, source)
        if named is None:
            raise InputError(Problem(source, "forecasts", quoted(forecasts), "forecasts by model name"))
        names = tuple(named)
        array = forecast_array(named, names, (), source)
        if len(array) != len(values):
            found, expected = f"{len(array)} rows of forecasts", f"{len(values)}, one an actual"
            raise InputError(Problem(source, "", found, expected))
        return cls(values, array, names, tuple(range(0, len(values), steps)))

    def columns(self, names: Sequence[str]) -> Array:
        """Return the forecasts of some models, shape (rows, len(names)); NaN for an unknown model."""
        found, expected = "a model without a score", "models of the policy"
        if unknown := [name for name in self.names if name not in names]:
            raise InputError(Problem("validation", name, found, expected) for name in unknown)
        missing = np.full(len(self.actuals), np.nan)
        place = {name: self.forecasts[:, j] for j, name in enumerate(self.names)}
        return np.stack([place.get(name, missing) for name in names], axis=-1)

    def facts(self, policy: RoutingPolicy) -> RoutingPolicy:
        """Return the policy with range, mean and best single model of these rows."""
        span = policy.range or (float(self.actuals.min()), float(self.actuals.max()))
        forecasts = np.clip(self.columns(policy.names), -BOUND, BOUND)
        best = int(np.argmin(mean_errors(self.actuals, forecasts)))
        return dataclasses.replace(
            policy,
            range=span,
            mean_abs=float(np.abs(self.actuals).mean()),
            best=best,
            best_mae=min(bounded_mean(np.abs(self.actuals - forecasts[:, best])), BOUND),
        )

    def first_errors(self, policy: RoutingPolicy) -> Array:
        """Return the absolute errors of the first row, shape (models,), limited; NaN for missing."""
        span = policy.range or (float(self.actuals.min()), float(self.actuals.max()))
        errors = np.abs(self.actuals[0] - limited(self.columns(policy.names)[:1], span)[0])
        return errors if np.isfinite(errors).any() else np.zeros(len(errors))

    def each_block(self, names: Sequence[str]) -> Iterator[tuple[Array, Array]]:
        """Yield forecasts, shape (steps, models), and actuals, shape (steps,), block by block."""
        columns = self.columns(names)
        for first, end in zip(self.blocks, (*self.blocks[1:], len(self.actuals)), strict=True):
            yield columns[first:end], self.actuals[first:end]


def limits(span: tuple[float, float]) -> tuple[float, float]:
    """Return the limits of forecasts for actuals in ``span``: [min - R, max + R], R their range.

    >>> limits((1.0, 3.0))
    (-1.0, 5.0)
    """
    spread = spread_of(*span)
    return span[0] - spread, span[1] + spread


def limited(forecasts: Array, span: tuple[float, float]) -> Array:
    """Return forecasts clipped to the `limits`; values that are not finite become NaN."""
    return np.where(np.isfinite(forecasts), np.clip(forecasts, *limits(span)), np.nan)


def bounded_mean(errors: Array) -> float:
    """Return the mean error, each at most thirty times the median of those above zero; infinite without any.

    >>> bounded_mean(np.array([1.0, 1.0, np.nan, 1e9])), bounded_mean(np.array([0.0, 0.0, 3.0]))
    (10.666666666666666, 1.0)
    """
    known = errors[np.isfinite(errors)]
    if not len(known):
        return np.inf
    above = known[known > 0.0]
    most = _OUTLIER * float(np.median(above)) if len(above) else 0.0
    return float(np.minimum(known, most).mean())


def mean_errors(actuals: Array, forecasts: Array) -> Array:
    """Return the mean absolute error of each column over the rows it has; infinite if it has none.

    >>> mean_errors(np.array([1.0, 2.0]), np.array([[0.0, np.nan], [2.0, np.nan]])).tolist()
    [0.5, inf]
    """
    errors = np.abs(actuals[:, np.newaxis] - forecasts)
    there = np.isfinite(errors)
    rows = there.sum(axis=0)
    return np.where(rows > 0, np.where(there, errors, 0.0).sum(axis=0) / np.maximum(rows, 1), np.inf)
