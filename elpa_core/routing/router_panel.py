"""Combine the forecasts of thousands of series at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing import belt, experts, limits, mutation, snapshot
from elpa_core.routing.answer import Answer
from elpa_core.routing.base import BaseRouter
from elpa_core.routing.inputs import no_forecast, whole_number
from elpa_core.routing.median import median_and_ends, median_of
from elpa_core.routing.router import Router
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.routing.settings import MEDIAN, PARTS, RECENT
from elpa_core.routing.state import Array, State
from elpa_core.routing.validation import Validation

_CHUNK = 10_000
"""Series at a time, measured with 14 models: the fewer, the more calls."""
_CACHED = 2500
"""Series whose forecasts are transposed at a time."""


class RouterPanel(BaseRouter):
    """A `Router` for each of many series that share a pool of models, equal to single ones to the bit.

    Parameters
    ----------
    policy, horizon, parts, levels
        As for `Router`; all series share the policy.
    series : int
        Number of series.
    validation : sequence of Validation, length series, optional
        Validation rows of each series, all with the same blocks; replayed to warm up.
    """

    _of_many = True

    def __init__(
        self,
        policy: Mapping[str, Any],
        series: int,
        validation: Sequence[Validation] | None = None,
        *,
        horizon: int | None = None,
        parts: Collection[str] = PARTS,
        levels: Collection[float] = (),
    ) -> None:
        checked = RoutingPolicy.of(policy, horizon)
        self.series = whole_number(series, "series", 1)
        self._shape = (self.series,)
        if validation is not None:
            self._check(validation)
        self._begin(checked, parts, levels, validation, self.series)

    def _check(self, validation: Sequence[Validation]) -> None:
        each_one = isinstance(validation, Sequence) and all(isinstance(v, Validation) for v in validation)
        if not each_one or isinstance(validation, str):
            expected = f"a sequence of what Validation.of returns, one for each of {self.series} series"
            raise InputError(Problem("validation", "", quoted(validation), expected))
        if len(validation) != self.series or any(v.blocks != validation[0].blocks for v in validation):
            expected = f"rows of {self.series} series, all with the same blocks"
            raise InputError(Problem("validation", "", f"{len(validation)} series", expected))

    def _take_state(self, state: State) -> None:
        self._state, self.series = state, len(state.best)
        self._shape = (self.series,)
        works: dict[int, experts.WeightsOfMany] = {}  # by size, one or two
        self._chunks: list[tuple[slice, State, experts.WeightsOfMany, NDArray[np.int64]]] = []
        for first in range(0, self.series, _CHUNK):
            chunk = slice(first, first + _CHUNK)
            part = state.take(chunk)
            size = len(part.best)
            if size not in works:
                works[size] = experts.WeightsOfMany(len(self._names), size, self._method.n_online)
            best = part.best * size + np.arange(size)  # its place in all forecasts
            self._chunks.append((chunk, part, works[size], best))
        self._unused: list[Sequence[Answer]] = []

    def _forget_losses(self) -> None:
        self._state.best_loss[:], self._state.ahead[:] = 0.0, 0.0

    def _answer(self, rows: Array) -> Array:
        answers = [self._unused_answers(step) for step in range(len(rows))]
        served = np.empty(rows.shape[:2])
        for k, (chunk, state, work, _) in enumerate(self._chunks):
            given = [parts[k] for parts in answers]
            work.weigh(state, self._method, len(rows))
            for out, row in zip(given, rows, strict=True):
                self._step(k, row[chunk], out)
            if self._method.belted:
                belt.hold_many(given, state)
            served[:, chunk] = [out.served for out in given]
        self._unused += self._waiting
        self._waiting = deque(answers)
        return served

    def _step(self, k: int, rows: Array, out: Answer) -> None:
        """Fill in an answer for the series of a chunk."""
        (chunk, state, work, best), limited = self._chunks[k], out.limited
        for begin in range(0, len(rows), _CACHED):
            some = slice(begin, begin + _CACHED)
            np.copyto(limited[:, some], rows[some].T)
        with np.errstate(invalid="ignore"):  # infinite ones of both signs: their median is taken again below
            median, least, most = median_and_ends(limited, None if out.step else work.recent)
            if work.voters is not None:
                median = median_of(limited, work.voters)
        beyond = np.flatnonzero(~((least >= work.low) & (most <= work.high)))  # NaN is, too
        missing = None
        if beyond.size:
            values = limited[:, beyond]
            there = limits.limit_many(values, state, beyond)
            if not (found := there.any(axis=0)).all():
                place = f"series {chunk.start + int(beyond[~found][0])}"
                raise no_forecast("forecasts", f"step {out.step}, {place}")
            votes = there if work.voters is None else there & work.voters[:, beyond]
            median[beyond] = median_of(values, np.where(votes.any(axis=0), votes, there))
            limited[:, beyond] = np.where(there, values, median[beyond])
            least[beyond], most[beyond] = limited[:, beyond].min(axis=0), limited[:, beyond].max(axis=0)
            missing = ~there
        nearest, farthest = work.guard(median)
        far = (least < nearest) | (most > farthest)
        if missing is not None:
            far[beyond[missing.any(axis=0)]] = True
        few = np.flatnonzero(far)
        left_out = few
        if few.size:
            some = limited.take(few, axis=1)
            counts = (some >= nearest[few]) & (some <= farthest[few])
            if missing is not None:
                counts[:, np.isin(few, beyond)] &= ~missing[:, np.isin(beyond, few)]
            models, places = divmod(np.flatnonzero(~counts), few.size)
            left_out = models * len(rows) + few[places]
        out.experts[MEDIAN] = median
        online = work.combine(out, left_out)
        if missing is not None:
            limited[:, beyond] = np.where(missing, out.experts[RECENT, beyond], limited[:, beyond])
        work.mix(out)
        if state.dirty.any():
            np.copyto(out.mixed, online, where=out.step < state.dirty)
        out.mixed += 0.0
        out.served[:] = out.mixed
        limited.reshape(-1).take(best, out=out.single)
        if missing is not None:
            out.single[beyond[missing[state.best[beyond], np.arange(len(beyond))]]] = np.nan

    def _unused_answers(self, step: int) -> Sequence[Answer]:
        """Return memory for the answers of a step that no step which waits for its actual uses."""
        if not self._unused:
            return [Answer.empty(part, step) for _, part, _, _ in self._chunks]
        answers = self._unused.pop()
        for part in answers:
            part.step, part.radii = step, None
        return answers

    def _learn(self, given: Sequence[Answer], actual: Array) -> None:
        for (chunk, state, work, _), answer in zip(self._chunks, given, strict=True):
            low, high = limits.limits_of(state)
            limited = np.minimum(np.maximum(actual[chunk], low), high)
            clean = state.dirty == 0 if state.dirty.any() else None
            belt.settle_many(state, answer, limited, clean)
            experts.learn_many(state, work, answer, limited, self._method, clean)
            limits.widen_many(state, actual[chunk], limited)
            mutation.react_many(state, answer, actual[chunk], limited, self._method)
        self._unused.append(given)

    def router(self, series: int) -> Router:
        """Return a `Router` that goes on from the state of one series; InputError if there is no such one."""
        series = whole_number(series, "series", 0, self.series - 1)
        one = slice(series, series + 1)
        state, waiting = self._arrays()
        waiting = [given.take(one) for given in waiting]
        for given in waiting:
            if given.radii is not None:
                given.radii = {level: radius[one] for level, radius in given.radii.items()}
        intervals = None if self._intervals is None else self._intervals.take(one)
        return Router.from_json(
            snapshot.to_json(self.policy, state.take(one), waiting, intervals, self.parts)
        )

    def _arrays(self) -> tuple[State, list[Answer]]:
        return self._state, [Answer.join(parts) for parts in self._waiting]

    def _take_waiting(self, answers: list[Answer]) -> None:
        self._waiting.extend([given.take(chunk) for chunk, _, _, _ in self._chunks] for given in answers)
