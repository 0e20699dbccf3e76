"""Changes of a store in a local folder: under a lock, the history appended to, the disk told to keep it.

A change reads the end of the history only, unless that does not tell what it needs.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.files.atomic import create_atomic, json_bytes, make_folder, sync, write_atomic
from elpa_core.files.os_errors import as_error_of, as_input_error
from elpa_core.files.reading import open_regular
from elpa_core.runs.folder import RunFolder
from elpa_core.store.change import Decide, Outcome, history_is_behind, outcome_of
from elpa_core.store.errors import READABLE_STORE, StoreWriteError, as_store_error
from elpa_core.store.history import READABLE_HISTORY, Entry, PolicyKey, highest_number, history_bytes
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger, asked, ledger_behind
from elpa_core.store.lines import Lines, read_end
from elpa_core.store.reading import policy_numbers, publication_there, recorded_policy
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.store.summaries import lacking_lines

_TRASH = ".trash-"


class LocalDagFolder(DagFolder[Path]):
    """A Dag's part of a store in a local folder, with the files that only those who change it know."""

    @property
    def lock(self) -> Path:
        """Locked by whoever changes the store."""
        return self.path / ".lock"

    @property
    def upcoming(self) -> Path:
        """What becomes `current` in one step; it takes its room on the disk before anything is decided."""
        return self.path / ".current.next"

    def change(self, decide: Decide) -> Outcome:
        """Write a decision down; if it publishes the policy, make it the current one.

        Raises
        ------
        InputError
            If the history is damaged, or ``current.json`` does not go with it.
        StoreWriteError
            If the disk is full: nothing is decided, and the current policy stays. Or if it is
            decided, and only ``current.json`` could not be replaced.
        """
        with self._locked() as (known, end):
            decision, ledger = asked(decide, known, end, self.history)
            if isinstance(decision, Entry):
                return Outcome(decision, changed=False)
            entry = decision.entry(ledger)
            self._carry_out(entry, decision.stored, end)
            return outcome_of(entry, ledger)

    def record(self, run_id: str, policy: bytes, numbered: Callable[[int, int], dict[str, Any]]) -> int:
        """Keep a policy as the run's next numbered one, and as its latest; return its number."""
        run = RunFolder(self.run(run_id))
        with self._locked() as (ledger, end):
            make_folder(run.path)
            run.policies.mkdir(exist_ok=True)  # on the disk with the run's latest policy, below
            sweep(run.policies, "")
            sweep(run.path, run.policy.name)
            decided = max(ledger.policies_of(run_id), self._decided_before(end, run_id))
            number = max([decided, *policy_numbers(run.policies)]) + 1
            path = run.numbered_policy(number)
            if not create_atomic(path, json_bytes(numbered(number, ledger.count))):
                raise StoreWriteError(
                    f"{path}: another process made it meanwhile, without the lock: the file system of"
                    " the store must have flock"
                )
            write_atomic(run.policy, policy)
            self._summarize(ledger, [(run_id, one) for one in policy_numbers(run.policies)])
        return number

    def _summarize(self, ledger: Ledger, recorded: Collection[PolicyKey]) -> None:
        """Add the lines that the summaries lack."""
        with as_input_error(self.summaries, READABLE_STORE):
            end = read_end(self.summaries)
        if lines := lacking_lines(self, end, ledger, recorded):
            head = end.next_head({}).line() if end.are_full else b""
            append_lines(self.summaries, head + lines, end.size)

    def _decided_before(self, end: Lines, run_id: str) -> int:
        """Return the highest number of a run's policies that the lines before a head tell of."""
        if end.are_all:
            return 0
        if end.head.segments:  # copied from object storage
            return highest_number(history_bytes(self.history), run_id, str(self.history))
        before = end.size - sum(map(len, end.lines))
        with as_input_error(self.history, READABLE_HISTORY), open_regular(self.history) as file:
            return highest_number(file.read(before), run_id, str(self.history))

    def remove_runs(self, choose: Callable[[Ledger], Iterable[str]]) -> set[str]:
        """Remove the folders of runs, and what killed removals left; return the names of the runs."""
        with self._locked() as (ledger, end):
            names = list(asked(choose, ledger, end, self.history)[0])
            for name in names:
                # In one step it is no run any more: a process killed while it removes leaves no half one.
                (self.runs / name).rename(self.runs / f"{_TRASH}{secrets.token_hex(4)}-{name}")
            if names:
                sync(self.runs)
        failed: StoreWriteError | None = None
        for path in sorted(self.runs.glob(f"{_TRASH}*")):
            try:
                _remove(path)
            except StoreWriteError as error:
                failed = failed or error  # the others go all the same
        if failed is not None:
            raise failed
        return set(names)

    def being_published(self) -> list[str]:
        """Return nothing: whoever publishes holds the lock."""
        return []

    @contextmanager
    def _locked(self) -> Iterator[tuple[Ledger, Lines]]:
        """Hold the store's lock, and begin with the repair of what a killed process has left."""
        with locked(self.lock):
            sweep(self.path, "")
            self.upcoming.unlink(missing_ok=True)
            with as_input_error(self.history, READABLE_HISTORY):
                end = read_end(self.history)
            ledger = ledger_behind(end, self.history)
            self._bring_up_to_date(ledger.current)
            yield ledger, end

    def _bring_up_to_date(self, decided: Entry | None) -> None:
        there = publication_there(self)
        number = 0 if decided is None else decided.number or 0
        if there > number:
            raise history_is_behind(self, there, number)
        if decided is not None and there < number:
            stored = recorded_policy(self, *decided.key)
            sync(self.history)  # which whoever died may not have come to
            write_atomic(self.current, json_bytes(stored.published_by(decided)))

    def _carry_out(self, entry: Entry, stored: StoredPolicy, end: Lines) -> None:
        lines = entry.line()
        if end.are_full:
            state = ledger_behind(end, self.history).state()
            lines = end.next_head(state).line() + lines
        if entry.number is None:
            append_lines(self.history, lines, end.size)
            return
        try:
            # All that needs room on the disk comes before the decision.
            write_atomic(self.upcoming, json_bytes(stored.published_by(entry)), folder_later=True)
            append_lines(self.history, lines, end.size)
        except OSError:
            with suppress(OSError):
                self.upcoming.unlink(missing_ok=True)
            raise
        try:
            self.upcoming.replace(self.current)
            sync(self.path)
        except OSError as error:
            raise StoreWriteError(
                f"{self.current}: {error.strerror}; publication {entry.number} is decided and in the"
                " history, and the next change of the store will put it there"
            ) from error


def append_history(path: Path, entry: Entry, size: int) -> None:
    """Append an entry; it is decided when this returns. See `append_lines`."""
    append_lines(path, entry.line(), size)


def append_lines(path: Path, lines: bytes, size: int) -> None:
    """Append lines to a file; they are on the disk when this returns.

    Parameters
    ----------
    path : Path
        The file; made if it is not there.
    lines : bytes
        Whole lines.
    size : int
        Length of the file's whole lines; what stands behind them is cut off.

    Raises
    ------
    OSError
        If the disk is full; the file is then as it was.
    """
    made = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        with as_error_of(path):
            os.ftruncate(handle, size)
            rest = lines
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
            if made:
                sync(path.parent)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)  # the link alone: what it leads to is not the store's
    while path.exists():  # another pruning may remove it too
        try:
            files.remove_tree(path)
        except OSError as error:
            raise StoreWriteError(
                f"{path}: {error.strerror}; the run is out of the store, and the next elpa runs prune goes on"
                " removing its folder"
            ) from error


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold the lock of a store, waiting for it; the system gives it back on any death.

    Parameters
    ----------
    lock : Path
        The file that is locked; made, with its folder, if it is not there, and never removed.

    Raises
    ------
    StoreWriteError
        If the system refuses something, here or in the body.
    """
    with as_store_error(lock.parent):
        make_folder(lock.parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def sweep(folder: Path, prefix: str) -> None:
    """Remove temporary files that a killed writer left; whoever calls holds the lock."""
    for path in folder.glob(f".{prefix}*.tmp"):
        path.unlink(missing_ok=True)
