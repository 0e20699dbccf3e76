"""Pruning beside runs that need what another run trained: of the two, at least one sees the other.

In a local store nobody prunes while somebody writes down what a run needs. Object storage has no lock. There,
whoever prunes announces which runs go, and then looks who needs them. Whoever needs one writes that down, and
then looks whether it is announced.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from elpa_core import files
from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import ObjectPath, StorePath, objects
from elpa_core.files.atomic import json_bytes
from elpa_core.files.strict_json import parse_object
from elpa_core.store.layout import DagFolder
from elpa_core.store.local import LocalDagFolder, locked
from elpa_core.times import now

_NOTICES = "pruning"
_LONGEST = dt.timedelta(days=1)


def hold(folder: DagFolder[StorePath], run_id: str, write: Callable[[], object]) -> None:
    """Write down that a run needs what another run trained, so that pruning leaves that one.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    run_id : str
        The other run.
    write : callable
        Writes the status of a model's task that names the other run.

    Raises
    ------
    ArtifactError
        If the other run was removed or is being removed. In a local store nothing is written then.
    OSError
        If the store cannot be read or written.
    """
    place = folder.run(run_id)
    root = folder.root
    if isinstance(root, Path):
        with locked(LocalDagFolder(root, folder.dag_id).lock):
            _require(place)
            write()
        return
    _require(place)
    write()
    # In this order: who removed the run and took the notice back is seen by what is gone.
    require_not_announced(DagFolder(root, folder.dag_id), place.name)
    _require(place)


@contextmanager
def announcing(folder: DagFolder[ObjectPath], names: Collection[str]) -> Iterator[None]:
    """Announce on object storage which runs go, until they are gone; who dies leaves the notice to the next.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    names : collection of str
        The names of the folders.
    """
    notice = folder.path / _NOTICES / f"{secrets.token_hex(8)}.json"
    if names:
        objects.write(notice, json_bytes({"runs": sorted(names)}))
    yield
    if notices := _notices(folder):
        there = set(folder.run_folders())
        for place, modified, others in notices:
            if place.name == notice.name or not others & there or now() - modified > _LONGEST:
                files.remove(place)


def require_not_announced(folder: DagFolder[ObjectPath], name: str) -> None:
    """Refuse a run on object storage that somebody has announced to remove.

    Raises
    ------
    ArtifactError
        With the notice.
    """
    for place, _, names in _notices(folder):
        if name in names:
            expected = "one that stays"
            hint = f"who removes it says so in {place}; if nobody does, remove that"
            raise ArtifactError(
                Problem(str(folder.runs / name), "", "a run that is being removed", expected, hint)
            )


def _notices(folder: DagFolder[ObjectPath]) -> list[tuple[ObjectPath, dt.datetime, set[str]]]:
    there = folder.path / _NOTICES
    found = {one.parts[-1]: one.modified for one in objects.listing(there)}
    contents = objects.read_all([there / name for name in found])
    return [
        (place, found[place.name], set(parse_object(data, str(place))["runs"])) for place, data in contents
    ]


def _require(place: StorePath) -> None:
    if not files.is_folder(place):
        expected = "the run whose training this one takes"
        raise ArtifactError(Problem(str(place), "", "no such folder", expected, "it was pruned meanwhile"))
