"""Look at the runs of a store as folders on this machine, wherever the store is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elpa_core.earlier_artifacts import STATUS_NAME
from elpa_core.manifest import CONFIG_NAME, MANIFEST_NAME
from elpa_core.storage import ObjectPath, objects
from elpa_core.store.paths import DagFolder

_AT_TOP = {CONFIG_NAME, MANIFEST_NAME}


@contextmanager
def local_view(folder: DagFolder) -> Iterator[tuple[DagFolder, Path]]:
    """Yield a Dag's part of a store in a local folder, and where its runs lie there.

    Of a store on object storage it is a copy of what runs tell of themselves, with the times at
    which that was written; what their commands left is not in it.
    """
    if isinstance(folder.runs, Path):
        yield folder, folder.runs
        return
    with tempfile.TemporaryDirectory(prefix="elpa-runs-") as temporary:
        local = DagFolder(Path(temporary), folder.dag_id)
        runs = Path(temporary) / folder.dag_id / folder.runs.name
        runs.mkdir(parents=True)
        _copy(folder.runs, runs)
        yield local, runs


def _copy(source: ObjectPath, target: Path) -> None:
    times: dict[Path, float] = {}
    wanted: dict[ObjectPath, Path] = {}
    for found in objects.listing(source):
        copy, modified = target.joinpath(*found.parts), found.modified.timestamp()
        for folder in (target / found.parts[0], copy.parent):
            folder.mkdir(parents=True, exist_ok=True)
            times[folder] = max(times.get(folder, 0.0), modified)
        if _tells(found.parts[1:]):
            place = source
            for part in found.parts:
                place = place / part
            wanted[place] = copy
            times[copy] = modified
    for place, content in objects.read_all(list(wanted)):
        wanted[place].write_bytes(content)
    for path, modified in times.items():
        if path.exists():
            os.utime(path, (modified, modified))


def _tells(parts: tuple[str, ...]) -> bool:
    """Tell whether an object of a run says something about the run."""
    match parts:
        case (name,):
            return name in _AT_TOP
        case ("models", _, name):
            return name == STATUS_NAME
        case (folder, _):
            return folder in {"policies", "generations"}
    return False
