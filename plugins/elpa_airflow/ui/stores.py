"""Read the store of a Dag in the API server's process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import Depends, HTTPException

from elpa_airflow.run.store_location import open_store
from elpa_airflow.ui.dags import ElpaDag, elpa_dags, has_made_a_policy
from elpa_core.errors import ElpaError, InputError
from elpa_core.store import DagFolder
from elpa_core.views import Book, Books

_BOOKS = Books()


class UnreadableStoreError(ElpaError):
    """The API server cannot read a store."""


@dataclass(frozen=True)
class Opened:
    """A Dag with what its store says."""

    dag: ElpaDag
    book: Book


def read_book(dag: ElpaDag) -> Book:
    """Return what the store of a Dag says.

    Raises
    ------
    UnreadableStoreError
        If this server cannot read it.
    """
    try:
        return _BOOKS.read(DagFolder(open_store(dag.store), dag.dag_id))
    except InputError as error:
        raise UnreadableStoreError(f"this server cannot read {dag.store}: {error}") from error


def opened(dag_id: str, session: SessionDep) -> Opened:
    """Return the Dag of a route with its book; 404 if it is none of ELPA's."""
    found = elpa_dags([dag_id], session)
    if not found:
        raise HTTPException(404, "ELPA has not made this Dag, so it has no policies.")
    (dag,) = found
    book = read_book(dag)
    root = book.folder.root
    if isinstance(root, Path) and not root.is_dir() and has_made_a_policy(dag_id, session):
        raise UnreadableStoreError(
            f"this server cannot read {dag.store}: no such folder here, and runs have made policies; mount it"
            " on the API server as on the workers"
        )
    return Opened(dag, book)


OpenedDep = Annotated[Opened, Depends(opened)]
