"""What an attempt leaves to the next one: the files that ``resume_from`` names, such as checkpoints."""

from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from types import TracebackType
from typing import Any, NamedTuple

from elpa_core import files
from elpa_core.artifacts.error_artifact import FileState
from elpa_core.artifacts.kept_files import KeptFiles, kept_files
from elpa_core.errors import ArtifactError, InputError, Problem, quoted
from elpa_core.files import ObjectPath, objects
from elpa_core.files.atomic import json_bytes
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import ModelFolder, is_of_elpa
from elpa_core.runs.trained_model import PlacedFile, fetch, upload
from elpa_core.schema.trained_file import TrainedFile, trained_files

_TRIES = 3
_INDEX = "index.json"


def files_to_resume(folder: Path, patterns: Iterable[str], secrets: Collection[str] = ()) -> KeptFiles:
    """Return the files of a command's folder from which a further attempt can go on."""
    return kept_files(
        folder, patterns, secrets, field="resume_from", required=False, most=None, left_out=is_of_elpa
    )


def keep_only(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Empty a command's folder but for the files to resume from; ELPA's status stays, too.

    Returns
    -------
    list of str
        What does not stay although it is named, and why.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    found = files_to_resume(folder, patterns)
    kept = {ModelFolder(folder).status}
    for path in found.paths:
        kept.update(_way_to(path.relative_to(folder), folder))
    _keep_only(folder, kept, {parent for path in kept for parent in path.parents})
    return list(found.warnings)


def _way_to(name: PurePath, folder: Path) -> Iterator[Path]:
    """Yield the links below a folder that lead to a file, one after another, and the file itself."""
    here, left = folder.resolve(), list(reversed(name.parts))
    reached = here
    while left:
        reached = reached / left.pop()
        if not reached.is_symlink():
            continue
        yield folder / reached.relative_to(here)
        reached = Path(os.path.normpath(reached.parent / reached.readlink()))
        if not reached.is_relative_to(here):
            reached = reached.resolve()
        if not reached.is_relative_to(here):
            return
        left.extend(reversed(reached.relative_to(here).parts))
        reached = here
    yield folder / reached.relative_to(here)


def _keep_only(folder: Path, kept: Collection[Path], parents: Collection[Path]) -> None:
    for child in folder.iterdir():
        if child in kept:
            continue
        if child.is_symlink() or not child.is_dir():
            child.unlink()
        elif child in parents:
            _keep_only(child, kept, parents)
        else:
            files.remove_tree(child)


def copy_to_resume(source: Path, target: Path, patterns: Iterable[str]) -> list[str]:
    """Copy the files to resume from out of a folder in which a command may still write.

    Returns
    -------
    list of str
        What was not copied, and why.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    """
    found = files_to_resume(source, patterns)
    warnings = list(found.warnings)
    for path in found.paths:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not any(_copied_whole(path, copy) for _ in range(_TRIES)):
            copy.unlink(missing_ok=True)
            expected = "one that nobody writes at the moment; it is not taken"
            warnings.append(str(Problem(str(path), "", "a file that changes", expected)))
    return warnings


def _copied_whole(path: Path, copy: Path) -> bool:
    before = FileState.of(path)
    if before is None:
        return False
    try:
        shutil.copy2(path, copy)  # a command may take the newest checkpoint by its time
    except FileNotFoundError:
        return False
    return FileState.of(path) == before


class _Saved(NamedTuple):
    """A file on object storage, when it was written, and its state when it was uploaded."""

    file: TrainedFile
    modified_ns: int
    state: FileState | None

    def to_json(self) -> dict[str, Any]:
        return {**self.file.to_json(), "mtime_ns": self.modified_ns}


class SavedFiles:
    """Copies of the files to resume from on object storage.

    Each is an object named after its SHA-256. The index names those that belong together, so that who fetches
    gets the files of one moment.

    Parameters
    ----------
    place : path
        The folder of the copies.
    """

    def __init__(self, place: ObjectPath) -> None:
        self.place = place
        self._listed: dict[str, _Saved] = {}

    @property
    def _index(self) -> ObjectPath:
        return self.place / _INDEX

    def save(self, folder: Path, patterns: Iterable[str], secrets: Collection[str] = ()) -> tuple[str, ...]:
        """Upload the files of a command's folder that have changed; the command may be running.

        Returns
        -------
        tuple of str
            What is not saved, and why.

        Raises
        ------
        OSError
            If the service cannot be reached or refuses; what was saved before stays.
        """
        found = files_to_resume(folder, patterns, secrets)
        now = {str(path.relative_to(folder)): path for path in found.paths}
        uploaded = {name: self._uploaded(path, name) for name, path in now.items()}
        listed = {name: saved for name, saved in uploaded.items() if saved is not None}
        had, have = ([saved.to_json() for saved in now.values()] for now in (self._listed, listed))
        if have != had:
            objects.write(self._index, json_bytes({"files": have}))
            for sha256 in sorted({file["sha256"] for file in had} - {file["sha256"] for file in have}):
                files.remove(self.place / sha256)
        self._listed = listed
        return found.warnings

    def _uploaded(self, path: Path, name: str) -> _Saved | None:
        """Return a file that is on object storage now; one that changes meanwhile as it was saved before."""
        before, saved = FileState.of(path), self._listed.get(name)
        if before is None or (saved is not None and saved.state == before):
            return saved
        try:
            file = TrainedFile.of(path, name)
            there = {one.file.sha256 for one in self._listed.values()}
            if file.sha256 not in there and not upload(path, self.place / str(file.sha256), file.sha256):
                return saved
        except FileNotFoundError:
            if path.exists():  # then it is the bucket that does not exist
                raise
            return saved
        return _Saved(file, before.modified_ns, before) if FileState.of(path) == before else saved

    def fetch(self, folder: Path) -> list[str]:
        """Download what was saved last into a folder.

        Returns
        -------
        list of str
            Why nothing was fetched, if there is something that cannot be used.

        Raises
        ------
        OSError
            If the service cannot be reached or refuses.
        """
        problem: InputError | None = None
        for _ in range(_TRIES):  # somebody whom Airflow has given up may still save, and removes the old
            try:
                listed = self._read()
                copies = fetch([self._placed(saved.file) for saved in listed], folder)
            except InputError as error:
                problem = error
            else:
                for copy, saved in zip(copies, listed, strict=True):
                    os.utime(copy, ns=(saved.modified_ns, saved.modified_ns))
                self._listed = {saved.file.path: saved for saved in listed}
                return []
        return [f"{problem}; the command starts without files of an earlier attempt"]

    def remove_others(self) -> None:
        """Remove what else lies in the model's folder, apart from its status.

        Raises
        ------
        OSError
            If something cannot be removed.
        """
        folder = self.place.parent
        kept = {self.place.name, ModelFolder(folder).status.name}
        others = [found.key for found in objects.listing(folder) if found.parts[0] not in kept]
        objects.remove_all(folder, others)

    def _read(self) -> list[_Saved]:
        try:
            found: Any = parse_object(objects.read(self._index), str(self._index)).get("files")
        except FileNotFoundError:
            return []
        try:
            times = [int(one.pop("mtime_ns")) for one in found]
            return [_Saved(file, time, None) for file, time in zip(trained_files(found), times, strict=True)]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            expected = "a list of files with path, bytes, sha256 and mtime_ns"
            raise InputError(Problem(str(self._index), "$.files", "something else", expected)) from error

    def _placed(self, file: TrainedFile) -> PlacedFile:
        name = PurePosixPath(file.path)
        if file.sha256 is None or "/" in file.sha256 or name.is_absolute() or ".." in name.parts:
            found = f"the file {quoted(file.path)}"
            raise ArtifactError(Problem(str(self._index), "$.files", found, "a file below the folder"))
        return PlacedFile(name, self.place / file.sha256, file)


def forget_saved(model_dir: ObjectPath) -> None:
    """Remove what all attempts of a model's task have saved in a run.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    name = ModelFolder(model_dir).saved.name
    saved = [found for found in objects.listing(model_dir) if name in found.parts[:-1]]
    for of_index in (True, False):  # who dies here leaves no index of files that are gone
        objects.remove_all(
            model_dir, [found.key for found in saved if (found.parts[-1] == _INDEX) == of_index]
        )


class RegularCalls:
    """Call a function again and again in a thread, and at once when somebody asks for it.

    Parameters
    ----------
    call : callable
        The function.
    seconds : float
        The time between two calls.
    """

    def __init__(self, call: Callable[[], object], seconds: float) -> None:
        self._call, self._seconds = call, seconds
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def now(self) -> None:
        """Ask for a call; also in a signal handler."""
        self._orders.put(True)

    def _run(self) -> None:
        while True:
            try:
                goes_on = self._orders.get(timeout=self._seconds)
            except queue.Empty:
                goes_on = True
            if not goes_on:
                return
            self._call()

    def __enter__(self) -> RegularCalls:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._orders.put(False)
        self._thread.join()
