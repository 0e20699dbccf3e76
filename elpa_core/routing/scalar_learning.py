"""Update the state of one series with an actual; `vector_learning` does the same for many, bit for bit."""

from __future__ import annotations

from math import inf

from elpa_core.routing.scalar import Answer
from elpa_core.routing.series_state import SeriesState, within
from elpa_core.routing.settings import (
    BELT_SHARE,
    BELT_TRUST,
    GROWTH,
    LEAD,
    LEEWAY_SHARE,
    MEDIAN,
    MOST_GAIN,
    SIZE,
    STEADY,
    Method,
)
from elpa_core.schema.limits import BOUND


def learn(
    state: SeriesState, given: Answer, actual: float, method: Method, n_online: int, dirty_interval: int
) -> None:
    """Learn from the actual of an answered step; an actual beyond the limits is clipped to them."""
    whole, clean, floor = actual, state.dirty == 0, state.floor
    low, high = state.seen[0] - state.margin, state.seen[1] + state.margin
    actual = within(actual, low, high)
    only = None if clean else n_online
    _learn_models(
        (state.scores, state.gains, state.squares), given, given.experts[STEADY], actual,
        (method.keep_model, method.learn_model), floor, only,
    )  # fmt: skip
    if method.leads:
        k = method.lead(given.step)
        _learn_models(
            (state.lead_scores[k], state.lead_gains[k], state.lead_squares[k]), given, given.experts[LEAD],
            actual, (method.keep_leads[k], method.learn_leads[k]), floor, only,
        )  # fmt: skip
    _settle(state, given, actual, clean=clean)
    error = actual - given.experts[MEDIAN]
    state.level_error = method.keep_level * state.level_error + method.learn_level * error
    if clean:
        _learn_experts(state, given, actual, method.keep_expert)
        state.usual_error = method.keep_usual * state.usual_error + method.learn_usual * (abs(error) + floor)
        _remember(state, abs(actual), abs(given.offline))
    _widen(state, whole, actual)
    if whole == actual:
        state.last = whole
    if not clean:
        state.dirty -= 1
    state.mutated = 0
    served = given.served
    error = abs(whole - served)
    if state.epsilon < inf and error > state.epsilon * max(abs(whole), abs(served), state.phi):
        state.mutated, state.dirty = 1, dirty_interval


def _learn_models(
    known: tuple[list[float], list[float], list[float]],
    given: Answer,
    mixture: float,
    actual: float,
    rate: tuple[float, float],
    floor: float,
    only: int | None,
) -> None:
    """Learn the scores, gains and squares of the models from a step.

    Parameters
    ----------
    known : tuple of three lists of float
        Scores, gains and squares; changed in place.
    mixture : float
        The value against which gains are measured.
    rate : tuple of float
        Weights of the old score and of the new error.
    only : int or None
        How many models, the first ones, learn their scores alone; None: all learn everything.
    """
    (scores, gains, squares), (keep, take), present = known, rate, given.present
    side = _side(mixture, actual)
    for j, forecast in enumerate(given.limited):
        if present is not None and not present[j]:
            continue
        if only is None:
            regret = side * (mixture - forecast)
            gains[j] += regret
            squares[j] += regret * regret
        elif j >= only:
            break
        error = actual - forecast
        scores[j] = keep * scores[j] + take * ((error if error >= 0.0 else -error) + floor)


def _settle(state: SeriesState, given: Answer, actual: float, *, clean: bool) -> None:
    """Update budget, leeway and credit of the belt."""
    best, credit = state.best, state.credit
    if given.step == 0:
        total, most_of_one, block = credit
        credit[:] = [total + block, max(most_of_one, block), 0.0]
    if given.present is not None and not given.present[best]:
        return
    forecast, median = given.limited[best], given.experts[MEDIAN]
    error, best_error = abs(actual - given.served), abs(actual - forecast)
    state.budget += (1.0 + BELT_SHARE) * best_error - error
    state.leeway += (1.0 + LEEWAY_SHARE) * best_error - error
    if clean and abs(forecast - median) > BELT_TRUST * state.usual_error:
        credit[2] += abs(actual - median) - best_error


def _side(mixture: float, actual: float) -> float:
    """Return the slope of the absolute error at a mixture."""
    if mixture == actual:
        return 0.0
    return 1.0 if mixture > actual else -1.0


def _learn_experts(state: SeriesState, given: Answer, actual: float, keep: float) -> None:
    mixed, gains, squares = given.mixed, state.expert_gains, state.expert_squares
    least_square = state.floor * state.floor
    side, most = _side(mixed, actual), MOST_GAIN * state.usual_error
    for k, forecast in enumerate(given.experts):
        regret = side * (mixed - forecast)
        if not -most <= regret <= most:  # here, since a call to `within` takes as long as all the rest
            regret = within(regret, -most, most)
        gains[k] = keep * gains[k] + regret
        square = keep * squares[k] + regret * regret
        squares[k] = max(square, least_square)


def _remember(state: SeriesState, actual: float, forecast: float) -> None:
    place = state.window_rows % len(state.window_actual)
    sums = state.window_sums
    sums[0] += actual - state.window_actual[place]
    sums[1] += forecast - state.window_forecast[place]
    state.window_actual[place], state.window_forecast[place] = actual, forecast
    state.window_rows += 1


def _widen(state: SeriesState, actual: float, limited: float) -> None:
    """Extend the range of the actuals by an actual, at most to the limits."""
    low, high = state.seen
    if low > high:
        if actual != 0.0:
            state.seen, state.spread = [actual, actual], min(max(abs(actual), SIZE * state.scale), BOUND)
            state.margin = state.spread
        return
    if limited < low:
        state.seen[0] = limited
    elif limited > high:
        state.seen[1] = limited
    state.margin = state.spread if limited == actual else min(GROWTH * state.margin, BOUND)
