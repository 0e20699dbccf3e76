"""Look at the runs of a store as folders on this machine, wherever the store is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import ObjectPath, StorePath, objects
from elpa_core.files.os_errors import as_input_error
from elpa_core.runs.folder import RunFolder, is_in_models, is_record
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.layout import DagFolder


class LocalView:
    """A Dag's part of a store in a local folder.

    Parameters
    ----------
    folder : DagFolder
        The folder. Of a store on object storage it is a copy of what runs tell of themselves, with the times
        at which that was written; what their commands left is not in it.
    runs : path or None
        The folders of the runs on object storage; None for a local store.
    """

    def __init__(self, folder: DagFolder[Path], runs: ObjectPath | None = None) -> None:
        self.folder = folder
        self._runs = runs
        self._versions: dict[Path, str] = {}

    def update(self) -> None:
        """Let the copy be what is there now."""
        if self._runs is None:
            return
        with as_input_error(self._runs, READABLE_STORE):
            self._copy(self._runs, self.folder.runs)

    def _copy(self, source: ObjectPath, target: Path) -> None:
        times: dict[Path, float] = {}
        versions: dict[Path, str] = {}
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
                copy = run.path.joinpath(*parts)
                times[copy], versions[copy] = modified, found.version
                if not found.version or self._versions.get(copy) != found.version:
                    place = source / name
                    for part in parts:
                        place = place / part
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    wanted[place] = copy
        for gone in self._versions.keys() - versions.keys():
            gone.unlink(missing_ok=True)
        for run_dir in target.iterdir():
            if run_dir not in times:
                files.remove_tree(run_dir)
        for copy in wanted.values():
            copy.unlink(missing_ok=True)  # an object may be gone before it is read
        for place, content in objects.read_all(list(wanted)):
            wanted[place].write_bytes(content)
        for path, modified in times.items():
            if path.exists():
                os.utime(path, (modified, modified))
        self._versions = versions


@contextmanager
def local_view(folder: DagFolder[StorePath]) -> Iterator[LocalView]:
    """Yield a view of a Dag's part of a store; errors name what is in the store, not the copy."""
    if isinstance(folder.root, Path):
        yield LocalView(DagFolder(folder.root, folder.dag_id))
        return
    runs = DagFolder(folder.root, folder.dag_id).runs
    with tempfile.TemporaryDirectory(prefix="elpa-runs-") as temporary:
        local = DagFolder(Path(temporary), folder.dag_id)
        local.runs.mkdir(parents=True)
        try:
            yield LocalView(local, runs)
        except InputError as error:
            there = [
                replace(one, source=one.source.replace(str(local.runs), str(runs))) for one in error.problems
            ]
            raise InputError(there) from error
