"""Read the store of a Dag in the API server's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, HTTPException

from elpa_airflow.run.store_location import open_store
from elpa_airflow.ui.dags import ElpaDag, elpa_dags, has_made_a_policy
from elpa_core.errors import ElpaError, InputError
from elpa_core.files import StorePath, is_uri
from elpa_core.store import DagFolder, PolicyStore
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.views import Book, Books, Glance
from elpa_core.views.book import read_current

_BOOKS = Books()
_AT_ONCE = 16  # object storage answers each request after some time


class UnreadableStoreError(ElpaError):
    """The API server cannot read a store."""


@dataclass(frozen=True)
class Opened:
    """A Dag with what its store says."""

    dag: ElpaDag
    book: Book

    @property
    def store(self) -> PolicyStore:
        """The policies of the Dag, to be changed."""
        return PolicyStore(self.book.folder.root, self.dag.dag_id)


@dataclass(frozen=True)
class Current:
    """What serving reads of a Dag; None if nothing is published."""

    folder: DagFolder[StorePath]
    policy: StoredPolicy | None


def glances(
    dags: Sequence[ElpaDag], session: SessionDep
) -> Iterator[tuple[ElpaDag, Glance | UnreadableStoreError]]:
    """Yield for each Dag what its store said last, or why this server cannot read it."""

    def read(dag: ElpaDag) -> Glance | UnreadableStoreError:
        try:
            return _BOOKS.glance(_folder(dag))
        except InputError as error:
            return _unreadable(dag, str(error))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        waiting = any(is_uri(dag.store) for dag in dags)
        for dag, found in zip(dags, (threads.map if waiting else map)(read, dags), strict=True):
            lacking = isinstance(found, Glance) and _is_lacking(found.folder, session)
            yield dag, _unreadable(dag, _NOT_MOUNTED) if lacking else found


def opened(dag_id: str, session: SessionDep) -> Opened:
    """Return the Dag of a route with its book; 404 if it is none of ELPA's."""
    dag = _dag(dag_id, session)
    return Opened(dag, _read(dag, _BOOKS.read, session))


def current(dag_id: str, session: SessionDep) -> Current:
    """Return what serving reads of the Dag of a route, in one request; 404 if it is none of ELPA's."""
    dag = _dag(dag_id, session)
    return Current(_folder(dag), _read(dag, read_current, session))


def _dag(dag_id: str, session: SessionDep) -> ElpaDag:
    found = elpa_dags([dag_id], session)
    if not found:
        raise HTTPException(404, "ELPA has not made this Dag, so it has no policies.")
    return found[0]


_Read = TypeVar("_Read")


def _read(dag: ElpaDag, read: Callable[[DagFolder[StorePath]], _Read], session: SessionDep) -> _Read:
    folder = _folder(dag)
    try:
        found = read(folder)
    except InputError as error:
        raise _unreadable(dag, str(error)) from error
    if _is_lacking(folder, session):
        raise _unreadable(dag, _NOT_MOUNTED)
    return found


_NOT_MOUNTED = (
    "no such folder here, and runs have made policies; mount it on the API server as on the workers"
)


def _folder(dag: ElpaDag) -> DagFolder[StorePath]:
    return DagFolder(open_store(dag.store), dag.dag_id)


def _unreadable(dag: ElpaDag, why: str) -> UnreadableStoreError:
    return UnreadableStoreError(f"this server cannot read {dag.store}: {why}")


def _is_lacking(folder: DagFolder[StorePath], session: SessionDep) -> bool:
    """Tell whether the store must be elsewhere: there is no folder, and runs have made policies."""
    there = not isinstance(folder.root, Path) or folder.root.is_dir()
    return not there and has_made_a_policy(folder.dag_id, session)


OpenedDep = Annotated[Opened, Depends(opened)]
CurrentDep = Annotated[Current, Depends(current)]
