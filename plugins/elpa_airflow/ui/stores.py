"""Read the store of a Dag in the API server's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, HTTPException

from elpa_airflow.run.store_location import open_store
from elpa_airflow.ui.dags import ElpaDag, elpa_dags, has_made_a_policy
from elpa_airflow.ui.reading_ahead import Place, ReadingAhead
from elpa_core.errors import ElpaError, InputError
from elpa_core.files import StorePath
from elpa_core.store import DagFolder, PolicyStore
from elpa_core.store.stored_policy import StoredPolicy
from elpa_core.views import Book, Books, Glance
from elpa_core.views.book import read_current

_BOOKS = Books()
PATIENCE = 1.0
"""So many seconds a list of Dags waits for their stores."""


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
    dags: Sequence[ElpaDag], session: SessionDep, *, again: bool
) -> Iterator[tuple[ElpaDag, Glance | UnreadableStoreError | None]]:
    """Yield for each Dag what its store says, or why this server cannot read it; None if it is late.

    Who asks ``again`` gets what late stores have said meanwhile.
    """
    places = {dag.dag_id: Place(dag.store, dag.dag_id) for dag in dags}
    found = _GLANCES.get(places.values(), PATIENCE, again=again)
    for dag in dags:
        one = found.get(places[dag.dag_id])
        lacking = isinstance(one, Glance) and _is_lacking(one.folder, session)
        yield dag, _unreadable(dag.store, _NOT_MOUNTED) if lacking else one


def _glance(place: Place) -> Glance | UnreadableStoreError:
    try:
        return _BOOKS.glance(_folder(place))
    except InputError as error:
        return _unreadable(place.store, str(error))


_GLANCES = ReadingAhead(_glance)


def opened(dag_id: str, session: SessionDep) -> Opened:
    """Return the Dag of a route with its book; 404 if it is none of ELPA's."""
    dag = _dag(dag_id, session)
    return Opened(dag, _read(dag, _BOOKS.read, session))


def current(dag_id: str, session: SessionDep) -> Current:
    """Return what serving reads of the Dag of a route, in one request; 404 if it is none of ELPA's."""
    dag = _dag(dag_id, session)
    return _read(dag, lambda folder: Current(folder, read_current(folder)), session)


def _dag(dag_id: str, session: SessionDep) -> ElpaDag:
    found = elpa_dags([dag_id], session)
    if not found:
        raise HTTPException(404, "ELPA has not made this Dag, so it has no policies.")
    return found[0]


_Read = TypeVar("_Read")


def _read(dag: ElpaDag, read: Callable[[DagFolder[StorePath]], _Read], session: SessionDep) -> _Read:
    try:
        folder = _folder(dag)
        found = read(folder)
    except InputError as error:
        raise _unreadable(dag.store, str(error)) from error
    if _is_lacking(folder, session):
        raise _unreadable(dag.store, _NOT_MOUNTED)
    return found


_NOT_MOUNTED = (
    "no such folder here, and runs have made policies; mount it on the API server as on the workers"
)


def _folder(place: Place | ElpaDag) -> DagFolder[StorePath]:
    return DagFolder(open_store(place.store), place.dag_id)


def _unreadable(store: str, why: str) -> UnreadableStoreError:
    return UnreadableStoreError(f"this server cannot read {store}: {why.removeprefix(f'{store}: ')}")


def _is_lacking(folder: DagFolder[StorePath], session: SessionDep) -> bool:
    """Tell whether the store must be elsewhere: there is no folder, and runs have made policies."""
    there = not isinstance(folder.root, Path) or folder.root.is_dir()
    return not there and has_made_a_policy(folder.dag_id, session)


OpenedDep = Annotated[Opened, Depends(opened)]
CurrentDep = Annotated[Current, Depends(current)]
