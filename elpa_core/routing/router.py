"""Combine the forecasts of one series with a policy, and learn from the actuals."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing import belt, experts, limits, mutation
from elpa_core.routing.answer import Answer
from elpa_core.routing.base import BaseRouter
from elpa_core.routing.explain import Block, explanation
from elpa_core.routing.inputs import CallOrderError, no_forecast, whole_number
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import PARTS, RECENT
from elpa_core.routing.state import Array, State
from elpa_core.routing.validation import Validation
from elpa_core.schema.limits import BOUND


class Router(BaseRouter):
    """Combines the forecasts of one series.

    Four experts combine the models: ``recent`` weighs them by their recent errors to the power -8, ``median``
    is their median, ``level`` the median shifted by its own recent error, ``steady`` weighs them by the trust
    in what it would have gained from each. The mean of the experts, weighted by that trust, too, is served.
    `elpa_core.routing.limits`, `belt` and `mutation` say what happens to bad forecasts, how the loss against
    the best single model is limited, and what dirty steps are.

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
        outliers) and ``belt`` (limits the loss against the best single model). Default: all.
    levels : collection of float
        Levels of prediction intervals that the replay of the validation rows prepares. Without it, intervals
        learn from the first `predict` with levels on, and have none at first.

    Attributes
    ----------
    policy : RoutingPolicy
        The data from the policy and the validation rows.
    warm_up : ndarray, shape (rows,), or None
        What was served in the replay. Ignore the first block: the initial state was computed from it.

    Raises
    ------
    InputError
        If the policy is not valid, or its names and those of the rows differ.

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

    _of_many = False

    def __init__(
        self,
        policy: Mapping[str, Any],
        validation: Validation | None = None,
        *,
        horizon: int | None = None,
        parts: Collection[str] = PARTS,
        levels: Collection[float] = (),
    ) -> None:
        checked = RoutingPolicy.of(policy, horizon)
        if validation is not None and not isinstance(validation, Validation):
            raise InputError(Problem("validation", "", quoted(validation), "what Validation.of returns"))
        self._begin(checked, parts, levels, None if validation is None else [validation], 1)

    def _take_state(self, state: State) -> None:
        self._state = state.plain()
        self._block: Block | None = None

    def _forget_losses(self) -> None:
        self._state.best_loss = self._state.ahead = 0.0
        self._block = None

    def _answer(self, rows: Array) -> Array:
        state, method, given = self._state, self._method, rows.tolist()
        weights, dirty = experts.weigh_one(state, method), state.dirty
        answers = [self._step(step, row, weights) for step, row in enumerate(given)]
        if method.belted:
            belt.hold_one(answers, state)
        self._block, self._waiting, served = (given, weights, answers, dirty), deque(), np.empty(len(answers))
        for each in answers:
            self._waiting.append((each,))
            served[each.step] = each.served
        return served

    def _step(self, step: int, row: list[float], weights: experts.Weights) -> Answer:
        state = self._state
        limited, ordered, present = limits.limit_one(row, weights.low, weights.high, state.margin)
        if not ordered:
            raise no_forecast("forecasts", f"step {step}")
        median = experts.median_one(limited, ordered, weights)
        said, online, offline = experts.combine_one(limited, ordered, median, weights, self._method.n_online)
        best = limited[state.best]
        if present is not None:
            limited = [f if there else said[RECENT] for f, there in zip(limited, present, strict=True)]
        mixed = online + 0.0 if step < state.dirty else experts.mix_one(said, weights)
        return Answer(mixed, mixed, said, offline, limited, best, step, None, present)

    def _actuals(self, actuals: ArrayLike) -> Any:
        values = _plain(actuals)
        if values is None or not 0 < len(values) <= len(self._waiting):
            return super()._actuals(actuals).tolist()
        return values

    def _learn(self, given: Sequence[Answer], actual: float) -> None:
        state, method, [answer] = self._state, self._method, given
        limited, clean = limits.within(actual, *limits.limits_of(state)), state.dirty == 0
        belt.settle_one(state, answer, limited, clean=clean)
        experts.learn_one(state, answer, limited, method, clean=clean)
        limits.widen_one(state, actual, limited)
        mutation.react_one(state, answer, actual, limited, method)

    def explain(self, step: int = 0) -> dict[str, Any]:
        """Explain a step of the last `predict`.

        Parameters
        ----------
        step : int
            Position in that call, from 0.

        Returns
        -------
        dict
            ``served``; ``mixed``: the mean of the experts, or on a dirty step ``recent`` of the online
            models; ``experts``: by name, ``forecast`` and ``say``; ``model_weights``, ``steady_weights``: of
            ``recent`` and ``steady``, by model; ``level_move``; ``missing``, ``limited``, ``left_out``,
            ``no_vote`` (in the median): models; ``dirty``: whether this step is; ``best_model``; ``belt``:
            where the answer is between that model's forecast (0) and ``mixed`` (1), None if the belt does
            not hold. And at present: ``mutation`` (was the last actual one), ``dirty_steps_left``,
            ``amplitude_factor``, ``credit``.

        Raises CallOrderError if there is no such step, InputError if it is no integer.
        """
        step = whole_number(step, "step")
        if self._block is None or not 0 <= step < len(self._block[2]):
            steps = len(self._block[2]) if self._block else 0
            raise CallOrderError(
                f"there is no step {quoted(step)} to explain: the last predict had {steps} steps"
            )
        return explanation(self.policy, self._state, self._block, step)

    def _arrays(self) -> tuple[State, list[Answer]]:
        return self._state.arrays(), [given.arrays() for [given] in self._waiting]

    def _take_waiting(self, answers: list[Answer]) -> None:
        self._waiting.extend([given.plain()] for given in answers)


def _plain(actuals: ArrayLike) -> list[float] | None:
    """Return actuals that need no further checks, or None; ten times as fast as all checks."""
    if isinstance(actuals, float) and -BOUND <= actuals <= BOUND:
        return [float(actuals) + 0.0]  # a numpy float would slow down all that follows
    if isinstance(actuals, np.ndarray) and actuals.ndim == 1:
        actuals = actuals.tolist()
    if isinstance(actuals, list) and all(type(y) is float and -BOUND <= y <= BOUND for y in actuals):
        return [y + 0.0 for y in actuals]  # no negative zero
    return None
