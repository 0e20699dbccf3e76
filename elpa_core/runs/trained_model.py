"""The files of a trained model: where they are now, and checked copies of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import ObjectPath, StorePath, objects
from elpa_core.runs.folder import below_attempt, lies_in_model, path_below_model
from elpa_core.schema.trained_file import TrainedFile


@dataclass(frozen=True)
class PlacedFile:
    """A file of a trained model where it is now.

    Parameters
    ----------
    name : PurePosixPath
        Its path below the folder in which its command worked.
    place : path
        Where it is.
    file : TrainedFile
        What the training recorded, with the place as path.
    """

    name: PurePosixPath
    place: StorePath
    file: TrainedFile

    @classmethod
    def of(cls, file: TrainedFile, model_dir: StorePath) -> PlacedFile:
        """Return a file that a training recorded, in the model's folder of its run; see `place_in_model`."""
        place = place_in_model(file.path, model_dir)
        parts = path_below_model(file.path, model_dir.parent.parent.name, model_dir.name)
        return cls(PurePosixPath(*below_attempt(parts)), place, file.at(place))


def place_in_model(path: str, model_dir: StorePath) -> StorePath:
    """Return where a file that a training recorded is now: its store may have moved.

    Parameters
    ----------
    path : str
        The path or URI that the training recorded.
    model_dir : path
        The model's folder of the run that trained it.

    Raises
    ------
    ArtifactError
        If that is outside the folder.
    """
    place = named_in_model(path, model_dir)
    if isinstance(place, Path) and not _lies_below(place, Path(str(model_dir.parent.parent.parent))):
        found = "a link to a file outside the policy store"
        raise ArtifactError(Problem(str(place), "", found, f"a file below {model_dir}"))
    return place


def named_in_model(path: str, model_dir: StorePath) -> StorePath:
    """Return what `place_in_model` returns, also of a link that leads elsewhere; nobody may read that."""
    place, run = model_dir, model_dir.parent.parent.name
    if not lies_in_model(path, run, model_dir.name):
        expected = f"a file below {model_dir}"
        raise ArtifactError(Problem(path, "", "an artifact outside the policy store", expected))
    for part in path_below_model(path, run, model_dir.name):
        place = place / part
    return place


def _lies_below(place: Path, folder: Path) -> bool:
    try:
        return place.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself leads nowhere else
        return True


def fetch(files: Sequence[PlacedFile], folder: Path) -> list[Path]:
    """Copy the files of a trained model into a folder; return the copies.

    A file that is there already with the right content stays. Nothing is changed unless all files are as
    the training left them, and no other one is in the place of a copy.

    Raises
    ------
    ArtifactError
        If a file is gone, or no longer what the training left; if two have the same name; if something else
        is in the place of a copy.
    OSError
        If a file cannot be read or written.
    """
    _require_own_names(files)
    missing = [one for one in files if not is_still(one.file, folder / one.name)]
    _require_room(missing, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".elpa-") as temporary:
        copies = []
        for number, one in enumerate(missing):
            copy = Path(temporary, str(number))
            _copy(one, copy)
            copies.append((copy, folder / one.name))
        for copy, target in copies:
            target.parent.mkdir(parents=True, exist_ok=True)
            copy.replace(target)
    return [folder / one.name for one in files]


def upload(file: Path, place: ObjectPath, sha256: str | None) -> bool:
    """Upload a file; tell whether it still is what its SHA-256 says.

    If not, somebody writes it, nobody knows which bytes are there, and the object is removed. Without a
    SHA-256 any content is taken.

    Raises
    ------
    OSError
        If the file cannot be read, or the service cannot be reached or refuses.
    """
    objects.upload(file, place)
    if sha256 is None or TrainedFile.of(file).sha256 == sha256:
        return True
    objects.remove(place)
    return False


def _require_own_names(files: Sequence[PlacedFile]) -> None:
    places: dict[PurePosixPath, StorePath] = {}
    for one in files:
        if places.setdefault(one.name, one.place) != one.place:
            found = f"another file of the same model that is named {one.name}, too: {places[one.name]}"
            raise ArtifactError(Problem(str(one.place), "", found, "one file of each name"))


def _require_room(files: Sequence[PlacedFile], folder: Path) -> None:
    """Refuse to write over what somebody else has left in the place of a copy or of a folder above it."""
    problems = []
    for one in files:
        *above, target = (folder.joinpath(*one.name.parts[: end + 1]) for end in range(len(one.name.parts)))
        taken = next((path for path in above if os.path.lexists(path) and not path.is_dir()), None)
        if taken is None and os.path.lexists(target):
            taken = target
        if taken is not None:
            expected = f"a free place for a copy of {one.place}"
            hint = "remove it, or copy into another folder"
            problems.append(Problem(str(taken), "", "something else", expected, hint))
    if problems:
        raise ArtifactError(dict.fromkeys(problems))


def is_still(file: TrainedFile, path: Path) -> bool:
    """Tell whether a local file is what a training left."""
    if not path.is_file() or (file.bytes is not None and path.stat().st_size != file.bytes):
        return False
    return file.sha256 is not None and TrainedFile.of(path).sha256 == file.sha256


def _copy(one: PlacedFile, copy: Path) -> None:
    expected = "the file that the training left"
    if one.file.sha256 is not None:
        size = "" if one.file.bytes is None else f", of {one.file.bytes} bytes"
        expected += f"{size} with SHA-256 {one.file.sha256}"
    hint = "the folder of its run was removed, or the model was trained again there"
    try:
        if not isinstance(one.place, Path):
            objects.download(one.place, copy)
        elif one.place.is_file() or not one.place.exists():  # from anything else reading may never end
            shutil.copyfile(one.place, copy)
        else:
            raise ArtifactError(Problem(str(one.place), "", "no regular file", expected))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(Problem(str(one.place), "", "no such file", expected, hint)) from error
    if one.file.sha256 is not None and not is_still(one.file, copy):
        there = TrainedFile.of(copy)
        found = f"{there.bytes} bytes with SHA-256 {there.sha256}"
        raise ArtifactError(Problem(str(one.place), "", found, expected, hint))
