"""One change of a store: its history line decides, and ``current.json`` follows from the history.

A process may die between the two. So each change begins by bringing ``current.json`` up to date:
a publication happens once or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.schema.groups import GROUPS
from elpa_core.store.history import UNPUBLISHED, Action, Entry
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.times import now_text


@dataclass(frozen=True)
class Decision:
    """What is to become of a policy.

    Parameters
    ----------
    stored : StoredPolicy
        The policy.
    action : str
        What becomes of it.
    actor, reason : str
        Who decided so, and why.
    restores : int or None
        Of a rollback: the publication that it goes back to.
    lifts, clock : str or None
        Of a lift: the moment up to which runs were only recorded, and the present one.
    """

    stored: StoredPolicy
    action: Action
    actor: str
    reason: str
    restores: int | None = None
    lifts: str | None = None
    clock: str | None = None

    def entry(self, ledger: Ledger) -> Entry:
        """Return the line that the history gets."""
        return Entry(
            number=None if self.action in UNPUBLISHED else ledger.last_number + 1,
            when=now_text(),
            action=self.action,
            actor=self.actor,
            run_id=self.stored.record.run_id,
            policy_number=self.stored.record.number,
            as_of=self.stored.record.as_of,
            reason=self.reason,
            best={group: self.stored.contents.best(group) for group in GROUPS},
            restores=self.restores,
            lifts=self.lifts,
            clock=self.clock,
        )


@dataclass(frozen=True)
class Outcome:
    """What became of a policy.

    Parameters
    ----------
    entry : Entry
        The line of the history: action, reason, publication number.
    changed : bool
        False if this was decided earlier, and nothing was done now.
    replaced : Entry or None
        The publication that was current before this one.
    """

    entry: Entry
    changed: bool = True
    replaced: Entry | None = None

    @property
    def published(self) -> bool:
        """Whether the decision made the policy what serving reads."""
        return self.entry.number is not None

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        replaced = None if self.replaced is None else self.replaced.number
        return {**self.entry.to_json(), "changed": self.changed, "replaced": replaced}


def token_of(ledger: Ledger, restores: int | None = None) -> str:
    """Return what tells a person's decision on what is from one on what was.

    Parameters
    ----------
    ledger : Ledger
        What was decided up to now.
    restores : int, optional
        Of a rollback: the publication that it goes back to.
    """
    return str(ledger.last_number) if restores is None else f"{ledger.last_number}-{restores}"


Decide = Callable[[Ledger], Decision | Entry]
"""From what was decided up to now to what is to be done: a decision, or the earlier one that stands.

It may be asked more than once for one change.
"""


def outcome_of(entry: Entry, ledger: Ledger) -> Outcome:
    """Return the outcome of a change that was made on top of ``ledger``."""
    return Outcome(entry, replaced=None if entry.number is None else ledger.current)


def history_is_behind(folder: DagFolder[StorePath], there: int, number: int) -> InputError:
    """Return the error of a history that lacks the publication that ``current.json`` holds."""
    hint = f"restore {folder.history.name} from a backup, or move {folder.current.name} away"
    expected = f"publication {there}, which is in {folder.current}"
    return InputError(Problem(str(folder.history), "", f"publications up to {number}", expected, hint))
