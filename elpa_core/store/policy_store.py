"""Record, publish, promote and roll back the policies of one Dag, and lift what a rollback ruled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from elpa_core import files
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import StorePath
from elpa_core.files.atomic import json_bytes
from elpa_core.runs.trials import is_trial
from elpa_core.store.change import Decide, Decision, Outcome, token_of
from elpa_core.store.history import Entry, read_history
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.local import LocalDagFolder
from elpa_core.store.object_storage import ObjectDagFolder
from elpa_core.store.reading import current_policy, recorded_policy
from elpa_core.store.rules import Start, decided, held_back
from elpa_core.store.stored_policy import StoredPolicy, record_of, recordable
from elpa_core.times import now, now_text, utc_text

BY_ITSELF = "dag run"


@dataclass(frozen=True)
class Recorded:
    """A numbered policy that was just recorded.

    Parameters
    ----------
    run_id : str
        Its run.
    number : int
        Which of the run's policies it is.
    path : path
        Its file, which is never changed.
    """

    run_id: str
    number: int
    path: StorePath


class PolicyStore:
    """The policies of one Dag.

    Parameters
    ----------
    root : path
        The store, in a local folder or on object storage.
    dag_id : str
        The Dag.

    Raises
    ------
    InputError
        If no folder can be named after the Dag.
    """

    def __init__(self, root: StorePath, dag_id: str) -> None:
        self.folder = DagFolder(root, dag_id)
        self._keeper = keeper_of(self.folder)

    def current(self) -> StoredPolicy:
        """Return the policy that serving reads.

        Raises
        ------
        InputError
            If there is none.
        """
        return current_policy(self.folder)

    def policy(self, run_id: str, number: int | None = None) -> StoredPolicy:
        """Return a policy of a run: the latest, unless a number is given.

        Raises
        ------
        InputError
            If there is none: the run is unknown, was pruned, or has recorded none.
        """
        return recorded_policy(self.folder, run_id, number)

    def history(self) -> list[Entry]:
        """Return all decisions, oldest first.

        Raises
        ------
        InputError
            If the store has nothing of the Dag, or its history is damaged.
        """
        self.folder.require()
        return read_history(self.folder.history)

    def record(self, run_id: str, as_of: str, policy: Mapping[str, Any]) -> Recorded:
        """Keep a policy as the run's next numbered one, and as its ``elpa_policy.json``.

        Parameters
        ----------
        run_id : str
            The run.
        as_of : str
            Moment up to which the run used data, ISO 8601 with an offset.
        policy : mapping
            The policy as a JSON object.

        Raises
        ------
        InputError
            If ``policy`` is none, or ``as_of`` is no such moment.
        StoreWriteError
            If the disk is full or the folder is read-only.
        """
        source, when = f"policy of run {run_id}", now_text()
        self.folder.run(run_id)

        def numbered(number: int, decisions: int) -> dict[str, Any]:
            return recordable(policy, record_of(run_id, number, as_of, when, decisions), source)

        numbered(1, 0)  # refuses a policy that is none before the store is touched
        number = self._keeper.record(run_id, json_bytes(dict(policy)), numbered)
        return Recorded(run_id, number, self.folder.policy(run_id, number))

    def publish(
        self,
        run_id: str,
        number: int | None = None,
        *,
        actor: str = BY_ITSELF,
        max_score_increase: float | None = None,
        start: Start | None = None,
    ) -> Outcome:
        """Decide by the rules whether a recorded policy becomes the one that serving reads.

        Parameters
        ----------
        run_id : str
            The run.
        number : int, optional
            Which of its policies; the latest if left out.
        actor : str
            Who or what asks.
        max_score_increase : float, optional
            The gate: a policy is held back if the best score of a group is worse than the current
            policy's by more than this fraction of it.
        start : Start, optional
            What the start of the run says: an experiment is published only if a person chose so. That does
            not change the order, nor the gate.

        Returns
        -------
        Outcome
            ``published``; ``recorded`` if the run is an experiment, if Airflow made it for a try, if its
            ``as_of`` lies more than an hour ahead of the clock, or if an older ``as_of``, or a policy taken
            back by hand, forbids it; ``held`` if the gate does. What was decided on this policy before
            stands.

        Raises
        ------
        InputError
            If there is no such policy, or the history is damaged.
        StoreWriteError
            If the disk is full or the folder is read-only; the current policy stays.
        """
        self.folder.require()

        def decide(ledger: Ledger) -> Decision | Entry:
            stored = self.policy(run_id, number)
            if before := ledger.decision_on(stored.record.key, stored.record.decisions):
                return before
            held = self._held_back(ledger, stored, max_score_increase)
            action, why = decided(stored.record, ledger, start or Start(), now(), held)
            return Decision(stored, action, actor, why)

        return self._keeper.change(decide)

    def promote(
        self, run_id: str, number: int | None = None, *, reason: str, actor: str, token: str | None = None
    ) -> Outcome:
        """Publish a recorded policy whatever its ``as_of``.

        One that is not newer than the policy it replaces takes that one back, as a rollback does.

        Parameters
        ----------
        run_id, number
            The policy; the latest of the run if no number is given.
        reason, actor : str
            Why, and who decides.
        token : str, optional
            What `token_of` gave when the person looked. Whoever decided on something else is refused.

        Raises
        ------
        InputError
            If there is no such policy, or no reason, if Airflow made the run for a try, or if others have
            decided since the token was given.
        StoreWriteError
            If the disk is full or the folder is read-only; the current policy stays.
        """
        self.folder.require()
        _require_reason(reason)
        if is_trial(run_id):
            found = "a run that airflow tasks test made for a try"
            raise InputError(Problem(str(self.folder.run(run_id)), "", found, "a run of the Dag"))

        def decide(ledger: Ledger) -> Decision | Entry:
            stored, current = self.policy(run_id, number), ledger.current
            if current is not None and current.key == stored.record.key:
                return current
            return Decision(stored, "promoted", actor, reason)

        return self._keeper.change(self._as_seen(decide, token))

    def rollback(self, *, reason: str, actor: str, token: str | None = None) -> Outcome:
        """Go back to what was published before; done again, further back.

        Policies that were pruned meanwhile are passed over. For ``token`` see `promote`.

        Raises
        ------
        InputError
            If nothing was published before, there is no reason, or others have decided since the token was
            given.
        StoreWriteError
            If the disk is full or the folder is read-only; the current policy stays.
        """
        self.folder.require()
        _require_reason(reason)

        def decide(ledger: Ledger) -> Decision:
            target = ledger.before_current(self.is_there)
            if target is None:
                found = "no publication before the current one whose policy is still there"
                hint = "elpa policy promote takes any recorded policy"
                raise InputError(Problem(str(self.folder.history), "", found, "one to go back to", hint))
            return Decision(self.policy(*target.key), "rolled_back", actor, reason, restores=target.number)

        return self._keeper.change(self._as_seen(decide, token))

    def lift(self, *, reason: str, actor: str, token: str | None = None) -> Outcome:
        """Let runs be published by themselves again that a rollback, or a policy of the future, rules out.

        What is current stays. Done again before the next publication, it changes nothing. For ``token`` see
        `promote`.

        Raises
        ------
        InputError
            If nothing is ruled out, there is no reason, or others have decided since the token was given.
        StoreWriteError
            If the disk is full or the folder is read-only.
        """
        self.folder.require()
        _require_reason(reason)

        def decide(ledger: Ledger) -> Decision | Entry:
            clock = now()
            if ledger.lift is not None:
                return ledger.lift
            ruled, current = ledger.ruled(clock), ledger.current
            if ruled is None or current is None:
                found = "no policy taken back that rules runs out, and no current one of the future"
                raise InputError(Problem(str(self.folder.history), "", found, "something to lift"))
            stored = self.policy(*current.key)
            return Decision(stored, "lifted", actor, reason, lifts=ruled.as_of, clock=utc_text(clock))

        return self._keeper.change(self._as_seen(decide, token))

    def is_there(self, entry: Entry) -> bool:
        """Tell whether the policy that an entry is about is still in the store."""
        return files.exists(self.folder.policy(*entry.key))

    def _as_seen(self, decide: Decide, token: str | None) -> Decide:
        """Return how to decide only on what a person has seen; asked where nobody else can decide."""

        def on_the_same(ledger: Ledger) -> Decision | Entry:
            decision = decide(ledger)
            restores = decision.restores if isinstance(decision, Decision) else None
            if token not in {None, token_of(ledger, restores)}:
                found, hint = "decisions that were made meanwhile", "look at the policies again"
                raise InputError(Problem(str(self.folder.history), "", found, "those that were shown", hint))
            return decision

        return on_the_same

    def _held_back(self, ledger: Ledger, stored: StoredPolicy, max_score_increase: float | None) -> str:
        if max_score_increase is None or ledger.current is None:
            return ""
        return held_back(stored.contents, self.current().contents, max_score_increase)


def _require_reason(reason: str) -> None:
    try:
        reason.encode()
    except UnicodeEncodeError as error:
        raise InputError(Problem("reason", "", quoted(reason), "text")) from error
    if not reason.strip():
        raise InputError(
            Problem("reason", "", quoted(reason), "why, in a few words, for those who come after")
        )


class Keeper(Protocol):
    """What can be changed in a Dag's part of a store."""

    def change(self, decide: Decide) -> Outcome:
        """Write a decision down; if it publishes the policy, make it the current one."""

    def record(self, run_id: str, policy: bytes, numbered: Callable[[int, int], dict[str, Any]]) -> int:
        """Keep a policy as the run's next numbered one, and as its latest; return its number.

        ``numbered`` makes what is kept from the number and from how many decisions there are.
        """

    def remove_runs(self, choose: Callable[[Ledger], Iterable[str]]) -> set[str]:
        """Remove the folders of runs; return their names."""

    def being_published(self) -> list[str]:
        """Return the names of the folders of runs whose policy somebody makes the current one."""


def keeper_of(folder: DagFolder[StorePath]) -> Keeper:
    """Return who changes a Dag's part of a store."""
    root, dag_id = folder.root, folder.dag_id
    return LocalDagFolder(root, dag_id) if isinstance(root, Path) else ObjectDagFolder(root, dag_id)
