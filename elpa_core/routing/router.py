"""Combine the forecasts of one series with a policy, and learn from the actuals."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing import scalar, snapshot
from elpa_core.routing.explain import explanation
from elpa_core.routing.inputs import (
    CallOrderError,
    Forecasts,
    actual_array,
    forecast_array,
    no_forecast,
    part_names,
    whole_number,
)
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.saved import Saved
from elpa_core.routing.scalar_learning import learn
from elpa_core.routing.series_state import SeriesState, Stand, stand_of
from elpa_core.routing.settings import PARTS, Method
from elpa_core.routing.state import State, start
from elpa_core.routing.validation import Validation
from elpa_core.schema.limits import BOUND

_Block = tuple[list[list[float]], Stand, list[scalar.Answer]]


class Router(Saved):
    """Combines the forecasts of one series.

    Each expert combines the models in its own way. The served value is the weighted mean of the
    experts. The weight of an expert is the gain that the mean would have had from it, over the sum of
    the squares of those gains (ML-Poly [1]_, with a half-life; a step counts at most as two usual
    errors of the median):

    ``recent``
        All models, weighted by their recent mean absolute error to the power -8. For a horizon of
        several steps, the error is the geometric mean of that over all steps and that over steps of
        the same lead time.
    ``median``
        The median of all forecasts. For a horizon of several steps, it excludes models whose recent
        error is more than four times that of the third best.
    ``level``
        The median, shifted by its own recent error.
    ``steady``
        All models, weighted by the gain that ``steady`` would have had from them so far, over the sum
        of the squares of those gains (ML-Poly), without forgetting.
    ``lead``
        Like ``steady``, separately for each lead time (see `Method`); for a horizon of one step it is
        ``steady``.
    ``online`` (only on request, and on dirty steps)
        Like ``recent``, with the online models only.
    ``amplitude`` (only on request)
        The offline models, weighted as in ``recent``, times a factor: the ratio of the sums of
        absolute actuals and forecasts over the last ``amplitude_window`` clean steps, limited to
        [0.5, 2], then moved half-way to 1.

    Forecasts are limited to [min - R, max + R] of the actuals, where R is their range; the limits grow
    after an actual beyond them. A forecast more than a thousand R beyond counts as missing. A forecast
    farther from the median than ten times the median's usual error is left out of that step.

    The router limits its loss against the best single model of validation to 6 %, plus six of its mean
    errors at the start. All answers of a block together are no farther from that model's forecasts than
    the remaining allowance. The limit does not apply on dirty steps, nor where such a forecast is
    farther from the median than three times the median's usual error. It applies there nevertheless if
    the last actual is nearer to that forecast than to the median; or if the model's earlier gain over
    the median in such places, without its best block, covers the possible loss of this block; or if the
    router is already worse than that model by 8 % and 14 mean errors.

    After a mutation (a relative error of what was served above ``mutant_epsilon``) the next
    ``dirty_interval`` steps are dirty: the router serves ``online``, and updates only the scores of the
    online models and the error of ``level``.

    Parameters
    ----------
    policy : mapping
        A policy's JSON object.
    validation : Validation, optional
        Forecasts and actuals of the validation rows; the router replays them to warm up.
    horizon : int, optional
        Number of steps that are forecast together; it determines the half-lives. Default: the
        policy's ``routing.horizon``, or else 1.
    parts : collection of str
        The experts that take part, ``vote`` (excludes bad models from the median), ``guard`` (excludes
        outliers) and ``belt`` (limits the loss against the best single model).
        ``online`` and ``amplitude`` are off by default: on average they did not help.

    Attributes
    ----------
    policy : RoutingPolicy
        The data from the policy and the validation rows.
    warm_up : ndarray, shape (rows,), or None
        The served values of the validation rows in the replay. Ignore the first block: the initial
        state was computed from it.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.

    References
    ----------
    .. [1] Gaillard, Stoltz, van Erven: A second-order bound with excess losses, COLT 2014.

    Examples
    --------
    >>> policy = {
    ...     "skill": "ELPA", "beta": 0.7, "dirty_interval": 3, "amplitude_window": 6,
    ...     "mutant_epsilon": None, "online_models": ["naive"], "offline_models": ["ets"],
    ...     "scores": {"naive": 1.0, "ets": 1.0},
    ... }
    >>> router = Router(policy)
    >>> router.predict({"naive": [10.0], "ets": [12.0]})
    array([11.])
    >>> router.update(10.0)
    >>> bool(router.predict({"naive": [10.0], "ets": [12.0]})[0] < 11.0)
    True
    """

    def __init__(
        self,
        policy: Mapping[str, Any],
        validation: Validation | None = None,
        *,
        horizon: int | None = None,
        parts: Collection[str] = PARTS,
    ) -> None:
        checked = RoutingPolicy.of(policy, horizon)
        if validation is not None and not isinstance(validation, Validation):
            raise InputError(Problem("validation", "", quoted(validation), "what Validation.of returns"))
        self._set_up(checked, start([checked]), parts)
        if validation is not None:
            self._warm_up(validation)

    def _set_up(self, policy: RoutingPolicy, state: State, parts: Collection[str]) -> None:
        self.policy = policy
        self._names, self._n_online = policy.names, len(policy.online)
        self.parts = part_names(parts)
        self._method = Method.of(policy.horizon, self.parts)
        self._state = SeriesState.of(state)
        self._block: _Block | None = None
        self.warm_up: NDArray[np.float64] | None = None
        self._waiting: deque[scalar.Answer] = deque()

    def _warm_up(self, validation: Validation) -> None:
        facts = validation.facts(self.policy)
        first = start([facts], validation.first_errors(facts)[:, np.newaxis])
        self._set_up(facts, first, self.parts)
        method = self._method
        # The best model is known only after the replay, so the belt is off during it.
        self._method = dataclasses.replace(method, belted=False)
        served = []
        for forecasts, actuals in validation.each_block(facts.names):
            served.append(self.predict(forecasts))
            self.update(actuals)
        self.warm_up, self._method = np.concatenate(served), method
        fresh = SeriesState.of(start([facts]))
        self._state.budget, self._state.leeway = fresh.budget, fresh.leeway
        self._block = None

    @property
    def waiting(self) -> int:
        """Steps that were forecast and have no actual yet."""
        return len(self._waiting)

    def predict(self, forecasts: Forecasts) -> NDArray[np.float64]:
        """Combine the forecasts of the next steps.

        Parameters
        ----------
        forecasts : mapping of str to array-like, data frame or array-like
            By model name, each of shape (steps,), or one array of shape (steps, models), online
            models first, in the policy's order. A model that is missing, None, NaN or masked is
            left out of that step. The router discards steps of an earlier call without actuals.

        Returns
        -------
        ndarray, shape (steps,)

        Raises
        ------
        InputError
            If a name is unknown, a shape is wrong, or a step has no finite forecast.
        """
        rows = forecast_array(forecasts, self._names, ()).tolist()
        stand = stand_of(self._state, self._method, self.policy.amplitude_window, len(rows))
        answers = []
        for step, row in enumerate(rows):
            given = scalar.answer(self._state, stand, row, self._n_online, step, self._method.lead(step))
            if given is None:
                raise no_forecast("forecasts", f"step {step}")
            answers.append(given)
        if self._method.belted:
            scalar.hold(answers, stand, self._state)
        self._block, self._waiting = (rows, stand, answers), deque(answers)
        return np.array([given.served for given in answers])

    def update(self, actuals: ArrayLike) -> None:
        """Learn from the actuals of steps that were forecast, in time order.

        Parameters
        ----------
        actuals : array-like, shape (rows,) or ()
            At most as many rows as there are forecast steps without actuals.

        Raises
        ------
        CallOrderError
            If there are more rows.
        InputError
            If an actual is not a finite number; the state of the router is unchanged.
        """
        waiting = self._waiting
        values = _plain(actuals)
        if values is None or not 0 < len(values) <= len(waiting):
            values = actual_array(actuals, (), len(waiting)).tolist()
        for actual in values:
            given = waiting.popleft()
            learn(self._state, given, actual, self._method, self._n_online, self.policy.dirty_interval)

    def explain(self, step: int = 0) -> dict[str, Any]:
        """Explain a step of the last `predict`.

        Parameters
        ----------
        step : int
            Position in that call, from 0.

        Returns
        -------
        dict
            ``served``; ``experts``: by name, ``forecast`` and ``say`` (sums to 1);
            ``model_weights``, ``steady_weights``, ``lead_weights``: of ``recent``, ``steady`` and
            ``lead``, by model, each sums to 1 (all 0 if every model is left out);
            ``level_move``: by how much ``level`` moves the median; ``missing``, ``limited``,
            ``left_out``, ``no_vote`` (in the median): models; ``mutation``: whether the last actual was
            one; ``dirty``: whether this step is a dirty one; ``dirty_steps_left``: the present number;
            ``amplitude_factor``; ``mixed``: the weighted mean of the experts; ``best_model``; ``belt``: the
            served value's position between that model's forecast (0) and ``mixed`` (1), None if the belt
            does not apply; ``credit``: the largest total distance of the block's steps at which the belt
            applies where that model is far from the median.

        Raises
        ------
        CallOrderError
            If there is no such step.
        InputError
            If it is no integer.
        """
        step = whole_number(step, "step")
        if self._block is None or not 0 <= step < len(self._block[2]):
            steps = len(self._block[2]) if self._block else 0
            raise CallOrderError(
                f"there is no step {quoted(step)} to explain: the last predict had {steps} steps"
            )
        rows, stand, answers = self._block
        lead = self._method.lead(step)
        return explanation(self.policy, self._state, stand, answers[step], rows[step], lead)

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON object; `from_json` goes on from it to the bit."""
        waiting = [given.to_answers() for given in self._waiting]
        return snapshot.to_json(self.policy, self._state.to_state(), waiting, parts=self.parts)

    @classmethod
    def from_json(cls, value: object, source: str = "state") -> Self:
        """Return a router with the state that `to_json` returned.

        Raises
        ------
        InputError
            If it is not a complete state of a single router of this version.
        """
        policy, state, waiting, parts = snapshot.from_json(value, source)
        if len(state.best) != 1:
            raise InputError(Problem(source, "$.state", f"{len(state.best)} series", "one series"))
        router = cls.__new__(cls)
        router._set_up(policy, state, parts)
        router._waiting.extend(scalar.Answer.of(given) for given in waiting)
        return router


def _plain(actuals: ArrayLike) -> list[float] | None:
    """Return actuals that need no further checks, or None; ten times as fast as all checks."""
    if isinstance(actuals, float) and -BOUND <= actuals <= BOUND:
        return [float(actuals) + 0.0]  # a numpy float would slow down all that follows
    if isinstance(actuals, np.ndarray) and actuals.ndim == 1:
        actuals = actuals.tolist()
    if isinstance(actuals, list) and all(type(y) is float and -BOUND <= y <= BOUND for y in actuals):
        return [y + 0.0 for y in actuals]  # no negative zero
    return None
