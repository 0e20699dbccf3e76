"""What a router takes from a policy, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.routing.settings import BOUND, MOST, VERSION

_MAGNITUDE = f"a number from 0 to {BOUND:g}"


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """The part of a policy that routing needs, checked.

    Parameters
    ----------
    online, offline : tuple of str
        Model names; at least one each.
    scores : tuple of float
        Of the online models, then of the offline ones.
    dirty_interval, amplitude_window : int
        Control fields (section 5 of the contract).
    mutant_epsilon : float or None
        Relative error above which a step is a mutation; None turns detection off.
    horizon : int
        Steps that are forecast together.
    range : tuple of float or None
        Smallest and largest actual of the training data, or of the validation data.
    mean_abs : float
        Mean absolute actual; 0 if it is not known.
    best : int
        Position of the best single model on validation.
    best_mae : float
        Its mean absolute error, no error counted as more than thirty times the median.
    """

    online: tuple[str, ...]
    offline: tuple[str, ...]
    scores: tuple[float, ...]
    dirty_interval: int
    amplitude_window: int
    mutant_epsilon: float | None
    horizon: int
    range: tuple[float, float] | None
    mean_abs: float
    best: int
    best_mae: float

    @property
    def names(self) -> tuple[str, ...]:
        """Online models, then offline ones."""
        return self.online + self.offline

    @classmethod
    def of(
        cls, policy: Mapping[str, Any], horizon: int | None = None, source: str = "policy"
    ) -> RoutingPolicy:
        """Check a policy and take from it what routing needs.

        Parameters
        ----------
        policy : mapping
            The policy's JSON object (section 5 of the contract), with or without ``routing``.
        horizon : int, optional
            Steps that are forecast together; else ``routing.horizon``, else 1.
        source : str
            The policy's name, for errors.

        Raises
        ------
        InputError
            If it is not a policy of this version, with every problem.
        """
        if not isinstance(policy, Mapping):
            raise InputError(Problem(source, "$", quoted(policy), "a policy: an object"))
        check = _Check(policy, source)
        for place, holder in (("$.version", policy), ("$.routing.version", check.routing)):
            check.require(place, holder.get("version", VERSION), lambda v: v == VERSION, f"version {VERSION}")
        check.require("$.skill", policy.get("skill"), lambda v: v == "ELPA", '"ELPA"')
        online, offline = check.names("online_models"), check.names("offline_models")
        check.require("$.offline_models", sorted({*online} & {*offline}), lambda v: not v, "other names")
        scores = check.scores(online + offline)
        dirty = check.require("$.dirty_interval", policy.get("dirty_interval"), _is_int(0), _integer(0))
        expected = _integer(1)
        window = check.require("$.amplitude_window", policy.get("amplitude_window"), _is_int(1), expected)
        epsilon = check.require(
            "$.mutant_epsilon",
            policy.get("mutant_epsilon"),
            lambda v: v is None or (_is_number(v) and v > 0),
            "a number > 0 or null",
        )
        steps = horizon if horizon is not None else check.routing.get("horizon", 1)
        check.require("horizon" if horizon is not None else "$.routing.horizon", steps, _is_int(1), expected)
        span = check.require("$.routing.range", check.routing.get("range"), _is_range, "[smallest, largest]")
        place, mean = "$.routing.mean_abs", check.routing.get("mean_abs", 0.0)
        check.require(place, mean, lambda v: _is_number(v) and v >= 0, _MAGNITUDE)
        name = check.routing.get("best_model")
        check.require("$.routing.best_model", name, lambda v: v is None or v in online + offline, "a model")
        check.done()
        best = (online + offline).index(name) if name is not None else scores.index(min(scores))
        mae = check.routing.get("best_mae", scores[best])
        check.require("$.routing.best_mae", mae, lambda v: _is_number(v) and v >= 0, _MAGNITUDE)
        check.done()
        return cls(
            online, offline, tuple(scores), dirty, window,
            None if epsilon is None else float(epsilon), steps,
            None if span is None else (float(span[0]), float(span[1])), float(mean), best, float(mae),
        )  # fmt: skip


class _Check:
    """Collects what is wrong with a policy."""

    def __init__(self, policy: Mapping[str, Any], source: str) -> None:
        self.policy, self.source = policy, source
        self.problems: list[Problem] = []
        routing = policy.get("routing") or {}
        self.routing: Mapping[str, Any] = routing if isinstance(routing, Mapping) else {}
        self.require("$.routing", routing, lambda v: isinstance(v, Mapping), "an object")

    def require(self, place: str, value: Any, holds: Any, expected: str) -> Any:
        if not holds(value):
            self.problems.append(Problem(self.source, place, quoted(value), expected))
        return value

    def names(self, field: str) -> tuple[str, ...]:
        value = self.policy.get(field)
        if isinstance(value, Sequence) and not isinstance(value, str):
            names = tuple(name for name in value if isinstance(name, str))
            if 0 < len(value) == len({*names}):
                return names
        self.problems.append(Problem(self.source, f"$.{field}", quoted(value), "one or more model names"))
        return ()

    def scores(self, names: Sequence[str]) -> list[float]:
        given = self.policy.get("scores")
        given = given if isinstance(given, Mapping) else {}
        for name in names:
            holds = _is_number(given.get(name)) and given[name] >= 0
            self.require(f"$.scores.{name}", given.get(name), lambda _, holds=holds: holds, _MAGNITUDE)
        return [float(given[name]) for name in names] if not self.problems else [0.0] * len(names)

    def done(self) -> None:
        if self.problems:
            raise InputError(self.problems)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= BOUND


def _is_int(least: int) -> Any:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST


def _integer(least: int) -> str:
    return f"an integer from {least} to {MOST}"


def _is_range(value: object) -> bool:
    match value:
        case None:
            return True
        case [low, high]:
            return _is_number(low) and _is_number(high) and low <= high
        case _:
            return False
