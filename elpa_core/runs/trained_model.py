"""The files of a trained model: where they are now, and checked copies of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import StorePath, objects
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
    the training left them.

    Raises
    ------
    ArtifactError
        If a file is gone, or no longer what the training left; if two have the same name.
    OSError
        If a file cannot be read or written.
    """
    _require_own_names(files)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".elpa-") as temporary:
        copies = []
        for number, one in enumerate(files):
            target = folder / one.name
            if not is_still(one.file, target):
                copy = Path(temporary, str(number))
                _copy(one, copy)
                copies.append((copy, target))
        for copy, target in copies:
            target.parent.mkdir(parents=True, exist_ok=True)
            copy.replace(target)
    return [folder / one.name for one in files]


def _require_own_names(files: Sequence[PlacedFile]) -> None:
    places: dict[PurePosixPath, StorePath] = {}
    for one in files:
        if places.setdefault(one.name, one.place) != one.place:
            found = f"another file of the same model that is named {one.name}, too: {places[one.name]}"
            raise ArtifactError(Problem(str(one.place), "", found, "one file of each name"))


def is_still(file: TrainedFile, path: Path) -> bool:
    """Tell whether a local file is what a training left."""
    if not path.is_file() or (file.bytes is not None and path.stat().st_size != file.bytes):
        return False
    return file.sha256 is not None and TrainedFile.of(path).sha256 == file.sha256


def _copy(one: PlacedFile, copy: Path) -> None:
    expected = "the file that the training left"
    if one.file.sha256 is not None:
        expected += f", of {one.file.bytes} bytes with SHA-256 {one.file.sha256}"
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
