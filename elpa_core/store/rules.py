"""The rules by which a run's policy is published by itself, only recorded, or held back for a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from elpa_core.runs.trials import is_trial
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import WeightedPolicy
from elpa_core.store.history import Action
from elpa_core.store.ledger import Ledger
from elpa_core.store.stored_policy import Record
from elpa_core.times import utc_text

_AHEAD = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Start:
    """What the start of a run says about the publication of its policy.

    Parameters
    ----------
    experiment : str
        Why the run is an experiment, or nothing.
    publish : bool or None
        What a person chose; None: nothing.
    """

    experiment: str = ""
    publish: bool | None = None


def by_start(record: Record, start: Start) -> str:
    """Return why the policy of a run is only recorded, whatever else is in the store, or nothing."""
    if is_trial(record.run_id):
        return "the run was made by airflow tasks test for a try"
    if start.publish is False:
        return "publish: false was given when the run was started"
    return "" if start.publish else start.experiment


def by_order(record: Record, ledger: Ledger, now: dt.datetime) -> str:
    """Return why a policy of its ``as_of`` is only recorded, or nothing. Only a person can change that."""
    if record.moment > now + _AHEAD:
        return f"as of {record.as_of}, more than an hour ahead of the clock, which says {utc_text(now)}"
    reason, ruled = ledger.why_not(record.moment), ledger.ruled(now)
    if reason and ruled is not None and record.moment <= ruled.moment:
        return f"{reason}; a person can lift that: elpa policy lift"
    return reason


def decided(
    record: Record, ledger: Ledger, start: Start, now: dt.datetime, held_back: str
) -> tuple[Action, str]:
    """Return what becomes of the policy of a run, and why.

    Parameters
    ----------
    record : Record
        Whose policy it is.
    ledger : Ledger
        What was decided up to now.
    start : Start
        What the start of the run says. That an experiment is to be published changes neither the order nor
        the gate.
    now : datetime
        The present moment.
    held_back : str
        Why the gate keeps the policy back, or nothing.
    """
    if reason := by_start(record, start):
        return "recorded", reason
    if reason := by_order(record, ledger, now):
        unmoved = "; publish: true does not change that, elpa policy promote does" if start.publish else ""
        return "recorded", reason + unmoved
    if held_back:
        return "held", held_back
    asked = f"; publish: true was given, {start.experiment}" if start.experiment else ""
    return "published", _place_in_order(record, ledger) + asked


def _place_in_order(record: Record, ledger: Ledger) -> str:
    current = ledger.current
    if current is None:
        return "the first policy"
    if record.moment == current.moment:
        return f"as of the same moment as publication {current.number}"
    which = f"publication {current.number}, which is as of {current.as_of}"
    if record.moment < current.moment:
        return f"older than {which} and does not count since a person has lifted that"
    return f"later than {which}"


def held_back(new: WeightedPolicy, current: WeightedPolicy, max_score_increase: float) -> str:
    """Return why only a person may publish a policy, or nothing.

    Parameters
    ----------
    new, current : WeightedPolicy
        The policies; lower scores are better.
    max_score_increase : float
        A group's best score may be worse than the current one by this fraction of it, at least 0.
    """
    reasons = []
    for group in GROUPS:
        before, now = current.best_score(group), new.best_score(group)
        if now > before * (1 + max_score_increase):
            reasons.append(
                f"the best {group} score, {now:.6g} ({new.best(group)}), is {now / before - 1:.1%} worse"
                f" than the current policy's, {before:.6g} ({current.best(group)})"
            )
    if not reasons:
        return ""
    return f"{' and '.join(reasons)}; max_score_increase allows {max_score_increase:.6g}"
