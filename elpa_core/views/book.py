"""All that a store says of one Dag's policies, read in three requests: history, summaries, current policy.

A list of many Dags reads only the ends of history and summaries.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Generic, TypeVar

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.history import Entry, PolicyKey, entries_of, history_bytes
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.lines import last_lines
from elpa_core.store.stored_policy import StoredPolicy, published_policy
from elpa_core.store.summaries import Summary, in_order, read_summaries, summaries_bytes, summaries_in
from elpa_core.times import now

LAST = 20
"""How many of the last policies a `Glance` has."""
_MOST_BOOKS, _MOST_GLANCES = 30, 1_000
_DECISION, _SUMMARY = 500, 2_500
"""Bytes of a line: of a summary of twenty models."""
_FIRST = {"published", "recorded", "held"}


@dataclass(frozen=True)
class Glance:
    """A Dag's last policies and what was decided on them.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    entries : tuple of Entry
        The end of the history, oldest first.
    summaries : tuple of Summary
        The policies that were recorded last, by ``as_of``.
    current : StoredPolicy or None
        The policy that serving reads.
    problem : str
        Why that cannot be read, as if another version wrote it; empty if it can, or there is none.
    """

    folder: DagFolder[StorePath]
    entries: tuple[Entry, ...]
    summaries: tuple[Summary, ...]
    current: StoredPolicy | None
    problem: str

    @cached_property
    def decisions(self) -> dict[PolicyKey, Entry]:
        """What was first decided on each policy."""
        return {entry.key: entry for entry in reversed(self.entries)}


@dataclass(frozen=True)
class Book(Glance):
    """All of a Dag's policies and what was decided on them.

    Parameters
    ----------
    ledger : Ledger
        What the history adds up to.
    """

    ledger: Ledger

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each model among all that ever had a score; it is the same in every view."""
        names: dict[str, None] = {}
        for one in sorted(self.summaries, key=lambda one: one.when):
            if not one.models.keys() <= names.keys():
                names |= dict.fromkeys(one.models)
        return {name: place for place, name in enumerate(names)}

    @cached_property
    def groups(self) -> dict[str, str]:
        """The group of each model, as its newest policy has it."""
        return {name: one.models[name][0] for name, one in newest_with(self.summaries).items()}

    @cached_property
    def curves(self) -> dict[str, list[float | None]]:
        """The scores of each model over all policies; None where a policy does without it."""
        every = [one.models for one in self.summaries]
        return {
            name: [None if (values := models.get(name)) is None else values[1] for models in every]
            for name in self.places
        }

    @cached_property
    def by_key(self) -> dict[PolicyKey, Summary]:
        """The summaries by policy."""
        return {one.key: one for one in self.summaries}

    def ruled(self, moment: dt.datetime | None = None) -> Entry | None:
        """Return the policy that keeps others from being published, if a lift can change that."""
        return self.ledger.ruled(moment or now())


def newest_with(summaries: Sequence[Summary]) -> dict[str, Summary]:
    """Return for each model the newest of some policies that has a score of it."""
    found: dict[str, Summary] = {}
    for one in reversed(summaries):
        if not one.models.keys() <= found.keys():
            found = dict.fromkeys(one.models, one) | found
    return found


_Kept = TypeVar("_Kept", bound=Glance)


class _Known(Generic[_Kept]):
    """What was read last, by Dag, with a digest of the bytes from which it was made."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[str, _Kept]] = OrderedDict()
        self._lock = Lock()

    def get(self, place: str, digest: str) -> _Kept | None:
        with self._lock:
            known = self._kept.get(place)
            if known is None or known[0] != digest:
                return None
            self._kept.move_to_end(place)
            return known[1]

    def keep(self, place: str, digest: str, made: _Kept) -> _Kept:
        with self._lock:
            self._kept[place] = digest, made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


class Books:
    """Reads books and glances. What has not changed since it was last read is not parsed again."""

    def __init__(self) -> None:
        self._books: _Known[Book] = _Known(_MOST_BOOKS)
        self._glances: _Known[Glance] = _Known(_MOST_GLANCES)

    def read(self, folder: DagFolder[StorePath]) -> Book:
        """Return the book of a Dag.

        Raises
        ------
        InputError
            If the store cannot be read, or its history is damaged. Of a current policy that cannot be read
            `Glance.problem` tells. A Dag without policies has an empty book.
        """
        history = history_bytes(folder.history)
        lines = summaries_bytes(folder.summaries)
        current = _current_bytes(folder)
        place, digest = str(folder.path), _digest(history, lines, current)
        if (known := self._books.get(place, digest)) is not None:
            return known
        entries = entries_of(history, str(folder.history))
        summaries = tuple(read_summaries(folder, entries, lines))
        published = _published(current, folder)
        ledger = Ledger.of(entries, str(folder.history))
        return self._books.keep(place, digest, Book(folder, tuple(entries), summaries, *published, ledger))

    def glance(self, folder: DagFolder[StorePath]) -> Glance:
        """Return the last policies of a Dag, from the ends of history and summaries.

        Raises
        ------
        InputError
            If the store cannot be read, or the end of its history is damaged.
        """
        history = _last_lines(folder.history, 2 * LAST, _DECISION)
        lines = _last_lines(folder.summaries, LAST, _SUMMARY)
        current = _current_bytes(folder)
        place, digest = str(folder.path), _digest(history, lines, current)
        if (known := self._glances.get(place, digest)) is not None:
            return known
        entries = entries_of(history, f"{folder.history}, from its end")
        found = summaries_in(lines)
        decided = dict.fromkeys(entry.key for entry in entries if entry.action in _FIRST)
        if any(key not in found for key in [*decided][-LAST // 2 :]):  # an earlier version recorded them
            return self._glances.keep(place, digest, self.read(folder))
        made = Glance(folder, tuple(entries), tuple(in_order(found.values())), *_published(current, folder))
        return self._glances.keep(place, digest, made)


def _published(data: bytes, folder: DagFolder[StorePath]) -> tuple[StoredPolicy | None, str]:
    """Return the policy that serving reads, or why it cannot be read."""
    try:
        return (published_policy(data, folder.current) if data else None), ""
    except InputError as error:
        return None, str(error)


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _last_lines(path: StorePath, count: int, length: int) -> bytes:
    """Return the last whole lines of a file, of about this length in bytes."""
    with as_input_error(path, READABLE_STORE):
        return last_lines(path, count, length)


def read_current(folder: DagFolder[StorePath]) -> StoredPolicy | None:
    """Return the policy that serving reads, if there is one.

    Raises
    ------
    InputError
        If the store cannot be read.
    """
    current = _current_bytes(folder)
    return published_policy(current, folder.current) if current else None


def _current_bytes(folder: DagFolder[StorePath]) -> bytes:
    with as_input_error(folder.current, READABLE_STORE), suppress(FileNotFoundError, NotADirectoryError):
        return files.read(folder.current)
    return b""
