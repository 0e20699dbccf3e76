"""What the routers of one and of many series have in common."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from elpa_core.errors import InputError, Problem
from elpa_core.files.atomic import json_bytes, write_atomic
from elpa_core.routing import snapshot
from elpa_core.routing.answer import Answer
from elpa_core.routing.inputs import Forecasts, actual_array, forecast_array, part_names
from elpa_core.routing.intervals import Intervals, Prediction, around, checked_levels
from elpa_core.routing.method import Method
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.state import Array, State, start
from elpa_core.routing.validation import Validation


class BaseRouter(ABC):
    """Predict, update, save and load; the arithmetic is that of the subclasses."""

    policy: RoutingPolicy
    parts: tuple[str, ...]
    warm_up: Array | None
    _of_many: ClassVar[bool]
    _shape: tuple[int, ...] = ()
    """Empty for one series, else the number of series."""
    _method: Method
    _waiting: deque[Sequence[Answer]]
    _intervals: Intervals | None

    def _begin(
        self,
        policy: RoutingPolicy,
        parts: Collection[str],
        levels: Collection[float],
        validation: Sequence[Validation] | None,
        series: int,
    ) -> None:
        """Start from a policy, and replay the validation rows of each series."""
        names, asked = part_names(parts), checked_levels(levels)
        intervals = Intervals(policy.horizon, series) if asked else None
        if validation is None:
            self._set_up(policy, start([policy] * series), names, intervals)
            return
        facts = [each.facts(policy) for each in validation]
        errors = [rows.first_errors(known) for rows, known in zip(validation, facts, strict=True)]
        known = facts[0] if not self._shape else policy
        self._set_up(known, start(facts, np.stack(errors, axis=-1)), names, intervals)
        # The best models are known only after the replay, so the belt is off during it.
        method = self._method
        self._method = dataclasses.replace(method, belted=False)
        served = []
        for block in zip(*(each.each_block(policy.names) for each in validation), strict=True):
            forecasts, actuals = (np.stack(arrays, axis=1) for arrays in zip(*block, strict=True))
            served.append(self.predict(forecasts.reshape(len(actuals), *self._shape, -1)))
            self.update(actuals.reshape(-1, *self._shape))
        self.warm_up, self._method = np.concatenate(served), method
        self._forget_losses()

    def _set_up(
        self, policy: RoutingPolicy, state: State, parts: Collection[str], intervals: Intervals | None
    ) -> None:
        self.policy, self.parts, self._intervals = policy, tuple(parts), intervals
        self.warm_up = None
        self._names = policy.names
        self._method = Method.of(policy, self.parts)
        self._waiting = deque()
        self._take_state(state)

    @abstractmethod
    def _take_state(self, state: State) -> None:
        """Go on from a state of arrays."""

    @abstractmethod
    def _forget_losses(self) -> None:
        """Begin the belt's account anew."""

    @abstractmethod
    def _answer(self, rows: Array) -> Array:
        """Answer a block, keep what waits for actuals, and return what is served."""

    @abstractmethod
    def _learn(self, given: Sequence[Answer], actual: Any) -> None:
        """Learn from the actual of an answered step."""

    @property
    def waiting(self) -> int:
        """Steps that were forecast and have no actual yet."""
        return len(self._waiting)

    @overload
    def predict(self, forecasts: Forecasts) -> Array: ...

    @overload
    def predict(self, forecasts: Forecasts, levels: Collection[float]) -> Array | Prediction: ...

    def predict(self, forecasts: Forecasts, levels: Collection[float] = ()) -> Array | Prediction:
        """Combine the forecasts of the next steps.

        Parameters
        ----------
        forecasts : mapping of str to array-like, data frame or array-like
            By model name, each of shape (steps,), or one array of shape (steps, models), online
            models first, in the policy's order; of a panel (steps, series) and (steps, series, models).
            A model that is missing, None, NaN or masked is left out of that step. The router discards
            steps of an earlier call without actuals.
        levels : collection of float, optional
            Levels of prediction intervals in percent, such as (80, 95).

        Returns
        -------
        ndarray, shape (steps,) or (steps, series); with levels a `Prediction`

        Raises InputError, and changes nothing, if names, shapes or numbers are wrong.
        """
        asked = checked_levels(levels)
        served = self._answer(forecast_array(forecasts, self._names, self._shape))
        if not asked:
            return served
        if self._intervals is None:
            self._intervals = Intervals(self.policy.horizon, self._shape[0] if self._shape else 1)
        radii = self._intervals.radii(asked, len(served))
        for answers, of_step in zip(self._waiting, radii, strict=True):
            answers[0].radii = of_step
        return around(served, radii, asked)

    def update(self, actuals: ArrayLike) -> None:
        """Learn from the actuals of steps that were forecast, in time order.

        Parameters
        ----------
        actuals : array-like, shape (rows,) or (); of a panel (rows, series) or (series,)

        Raises CallOrderError if there are more rows than steps without actuals, InputError if an actual is no
        finite number.
        """
        for actual in self._actuals(actuals):
            answers = self._waiting.popleft()
            if self._intervals is not None:
                served = np.concatenate([np.atleast_1d(given.served) for given in answers])
                self._intervals.learn(answers[0].step, answers[0].radii, np.abs(actual - served))
            self._learn(answers, actual)

    def _actuals(self, actuals: ArrayLike) -> Any:
        return actual_array(actuals, self._shape, len(self._waiting))

    @abstractmethod
    def _arrays(self) -> tuple[State, list[Answer]]:
        """Return the state and the answers that wait for actuals as arrays."""

    @abstractmethod
    def _take_waiting(self, answers: list[Answer]) -> None:
        """Go on from answers that wait for actuals, as arrays."""

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON object; `from_json` goes on from it to the bit."""
        return snapshot.to_json(self.policy, *self._arrays(), self._intervals, self.parts)

    @classmethod
    def from_json(cls, value: object, source: str = "state") -> Self:
        """Return a router with the state that `to_json` returned.

        Raises InputError if it is not a complete state of this version, or of many series and not of one.
        """
        policy, state, waiting, intervals, parts = snapshot.from_json(value, source)
        if len(state.best) != 1 and not cls._of_many:
            raise InputError(Problem(source, "$.state", f"{len(state.best)} series", "one series"))
        router = cls.__new__(cls)
        router._set_up(policy, state, parts, intervals)
        router._take_waiting(waiting)
        return router

    def save(self, path: Path) -> None:
        """Write the state in one step: a reader sees either the old or the new state."""
        write_atomic(path, json_bytes(self.to_json()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what `save` wrote; raise InputError if the file is no such state, or cannot be read."""
        return cls.from_json(snapshot.read_json(path), str(path))
