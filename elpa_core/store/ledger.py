"""What a history adds up to, and the order of as_of that it asks of the next policy.

A policy is published by itself unless its ``as_of`` is older than the current one's, or
not later than that of a policy taken back by hand. Two things take a policy back: a rollback from
it, and the promotion of one that is not newer in its place. It counts as taken back until it is
current again, or until a person lifts that. From a lift to the next publication, a policy as of a
moment after the lift does not count in the order either.

A ledger may begin at a head of the history, with what the head says of the lines before it. What it cannot
answer then, it does not answer: whoever asks makes it of all lines.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.runs.trials import is_trial
from elpa_core.store.history import UNPUBLISHED, Entry, PolicyKey, entries_behind, read_history
from elpa_core.store.lines import Head, Lines
from elpa_core.times import parse_moment

_MOST_ON_THE_WAY_BACK = 20
"""A head has so many of the last publications."""


class NeedsAllLinesError(Exception):
    """Only a ledger of the whole history can tell."""


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
        What was first decided on each policy, as far as the lines are known.
    last_number : int
        The highest publication number.
    promoted : set of str
        Run ids of policies that were ever promoted by hand.
    lift : Entry or None
        The last lift, if nothing was published since.
    first : int
        How many lines come before those that are known.
    count : int
        How many lines there are.
    is_cut : bool
        Whether `way_back` lacks its beginning.
    """

    way_back: list[Entry] = field(default_factory=list)
    taken_back: dict[PolicyKey, Entry] = field(default_factory=dict)
    decisions: dict[PolicyKey, Entry] = field(default_factory=dict)
    last_number: int = 0
    promoted: set[str] = field(default_factory=set)
    lift: Entry | None = None
    first: int = 0
    count: int = 0
    is_cut: bool = False

    @classmethod
    def of(cls, entries: Iterable[Entry], source: str, head: Head | None = None) -> Ledger:
        """Return what a history adds up to.

        Parameters
        ----------
        entries : iterable of Entry
            The decisions, oldest first.
        source : str
            The history's name, for errors.
        head : Head, optional
            What comes before them.

        Raises
        ------
        InputError
            If a line cannot follow the lines before it, or a head does not tell what it should.
        NeedsAllLinesError
            If the head tells too little for the lines behind it.
        """
        ledger = cls() if head is None or head.lines == 0 else cls._at(head, source)
        for line, entry in enumerate(entries, start=1):
            if problem := ledger._misfit(entry):
                raise InputError(
                    Problem(f"{source}, line {line}", "", *problem, "restore the file from a backup")
                )
            ledger.add(entry)
        return ledger

    @classmethod
    def _at(cls, head: Head, source: str) -> Ledger:
        """Return the ledger that a head holds."""
        state = head.state
        try:
            taken_back = map(Entry.model_validate, state["taken_back"])
            return cls(
                way_back=[Entry.model_validate(entry) for entry in state["way_back"]],
                taken_back={entry.key: entry for entry in taken_back},
                last_number=int(state["last_number"]),
                promoted=set(state["promoted"]),
                lift=None if state["lift"] is None else Entry.model_validate(state["lift"]),
                first=head.lines,
                count=head.lines,
                is_cut=bool(state["is_cut"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            found, hint = f"a head of {head.lines} lines that is damaged", "restore the file from a backup"
            raise InputError(
                Problem(source, "", found, "what the lines before it add up to", hint)
            ) from error

    def state(self) -> dict[str, Any]:
        """Return what a head behind these lines holds."""
        return {
            "last_number": self.last_number,
            "way_back": [entry.to_json() for entry in self.way_back[-_MOST_ON_THE_WAY_BACK:]],
            "is_cut": self.is_cut or len(self.way_back) > _MOST_ON_THE_WAY_BACK,
            "taken_back": [entry.to_json() for entry in self.taken_back.values()],
            "promoted": sorted(self.promoted),
            "lift": None if self.lift is None else self.lift.to_json(),
        }

    @property
    def current(self) -> Entry | None:
        """The publication that serving reads."""
        return self.way_back[-1] if self.way_back else None

    def decision_on(self, key: PolicyKey, recorded_at: int) -> Entry | None:
        """Return what was first decided on a policy.

        Parameters
        ----------
        key : PolicyKey
            The policy.
        recorded_at : int
            How many lines there were when it was recorded: only later ones can be about it.

        Raises
        ------
        NeedsAllLinesError
            If not all of these are known.
        """
        if recorded_at < self.first:
            raise NeedsAllLinesError
        return self.decisions.get(key)

    def policies_of(self, run_id: str) -> int:
        """Return the highest policy number of a run that the known lines tell of."""
        return max((number for name, number in self.decisions if name == run_id), default=0)

    def before_current(self, is_there: Callable[[Entry], bool]) -> Entry | None:
        """Return the publication that a rollback goes back to now.

        Parameters
        ----------
        is_there : callable
            Whether the policy of an entry is still in the store; pruned ones are passed over.

        Raises
        ------
        NeedsAllLinesError
            If it is none of those that are known.
        """
        for entry in reversed(self.way_back[:-1]):
            if entry.key != self.way_back[-1].key and not is_trial(entry.run_id) and is_there(entry):
                return entry
        self._require_whole_way_back()
        return None

    def _require_whole_way_back(self) -> None:
        if self.is_cut:
            raise NeedsAllLinesError

    @property
    def first_in_order(self) -> Entry | None:
        """The publication that the next one must not be older than."""
        if self.lift is None or self.lift.clock is None:
            return self.current
        clock = parse_moment(self.lift.clock)
        for entry in reversed(self.way_back):
            if entry.moment <= clock:
                return entry
        self._require_whole_way_back()
        return None

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
        self.count += 1
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
                self._require_whole_way_back()
                return f"a rollback to publication {entry.restores}", "one to a publication before it"
        return None


_Answer = TypeVar("_Answer")


def asked(
    question: Callable[[Ledger], _Answer], ledger: Ledger, end: Lines, history: StorePath
) -> tuple[_Answer, Ledger]:
    """Return the answer of a ledger, of the whole history if need be, and the ledger that gave it.

    Parameters
    ----------
    question : callable
        What is asked.
    ledger : Ledger
        The ledger behind a head.
    end, history
        See `ledger_behind`.
    """
    try:
        return question(ledger), ledger
    except NeedsAllLinesError:
        whole = ledger_behind(end, history, whole=True)
        return question(whole), whole


def ledger_behind(end: Lines, history: StorePath, *, whole: bool = False) -> Ledger:
    """Return what a history adds up to.

    Parameters
    ----------
    end : Lines
        Its lines behind a head.
    history : path
        The history: all of it is read if the head tells too little for the lines behind it.
    whole : bool
        Whether to read all of it in any case.

    Raises
    ------
    InputError
        If the history is damaged or cannot be read.
    """
    source = str(history)
    if end.are_all or not whole:
        try:
            return Ledger.of(entries_behind(end, source), source, end.head)
        except NeedsAllLinesError:
            pass
    return Ledger.of(read_history(history)[: end.count], source)
