"""All that a store says of one Dag's policies, read in three requests: history, summaries, current policy."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from elpa_core import files
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.history import Entry, PolicyKey, entries_of, history_bytes
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.stored_policy import StoredPolicy, published_policy
from elpa_core.store.summaries import Summary, read_summaries, summaries_bytes
from elpa_core.times import now

_MOST_BOOKS = 300


@dataclass(frozen=True)
class Book:
    """A Dag's policies and what was decided on them.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    entries : tuple of Entry
        The history, oldest first.
    ledger : Ledger
        What it adds up to.
    summaries : tuple of Summary
        All policies, by ``as_of``.
    current : StoredPolicy or None
        The policy that serving reads.
    """

    folder: DagFolder[StorePath]
    entries: tuple[Entry, ...]
    ledger: Ledger
    summaries: tuple[Summary, ...]
    current: StoredPolicy | None

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each model among all that ever had a score; it is the same in every view."""
        ordered = sorted(self.summaries, key=lambda one: one.when)
        return {name: place for place, name in enumerate(dict.fromkeys(n for s in ordered for n in s.models))}

    @cached_property
    def groups(self) -> dict[str, str]:
        """The group of each model, as its newest policy has it."""
        return {name: model.group for one in self.summaries for name, model in one.models.items()}

    @cached_property
    def by_key(self) -> dict[PolicyKey, Summary]:
        """The summaries by policy."""
        return {one.key: one for one in self.summaries}

    def decision(self, key: PolicyKey) -> Entry | None:
        """Return what was first decided on a policy."""
        return self.ledger.decisions.get(key)

    def ruled(self, moment: dt.datetime | None = None) -> Entry | None:
        """Return the policy that keeps others from being published, if a lift can change that."""
        return self.ledger.ruled(moment or now())


class Books:
    """Reads books. What has not changed since it was last read is not parsed again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, Book]] = OrderedDict()

    def read(self, folder: DagFolder[StorePath]) -> Book:
        """Return the book of a Dag.

        Raises
        ------
        InputError
            If the store cannot be read, or its history is damaged. A Dag without policies has an empty book.
        """
        history = history_bytes(folder.history)
        lines = summaries_bytes(folder.summaries)
        current = _read_current(folder)
        digest = hashlib.sha256(b"\0".join((history, lines, current))).hexdigest()
        place = str(folder.path)
        known = self._known.get(place)
        if known is not None and known[0] == digest:
            return known[1]
        entries = entries_of(history, str(folder.history))
        book = Book(
            folder,
            tuple(entries),
            Ledger.of(entries, str(folder.history)),
            tuple(read_summaries(folder, entries, lines)),
            published_policy(current, folder.current) if current else None,
        )
        self._known[place] = digest, book
        while len(self._known) > _MOST_BOOKS:
            self._known.popitem(last=False)
        return book


def _read_current(folder: DagFolder[StorePath]) -> bytes:
    with as_input_error(folder.current, READABLE_STORE), suppress(FileNotFoundError, NotADirectoryError):
        return files.read(folder.current)
    return b""
