"""The error artifacts that earlier runs of a pool left, to take part where a model is not trained anew."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from elpa_core import files
from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.errors import ArtifactError, InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import ModelFolder, RunFolder, path_below_model


@dataclass(frozen=True)
class EarlierArtifact:
    """An error artifact of an earlier run.

    Parameters
    ----------
    artifact : ErrorArtifact
        The result of its training.
    as_of : str
        The moment up to which its training used data, ISO 8601.
    run_id : str
        The run that trained the model.
    place : path
        Where the artifact is.
    """

    artifact: ErrorArtifact
    as_of: str
    run_id: str
    place: StorePath

    @property
    def moment(self) -> dt.datetime:
        """The moment up to which its training used data."""
        return dt.datetime.fromisoformat(self.as_of)


def earlier_artifacts(run_dir: StorePath, model: str, group: str) -> Iterator[EarlierArtifact]:
    """Yield the artifacts that other runs of a pool left of one model, in no order.

    Parameters
    ----------
    run_dir : path
        The folder of the run that looks for them. The folders of the other runs lie beside it.
    model, group : str
        The model.
    """
    runs = run_dir.parent
    names = [child.name for child in files.children(runs) if not child.name.startswith(".")]
    statuses = [RunFolder(runs / name).model(model).status for name in names if name != run_dir.name]
    for path, data in files.read_all(statuses):
        try:
            status = parse_object(data, str(path))
            if status.get("status") == "ok" and status.get("group") == group and status.get("as_of"):
                artifact = ErrorArtifact.from_json(status["artifact"])
                place = _place_now(path.parent, artifact.path)
                yield EarlierArtifact(artifact, status["as_of"], status["run_id"], place)
        except (InputError, KeyError, TypeError):
            continue  # a full disk left half a file, or another version wrote it: no artifact to take


def _place_now(model_dir: StorePath, path: str) -> StorePath:
    """Return where an artifact of a model's folder is now: its store may have moved."""
    place = model_dir
    for part in path_below_model(path, model_dir.parent.parent.name, model_dir.name):
        place = place / part
    return place


def artifacts_as_of(run_dir: StorePath, model: str, group: str, moment: dt.datetime) -> list[EarlierArtifact]:
    """Return the artifacts that were trained as of exactly ``moment``, the last to finish first."""
    found = [one for one in earlier_artifacts(run_dir, model, group) if one.moment == moment]
    return sorted(found, key=lambda one: one.artifact.finished_at, reverse=True)


def newest_artifacts(run_dir: StorePath, model: str, group: str, until: dt.datetime) -> list[EarlierArtifact]:
    """Return the artifacts that used no data after ``until``, that of the latest data first."""
    found = [one for one in earlier_artifacts(run_dir, model, group) if one.moment <= until]
    return sorted(found, key=lambda one: (one.moment, one.artifact.finished_at), reverse=True)


def carry(earlier: EarlierArtifact, model_dir: StorePath) -> ErrorArtifact:
    """Copy an earlier artifact into a run's own folder, so that the run stays whole without the other.

    Raises
    ------
    ArtifactError
        If it is no longer there, or no longer what it was: its run is being removed or done again.
    OSError
        If it cannot be read, though it may be there.
    """
    expected = f"the error artifact of run {earlier.run_id}"
    try:
        data = files.read(earlier.place)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(Problem(str(earlier.place), "", "no such file", expected)) from error
    if hashlib.sha256(data).hexdigest() != earlier.artifact.sha256:
        raise ArtifactError(
            Problem(str(earlier.place), "", "another content than its run recorded", expected)
        )
    target = ModelFolder(model_dir).carried_errors
    files.write(target, data)
    return replace(earlier.artifact, path=str(target))
