"""The error artifacts that earlier runs of a pool left, to take part where a model is not trained anew."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from elpa_core.artifacts import ErrorArtifact
from elpa_core.errors import ArtifactError, ConfigError, Problem
from elpa_core.files import write_atomic
from elpa_core.json_input import parse_object, read_file

STATUS_NAME = "status.json"


@dataclass(frozen=True)
class EarlierArtifact:
    """An error artifact of an earlier run.

    Parameters
    ----------
    artifact : ErrorArtifact
        What its training task handed on.
    as_of : str
        The moment up to which its training used data, ISO 8601.
    run_id : str
        The run that trained the model.
    """

    artifact: ErrorArtifact
    as_of: str
    run_id: str

    @property
    def moment(self) -> dt.datetime:
        """The moment up to which its training used data."""
        return dt.datetime.fromisoformat(self.as_of)


def earlier_artifacts(run_dir: Path, model: str, group: str) -> Iterator[EarlierArtifact]:
    """Yield the artifacts of one model that lie in the folders of other runs of its pool, in no order.

    Parameters
    ----------
    run_dir : Path
        The folder of the run that looks for them; those of the other runs lie beside it.
    model, group : str
        The model.
    """
    for folder in run_dir.parent.iterdir():
        path = folder / "models" / model / STATUS_NAME
        if folder == run_dir or folder.name.startswith(".") or not path.exists():
            continue
        try:
            status = parse_object(read_file(path), str(path))
        except ConfigError:
            continue  # being removed, or left torn by a full disk: no artifact to take
        if status.get("status") == "ok" and status.get("group") == group and status.get("as_of"):
            artifact = ErrorArtifact.from_json(status["artifact"])
            if Path(artifact.path).is_file():
                yield EarlierArtifact(artifact, status["as_of"], status["run_id"])


def artifacts_as_of(run_dir: Path, model: str, group: str, moment: dt.datetime) -> list[EarlierArtifact]:
    """Return the artifacts that were trained as of exactly ``moment``, the last to finish first."""
    found = [one for one in earlier_artifacts(run_dir, model, group) if one.moment == moment]
    return sorted(found, key=lambda one: one.artifact.finished_at, reverse=True)


def newest_artifacts(run_dir: Path, model: str, group: str, until: dt.datetime) -> list[EarlierArtifact]:
    """Return the artifacts that used no data after ``until``, that of the latest data first."""
    found = [one for one in earlier_artifacts(run_dir, model, group) if one.moment <= until]
    return sorted(found, key=lambda one: (one.moment, one.artifact.finished_at), reverse=True)


def carry(earlier: EarlierArtifact, model_dir: Path) -> ErrorArtifact:
    """Copy an earlier artifact into a run's own folder, so that the run stays whole without the other.

    Raises
    ------
    ArtifactError
        If it is no longer there, or no longer what it was: its run is being removed or done again.
    """
    path = Path(earlier.artifact.path)
    expected = f"the error artifact of run {earlier.run_id}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(Problem(str(path), "", f"no such file ({error.strerror})", expected)) from error
    if hashlib.sha256(data).hexdigest() != earlier.artifact.sha256:
        raise ArtifactError(Problem(str(path), "", "another content than its run recorded", expected))
    target = model_dir / "carried_errors.csv"
    write_atomic(target, data)
    return replace(earlier.artifact, path=str(target))
