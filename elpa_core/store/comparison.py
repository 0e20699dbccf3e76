"""What moved between two policies, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from elpa_core.schema.groups import GROUPS, Group
from elpa_core.schema.policy import WeightedPolicy

Kind = Literal["best_model", "model_came", "model_went", "weight", "field"]

_FIELDS = ("beta", "dirty_interval", "amplitude_window", "mutant_epsilon", "degraded")
_DIGITS = (4, 6, 9, 17)


@dataclass(frozen=True)
class Move:
    """One thing that is different.

    Parameters
    ----------
    kind : str
        What changed.
    group : str or None
        The group of models, where the change is inside one.
    name : str
        The model, or the field.
    old, new : object
        The values; None where there is none.
    words : str
        The change in words, for people.
    """

    kind: Kind
    group: str | None
    name: str
    old: Any
    new: Any
    words: str

    def to_json(self) -> dict[str, Any]:
        """Return the move as a JSON object."""
        return vars(self).copy()


def moves(old: WeightedPolicy, new: WeightedPolicy) -> list[Move]:
    """Return what is different in ``new``: per group best model, models, weights; then the fields."""
    return [move for group in GROUPS for move in _group_moves(group, old, new)] + list(_field_moves(old, new))


def _group_moves(group: Group, old: WeightedPolicy, new: WeightedPolicy) -> Iterator[Move]:
    was, now = old.best(group), new.best(group)
    if was != now:
        words = f"{group}: best model was {was}, is {now}"
        yield Move("best_model", group, now, was, now, words)
    before, after = old.weights(group), new.weights(group)
    for name in [*before, *(name for name in after if name not in before)]:
        weight, new_weight = before.get(name), after.get(name)
        if weight is None:
            words = f"{group}: {name} came, weight {new_weight:.4f}, score {new.scores[name]:.6g}"
            yield Move("model_came", group, name, None, new_weight, words)
        elif new_weight is None:
            words = f"{group}: {name} went, it had weight {weight:.4f}{_why_missing(group, name, new)}"
            yield Move("model_went", group, name, weight, None, words)
        elif weight != new_weight:
            scores = f"score {old.scores[name]:.6g} -> {new.scores[name]:.6g}"
            words = f"{group}: weight of {name} {_change(weight, new_weight)}, {scores}"
            yield Move("weight", group, name, weight, new_weight, words)


def _why_missing(group: Group, name: str, policy: WeightedPolicy) -> str:
    reasons = [f" ({m.reason})" for m in policy.missing if (m.group, m.name) == (group, name)]
    return reasons[0] if reasons else ""


def _field_moves(old: WeightedPolicy, new: WeightedPolicy) -> Iterator[Move]:
    for name in _FIELDS:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield Move("field", None, name, was, now, f"{name} {_plain(was)} -> {_plain(now)}")


def _change(old: float, new: float) -> str:
    """Return two different numbers with as many digits as it takes to tell them apart.

    >>> _change(0.25, 0.5), _change(0.25, 0.250001)
    ('0.2500 -> 0.5000', '0.250000 -> 0.250001')
    """
    digits = next((n for n in _DIGITS if f"{old:.{n}f}" != f"{new:.{n}f}"), _DIGITS[-1])
    return f"{old:.{digits}f} -> {new:.{digits}f}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
