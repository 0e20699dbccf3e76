"""Combine the forecasts of thousands of series at once."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing import snapshot, vector
from elpa_core.routing.answers import Answers
from elpa_core.routing.inputs import (
    Forecasts,
    actual_array,
    forecast_array,
    no_forecast,
    part_names,
    whole_number,
)
from elpa_core.routing.router import Router
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.saved import Saved
from elpa_core.routing.settings import PARTS, Method
from elpa_core.routing.state import State, start
from elpa_core.routing.validation import Validation
from elpa_core.routing.vector_learning import learn

_CHUNK = 10_000
"""Series at a time, measured with 14 models. The fewer, the more calls; and of less than 4097 numpy copies an
array that belongs to all models into a buffer for each of them."""


class RouterPanel(Saved):
    """A `Router` for each of many series that share a pool of models, equal to single ones to the bit.

    Parameters
    ----------
    policy : mapping
        A policy's JSON object: names, control fields, scores to start from.
    series : int
        Number of series.
    validation : sequence of Validation, length series, optional
        Validation rows of each series, all with the same blocks; replayed to warm up.
    horizon, parts : optional
        As for `Router`.

    Raises
    ------
    InputError
        If the policy is not one, or names, shapes or blocks do not match.

    Examples
    --------
    >>> policy = {
    ...     "skill": "ELPA", "beta": 0.7, "dirty_interval": 3, "amplitude_window": 6,
    ...     "mutant_epsilon": None, "online_models": ["naive"], "offline_models": ["ets"],
    ...     "scores": {"naive": 1.0, "ets": 1.0},
    ... }
    >>> panel = RouterPanel(policy, series=2)
    >>> panel.predict({"naive": [[10.0, 20.0]], "ets": [[12.0, 22.0]]})
    array([[11., 21.]])
    >>> panel.update([[10.0, 20.0]])
    """

    def __init__(
        self,
        policy: Mapping[str, Any],
        series: int,
        validation: Sequence[Validation] | None = None,
        *,
        horizon: int | None = None,
        parts: Collection[str] = PARTS,
    ) -> None:
        checked = RoutingPolicy.of(policy, horizon)
        series = whole_number(series, "series", 1)
        self._set_up(checked, start([checked] * series), parts)
        if validation is not None:
            self._warm_up(validation)

    def _set_up(self, policy: RoutingPolicy, state: State, parts: Collection[str]) -> None:
        self.policy, self.series = policy, len(state.best)
        self._names, self._n_online = policy.names, len(policy.online)
        self.parts = part_names(parts)
        self._method = Method.of(policy.horizon, self.parts)
        self._state = state
        works: dict[int, vector.Workspace] = {}  # by size, one or two
        self._chunks: list[tuple[slice, State, vector.Workspace]] = []
        for first in range(0, self.series, _CHUNK):
            chunk = slice(first, first + _CHUNK)
            part = state.take(chunk)
            size = len(part.best)
            if size not in works:
                works[size] = vector.Workspace(len(policy.names), size, self._method)
            self._chunks.append((chunk, part, works[size]))
        self._unused: list[list[Answers]] = []
        self._waiting: deque[list[Answers]] = deque()

    def _warm_up(self, validation: Sequence[Validation]) -> None:
        if (
            isinstance(validation, str)
            or not isinstance(validation, Sequence)
            or not all(isinstance(each, Validation) for each in validation)
        ):
            expected = f"a sequence of what Validation.of returns, one for each of {self.series} series"
            raise InputError(Problem("validation", "", quoted(validation), expected))
        if len(validation) != self.series or any(v.blocks != validation[0].blocks for v in validation):
            expected = f"rows of {self.series} series, all with the same blocks"
            raise InputError(Problem("validation", "", f"{len(validation)} series", expected))
        facts = [each.facts(self.policy) for each in validation]
        errors = [v.first_errors(f) for v, f in zip(validation, facts, strict=True)]
        self._set_up(self.policy, start(facts, np.stack(errors, axis=-1)), self.parts)
        method = self._method
        # Which model is best is known at the end only: no answer is held to it.
        self._method = dataclasses.replace(method, belted=False)
        blocks = [list(each.each_block(self._names)) for each in validation]
        for block in zip(*blocks, strict=True):
            self.predict(np.stack([forecasts for forecasts, _ in block], axis=1))
            self.update(np.stack([actuals for _, actuals in block], axis=1))
        self._method = method
        fresh = start(facts)
        self._state.budget[:], self._state.leeway[:] = fresh.budget, fresh.leeway

    def predict(self, forecasts: Forecasts) -> NDArray[np.float64]:
        """Combine the forecasts of the next steps of every series.

        Parameters
        ----------
        forecasts : mapping of str to array-like, or array-like
            By model name, each of shape (steps, series), or one array of shape (steps, series,
            models); else as `Router.predict`.

        Returns
        -------
        ndarray, shape (steps, series)

        Raises
        ------
        InputError
            As `Router.predict`; nothing is changed for any series.
        """
        rows = forecast_array(forecasts, self._names, (self.series,))
        answers = [self._unused_answers(step) for step in range(len(rows))]
        served = np.empty(rows.shape[:2])
        for k, (chunk, state, work) in enumerate(self._chunks):
            given = [parts[k] for parts in answers]
            self._answer(state, work, rows[:, chunk], chunk.start, given)
            served[:, chunk] = [out.served for out in given]
        self._unused += self._waiting
        self._waiting = deque(answers)
        return served

    def _answer(
        self, state: State, work: vector.Workspace, rows: NDArray[np.float64], first: int, out: list[Answers]
    ) -> None:
        """Fill in the answers of the series of a chunk, which begins with the series ``first``."""
        method = self._method
        work.stand(state, method, self.policy.amplitude_window, len(rows))
        for step, (row, given) in enumerate(zip(rows, out, strict=True)):
            try:
                vector.answer(state, work, row, self._n_online, method.lead(step), given)
            except vector.NoForecastError as error:
                place = f"step {step}, series {first + error.args[0]}"
                raise no_forecast("forecasts", place) from None
        if method.belted:
            vector.hold(state, work, out)

    def _unused_answers(self, step: int) -> list[Answers]:
        """Return memory for the answers of a step that no step which waits for its actual uses."""
        if not self._unused:
            models, experts = len(self._names), self._method.experts
            return [Answers.empty(experts, models, len(part.best), step) for _, part, _ in self._chunks]
        answers = self._unused.pop()
        for part in answers:
            part.step = step
        return answers

    def update(self, actuals: ArrayLike) -> None:
        """Learn from the actuals of steps that were forecast, in time order.

        Parameters
        ----------
        actuals : array-like, shape (rows, series) or (series,)
            At most as many rows as were forecast and have no actual yet.

        Raises
        ------
        CallOrderError, InputError
            As `Router.update`; nothing is changed for any series.
        """
        for actual in actual_array(actuals, (self.series,), len(self._waiting)):
            answers = self._waiting.popleft()
            for (chunk, state, work), given in zip(self._chunks, answers, strict=True):
                learn(
                    state, work, given, actual[chunk],
                    self._method, self._n_online, self.policy.dirty_interval,
                )  # fmt: skip
            self._unused.append(answers)

    def router(self, series: int) -> Router:
        """Return a `Router` that goes on from the state of one series.

        Raises
        ------
        InputError
            If there is no such series.
        """
        series = whole_number(series, "series", 0, self.series - 1)
        chunk, place = divmod(series, self._chunks[0][0].stop)
        waiting = [answers[chunk].take(slice(place, place + 1)) for answers in self._waiting]
        state = self._state.take(slice(series, series + 1)).copy()
        return Router.from_json(snapshot.to_json(self.policy, state, waiting, parts=self.parts))

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON object; `from_json` goes on from it to the bit."""
        waiting = [Answers.join(parts) for parts in self._waiting]
        return snapshot.to_json(self.policy, self._state, waiting, parts=self.parts)

    @classmethod
    def from_json(cls, value: object, source: str = "state") -> Self:
        """Return a panel that goes on where another's `to_json` stopped.

        Raises
        ------
        InputError
            If it is not such a state, of this version and whole.
        """
        policy, state, waiting, parts = snapshot.from_json(value, source)
        panel = cls.__new__(cls)
        panel._set_up(policy, state, parts)
        panel._waiting.extend([given.take(chunk) for chunk, _, _ in panel._chunks] for given in waiting)
        return panel
