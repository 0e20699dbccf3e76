"""Changes of a store on object storage: the history is replaced if nobody has done so meanwhile.

There is no lock. Whoever is too late reads the history anew and decides again, so that one of two
publishers comes after the other. ``current.json`` is replaced on the same condition, and only ever by a later
publication. Every object is put whole, so that a reader never sees a part of one. Of the history only the
open segment is put again and again, see `elpa_core.store.lines`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Any

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import ObjectPath, objects
from elpa_core.files.atomic import json_bytes
from elpa_core.runs.folder import RunFolder, policy_file, tells_age
from elpa_core.store.change import Decide, Outcome, history_is_behind, outcome_of
from elpa_core.store.errors import StoreWriteError, as_store_error
from elpa_core.store.history import Entry, PolicyKey
from elpa_core.store.holding import announcing, require_not_announced
from elpa_core.store.layout import DagFolder, folder_of_run
from elpa_core.store.ledger import Ledger, asked, ledger_behind
from elpa_core.store.lines import Lines
from elpa_core.store.object_lines import ObjectHistory, ObjectLines
from elpa_core.store.reading import policy_numbers, publication_in, recorded_policy
from elpa_core.store.stored_policy import StoredPolicy, read_recorded
from elpa_core.store.summaries import lacking_lines

_PATIENCE = 1000  # conflicts in one change; each is somebody else's success


class ObjectDagFolder(DagFolder[ObjectPath]):
    """A Dag's part of a store on object storage."""

    @property
    def lines(self) -> ObjectHistory:
        """The lines of the history."""
        return ObjectHistory(self.history, lambda end: ledger_behind(end, self.history).state())

    def change(self, decide: Decide) -> Outcome:
        """Write a decision down; if it publishes the policy, make it the current one.

        Raises
        ------
        InputError
            If the history is damaged, or ``current.json`` does not go with it.
        StoreWriteError
            If the service cannot be reached or refuses.
        """
        kept: ObjectPath | None = None
        with as_store_error(self.path):
            for _ in range(_PATIENCE):
                ledger, end, version = self._up_to_date()
                try:
                    decision, ledger = asked(decide, ledger, end, self.history)
                except InputError:
                    self._forget(kept)
                    raise
                if isinstance(decision, Entry):
                    self._forget(kept)
                    return Outcome(decision, changed=False)
                if version == objects.ABSENT:
                    self._require_conditions()
                entry = decision.entry(ledger)
                if entry.number is not None and str(kept) != str(self._kept(entry)):
                    # Somebody may remove the run before current.json is made, and this process may die.
                    self._forget(kept)
                    kept = self._kept(entry)
                    objects.write(kept, json_bytes(decision.stored.raw))
                    try:
                        # In this order: who removed the run and took the notice back is seen by what is gone.
                        require_not_announced(self, folder_of_run(entry.run_id))
                        recorded_policy(self, *entry.key)
                    except InputError:
                        self._forget(kept)
                        raise
                if self._append(end, version, entry):
                    if entry.number is not None:
                        self._make_current(entry, decision.stored)
                    self._forget(kept)
                    return outcome_of(entry, ledger)
        raise StoreWriteError(f"{self.history}: others have changed it {_PATIENCE} times in a row")

    def record(self, run_id: str, policy: bytes, numbered: Callable[[int, int], dict[str, Any]]) -> int:
        """Keep a policy as the run's next numbered one, and as its latest; return its number."""
        run = RunFolder(self.run(run_id))
        with as_store_error(self.path):
            ledger, end, _ = self._up_to_date()
            decided = max(ledger.policies_of(run_id), self.lines.decided_before(end, run_id))
            number = max([decided, *policy_numbers(run.policies)]) + 1
            while not objects.create(run.numbered_policy(number), json_bytes(numbered(number, ledger.count))):
                number += 1
            objects.write(run.policy, policy)
            self._summarize(ledger, [(run_id, one) for one in {*policy_numbers(run.policies), number}])
        return number

    def _summarize(self, ledger: Ledger, recorded: Collection[PolicyKey]) -> None:
        """Add the lines that the summaries lack."""
        summaries = ObjectLines(self.summaries, lambda _: {})
        for _ in range(_PATIENCE):
            end, version = summaries.read()
            lines = lacking_lines(self, end, ledger, recorded)
            if not lines or summaries.add(lines, end, version):
                return
        raise StoreWriteError(f"{self.summaries}: others have changed it {_PATIENCE} times in a row")

    def remove_runs(self, choose: Callable[[Ledger], Iterable[str]]) -> set[str]:
        """Remove the folders of runs; return their names. What is needed when all know of it stays."""
        with as_store_error(self.path):
            ledger, end, _ = self._up_to_date()
            names = set(asked(choose, ledger, end, self.history)[0])
            with announcing(self, names):
                if names:
                    names &= self._chosen_now(choose)
                    self._remove(names)
        return names

    def _chosen_now(self, choose: Callable[[Ledger], Iterable[str]]) -> set[str]:
        """Return what is chosen of a history that nobody changed meanwhile: a change may need a run."""
        for _ in range(_PATIENCE):
            ledger, end, version = self._up_to_date()
            names = set(asked(choose, ledger, end, self.history)[0])
            if objects.read_version(self.history)[1] == version:
                return names
        raise StoreWriteError(f"{self.history}: others have changed it {_PATIENCE} times in a row")

    def _remove(self, names: Collection[str]) -> None:
        chosen = [found for found in objects.listing(self.runs) if found.parts[0] in names]
        # What tells how old a run is goes last: whoever dies here leaves it as old as it was.
        for last in (False, True):
            objects.remove_all(
                self.runs, [found.key for found in chosen if tells_age(tuple(found.parts[1:])) == last]
            )

    def being_published(self) -> list[str]:
        """Return the names of the folders of runs whose policy somebody makes the current one."""
        return [child.name for child in files.children(self._upcoming)]

    def _up_to_date(self) -> tuple[Ledger, Lines, objects.ObjectVersion]:
        """Return the ledger, the history's open lines and their version; ``current.json`` goes with them."""
        # In this order: a current.json that is read later may be of a publication that the lines lack.
        there = publication_in(objects.read_version(self.current)[0], self)
        end, version = self.lines.read()
        ledger = ledger_behind(end, self.history)
        self._bring_up_to_date(ledger.current, there)
        return ledger, end, version

    def _append(self, end: Lines, version: objects.ObjectVersion, entry: Entry) -> bool:
        """Add a line to the history; False if it is another one by now."""
        line = entry.line()
        try:
            if self.lines.add(line, end, version):
                return True
            lost = None
        except OSError as error:
            lost = error
        # The line may have got there although the answer did not come, and others may have come after it.
        try:
            if self.lines.have(line, end):
                return True
        except OSError as error:
            raise StoreWriteError(
                f"{self.history}: {error.strerror}; whether the policy of run {entry.run_id} is"
                f" {entry.action} is not known: elpa policy list tells, and trying again does no harm"
            ) from error
        if lost is not None:
            raise lost
        return False

    def _bring_up_to_date(self, decided: Entry | None, there: int) -> None:
        """Make up for what a process has left undone that died after its decision.

        Parameters
        ----------
        decided : Entry or None
            The last publication of the history.
        there : int
            The publication in ``current.json``, read before the history: the history must have it.
        """
        number = 0 if decided is None else decided.number or 0
        if there > number:
            raise history_is_behind(self, there, number)
        if decided is not None and there < number:
            try:
                stored = self._policy_of(decided)
            except InputError:
                if publication_in(objects.read_version(self.current)[0], self) >= number:
                    return  # others were faster, and removed the run
                raise
            self._replace_current(decided, stored)
            self._forget(self._kept(decided))

    def _make_current(self, entry: Entry, stored: StoredPolicy) -> None:
        try:
            self._replace_current(entry, stored)
        except OSError as error:
            raise StoreWriteError(
                f"{self.current}: {error.strerror}; publication {entry.number} is decided and in the"
                " history, and the next change of the store will put it there"
            ) from error

    def _replace_current(self, entry: Entry, stored: StoredPolicy) -> None:
        """Let ``current.json`` hold a publication, or a later one if others were faster."""
        published = json_bytes(stored.published_by(entry))
        for _ in range(_PATIENCE):
            data, version = objects.read_version(self.current)
            if publication_in(data, self) >= (entry.number or 0):
                return
            if objects.replace(self.current, published, version):
                return
        raise StoreWriteError(f"{self.current}: others have changed it {_PATIENCE} times in a row")

    def _forget(self, kept: ObjectPath | None) -> None:
        if kept is not None:
            files.remove(kept)

    def _policy_of(self, entry: Entry) -> StoredPolicy:
        try:
            return recorded_policy(self, *entry.key)
        except InputError:
            return read_recorded(self._kept(entry))

    def _kept(self, entry: Entry) -> ObjectPath:
        return self._upcoming / folder_of_run(entry.run_id) / policy_file(entry.policy_number)

    @property
    def _upcoming(self) -> ObjectPath:
        return self.path / "upcoming"

    def _require_conditions(self) -> None:
        """Refuse a service that takes a write whose condition does not hold: two could both win there."""
        probe = self._upcoming / f"conditional-writes-{secrets.token_hex(8)}"
        objects.write(probe, b"first")
        _, version = objects.read_version(probe)
        objects.write(probe, b"second")
        kept = not objects.create(probe, b"third") and not objects.replace(probe, b"third", version)
        objects.remove(probe)
        if not kept:
            raise StoreWriteError(
                f"{self.path}: this service ignores the conditions If-Match and If-None-Match of a write,"
                " and a policy store needs them: use a service that has conditional writes"
            )
