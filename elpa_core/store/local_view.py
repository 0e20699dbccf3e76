"""Look at the runs of a store as folders on this machine, wherever the store is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from elpa_core.errors import InputError
from elpa_core.files import ObjectPath, StorePath, objects
from elpa_core.files.os_errors import as_input_error
from elpa_core.runs.folder import RunFolder, is_in_models, is_record
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.layout import DagFolder


@contextmanager
def local_view(folder: DagFolder[StorePath]) -> Iterator[DagFolder[Path]]:
    """Yield a Dag's part of a store in a local folder.

    Of a store on object storage it is a copy of what runs tell of themselves, with the times at
    which that was written; what their commands left is not in it.
    """
    if isinstance(folder.root, Path):
        yield DagFolder(folder.root, folder.dag_id)
        return
    runs = DagFolder(folder.root, folder.dag_id).runs
    with tempfile.TemporaryDirectory(prefix="elpa-runs-") as temporary:
        local = DagFolder(Path(temporary), folder.dag_id)
        local.runs.mkdir(parents=True)
        with as_input_error(runs, READABLE_STORE):
            _copy(runs, local.runs)
        try:
            yield local
        except InputError as error:
            there = [
                replace(one, source=one.source.replace(str(local.runs), str(runs))) for one in error.problems
            ]
            raise InputError(there) from error


def _copy(source: ObjectPath, target: Path) -> None:
    times: dict[Path, float] = {}
    wanted: dict[ObjectPath, Path] = {}
    for found in objects.listing(source):
        name, *below = found.parts
        if not below:
            continue  # no folder of a run
        run, parts = RunFolder(target / name), tuple(below)
        modified = found.modified.timestamp()
        # Of a folder, the time at which something last came into it is as near as can be known.
        for folder in (run.path, run.models)[: 2 if is_in_models(parts) else 1]:
            folder.mkdir(exist_ok=True)
            times[folder] = max(times.get(folder, 0.0), modified)
        if is_record(parts):
            place = source / name
            for part in parts:
                place = place / part
            copy = run.path.joinpath(*parts)
            copy.parent.mkdir(parents=True, exist_ok=True)
            wanted[place], times[copy] = copy, modified
    for place, content in objects.read_all(list(wanted)):
        wanted[place].write_bytes(content)
    for path, modified in times.items():
        if path.exists():
            os.utime(path, (modified, modified))
