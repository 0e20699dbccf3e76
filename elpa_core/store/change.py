"""One change of a store: its history line decides, and ``current.json`` follows from the history.

A process may die between the two. So each change begins by bringing ``current.json`` up to date:
a publication happens once or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from elpa_core.artifacts import now_text
from elpa_core.config import GROUPS
from elpa_core.errors import InputError, Problem
from elpa_core.files import json_bytes, write_atomic
from elpa_core.store.history import Action, Entry, append_history, read_history
from elpa_core.store.ledger import Ledger
from elpa_core.store.paths import DagFolder
from elpa_core.store.reading import publication_there, recorded_policy
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.store.writing import StoreWriteError, locked, sweep, sync


@dataclass(frozen=True)
class Change:
    """A store whose lock this process holds.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    ledger : Ledger
        What was decided up to now.
    history_size : int
        Length of the history, bytes.
    """

    folder: DagFolder
    ledger: Ledger
    history_size: int

    def carry_out(
        self, stored: StoredPolicy, action: Action, actor: str, reason: str, restores: int | None = None
    ) -> Entry:
        """Write a decision down; if it publishes the policy, make it the current one.

        Raises
        ------
        OSError
            If the disk is full; nothing is decided, and what was current is current.
        StoreWriteError
            If it is decided, and only ``current.json`` could not be replaced.
        """
        entry = Entry(
            number=None if action in {"recorded", "held"} else self.ledger.last_number + 1,
            when=now_text(),
            action=action,
            actor=actor,
            run_id=stored.record.run_id,
            policy_number=stored.record.number,
            as_of=stored.record.as_of,
            reason=reason,
            best={group: stored.contents.best(group) for group in GROUPS},
            restores=restores,
        )
        if entry.number is None:
            append_history(self.folder.history, entry, self.history_size)
            return entry
        upcoming = self.folder.upcoming
        try:
            # All that needs room on the disk comes before the decision.
            write_atomic(upcoming, json_bytes(stored.published_by(entry)))
            append_history(self.folder.history, entry, self.history_size)
        except OSError:
            with suppress(OSError):
                upcoming.unlink(missing_ok=True)
            raise
        try:
            upcoming.replace(self.folder.current)
            sync(self.folder.path)
        except OSError as error:
            raise StoreWriteError(
                f"{self.folder.current}: {error.strerror}; publication {entry.number} is decided and in the"
                " history, and the next change of the store will put it there"
            ) from error
        return entry


@contextmanager
def changing(folder: DagFolder) -> Iterator[Change]:
    """Hold the store's lock, and begin with the repair of what a killed process has left.

    Raises
    ------
    InputError
        If the history is damaged, or ``current.json`` does not go with it.
    StoreWriteError
        If the system refuses something, here or in the body.
    """
    with locked(folder.lock):
        sweep(folder.path, "")
        folder.upcoming.unlink(missing_ok=True)
        entries, size = read_history(folder.history)
        ledger = Ledger.of(entries, str(folder.history))
        _bring_up_to_date(folder, ledger.current)
        yield Change(folder, ledger, size)


def _bring_up_to_date(folder: DagFolder, decided: Entry | None) -> None:
    there = publication_there(folder)
    number = 0 if decided is None else decided.number or 0
    if there > number:
        hint = f"restore {folder.history.name} from a backup, or move {folder.current.name} away"
        expected = f"publication {there}, which is in {folder.current}"
        raise InputError(Problem(str(folder.history), "", f"publications up to {number}", expected, hint))
    if decided is not None and there < number:
        stored = recorded_policy(folder, *decided.key)
        sync(folder.history)  # which whoever died may not have come to
        write_atomic(folder.current, json_bytes(stored.published_by(decided)))
