"""What a history adds up to, and the order of as_of that it asks of the next policy.

A policy is published by itself unless its ``as_of`` is older than the current one's, or
not later than that of a policy taken back by hand. Two things take a policy back: a rollback from
it, and the promotion of one that is not newer in its place. It counts as taken back until it is
current again, or until a person lifts that. From a lift to the next publication, a policy as of a
moment after the lift does not count in the order either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from elpa_core.errors import InputError, Problem
from elpa_core.runs.trials import is_trial
from elpa_core.store.history import UNPUBLISHED, Entry, PolicyKey
from elpa_core.times import parse_moment


@dataclass
class Ledger:
    """The state of a Dag's publications.

    Parameters
    ----------
    way_back : list of Entry
        Publications, oldest first; the last is the current one, the others are what rollbacks go
        back to. A rollback takes those off that it passes by.
    taken_back : dict of PolicyKey to Entry
        Publications that a person has replaced by one that is not newer.
    decisions : dict of PolicyKey to Entry
        What was first decided on each policy.
    last_number : int
        The highest publication number.
    promoted : set of str
        Run ids of policies that were ever promoted by hand.
    lift : Entry or None
        The last lift, if nothing was published since.
    """

    way_back: list[Entry] = field(default_factory=list)
    taken_back: dict[PolicyKey, Entry] = field(default_factory=dict)
    decisions: dict[PolicyKey, Entry] = field(default_factory=dict)
    last_number: int = 0
    promoted: set[str] = field(default_factory=set)
    lift: Entry | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry], source: str) -> Ledger:
        """Return what a history adds up to.

        Raises
        ------
        InputError
            If a line cannot follow the lines before it.
        """
        ledger = cls()
        for line, entry in enumerate(entries, start=1):
            if problem := ledger._misfit(entry):
                raise InputError(
                    Problem(f"{source}, line {line}", "", *problem, "restore the file from a backup")
                )
            ledger.add(entry)
        return ledger

    @property
    def current(self) -> Entry | None:
        """The publication that serving reads."""
        return self.way_back[-1] if self.way_back else None

    def policies_of(self, run_id: str) -> int:
        """Return the highest policy number of a run that was ever decided on."""
        return max((number for name, number in self.decisions if name == run_id), default=0)

    def before_current(self, is_there: Callable[[Entry], bool]) -> Entry | None:
        """Return the publication that a rollback goes back to now.

        Parameters
        ----------
        is_there : callable
            Whether the policy of an entry is still in the store; pruned ones are passed over.
        """
        for entry in reversed(self.way_back[:-1]):
            if entry.key != self.way_back[-1].key and not is_trial(entry.run_id) and is_there(entry):
                return entry
        return None

    @property
    def first_in_order(self) -> Entry | None:
        """The publication that the next one must not be older than."""
        if self.lift is None or self.lift.clock is None:
            return self.current
        clock = parse_moment(self.lift.clock)
        return next((entry for entry in reversed(self.way_back) if entry.moment <= clock), None)

    def ruled(self, now: dt.datetime) -> Entry | None:
        """Return the policy that keeps others from being published, if a lift can change that.

        It is the one as of the latest moment of those taken back, if the order does not ask for a later one
        anyway, or else the current one, if it is as of a moment after ``now``.
        """
        if self.current is None or self.lift is not None:
            return None
        ahead = [self.current] if self.current.moment > now else []
        back = [entry for entry in self.taken_back.values() if entry.moment >= self.current.moment]
        return max(back + ahead, key=lambda entry: entry.moment, default=None)

    def why_not(self, as_of: dt.datetime) -> str:
        """Return why a policy of this moment is not published by itself, or nothing."""
        first = self.first_in_order
        if first is not None and as_of < first.moment:
            which = "the current policy" if first is self.current else "the last policy before the lift"
            return f"older than {which}, which is as of {first.as_of} (publication {first.number})"
        latest = max(self.taken_back.values(), key=lambda entry: entry.moment, default=None)
        if latest is not None and as_of <= latest.moment:
            return (
                f"not later than {latest.as_of}, the moment of a policy that was taken back by hand"
                f" (publication {latest.number})"
            )
        return ""

    def add(self, entry: Entry) -> None:
        """Take a decision into account."""
        self.decisions.setdefault(entry.key, entry)
        if entry.action == "lifted":
            self.lift = entry
            self.taken_back.clear()
        if entry.number is None:
            return
        self.lift = None
        self.last_number = entry.number
        replaced = self.current
        if entry.action == "promoted":
            self.promoted.add(entry.run_id)
            if replaced is not None and entry.moment <= replaced.moment:
                self.taken_back[replaced.key] = replaced
        elif entry.action == "rolled_back" and replaced is not None:
            self.taken_back[replaced.key] = replaced
            while self.way_back and self.way_back[-1].number != entry.restores:
                self.way_back.pop()
            self.way_back.pop()
        self.taken_back.pop(entry.key, None)
        self.way_back.append(entry)

    def _misfit(self, entry: Entry) -> tuple[str, str] | None:
        if entry.action in UNPUBLISHED:
            return ("a publication number", "none where nothing was published") if entry.number else None
        if entry.number is None or entry.number <= self.last_number:
            return f"publication {entry.number}", f"a number greater than {self.last_number}"
        if entry.action == "rolled_back":
            earlier = [publication.number for publication in self.way_back[:-1]]
            if entry.restores not in earlier:
                return f"a rollback to publication {entry.restores}", "one to a publication before it"
        return None
