"""The error artifacts that earlier runs of a pool left, to take part where a model is not trained anew."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from elpa_core import files
from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.config.training import RunFields
from elpa_core.errors import ArtifactError, InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.reading import UnsuitableFileError
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.folder import ModelFolder, RunFolder, is_attempt, path_below_model
from elpa_core.runs.trained_model import PlacedFile, named_in_model, place_in_model
from elpa_core.runs.trained_on import misfit, recorded_by_0_1_0
from elpa_core.runs.trials import is_trial
from elpa_core.schema.trained_file import TrainedFile, trained_files
from elpa_core.times import parse_moment

_MOST_AT_ONCE = 500


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
    model_dir : path
        The model's folder of that run.
    status : mapping
        What the model's task wrote there.
    """

    artifact: ErrorArtifact
    as_of: str
    run_id: str
    model_dir: StorePath
    status: Mapping[str, Any]

    @property
    def moment(self) -> dt.datetime:
        """The moment up to which its training used data."""
        return dt.datetime.fromisoformat(self.as_of)

    @property
    def run_dir(self) -> StorePath:
        """The folder of the run that trained the model."""
        return self.model_dir.parent.parent

    @property
    def place(self) -> StorePath:
        """Where the artifact is now; see `place_in_model`."""
        return place_in_model(self.artifact.path, self.model_dir)

    @property
    def folder(self) -> StorePath:
        """The folder in which its command worked; on object storage where what it left is kept."""
        first = path_below_model(self.artifact.path, self.run_dir.name, self.model_dir.name)[0]
        return self.model_dir / first if is_attempt(first) else self.model_dir

    @property
    def files(self) -> list[PlacedFile]:
        """The files of the trained model, where they are now; see `PlacedFile.of`."""
        return [PlacedFile.of(file, self.model_dir) for file in self._recorded_files]

    @property
    def named_files(self) -> tuple[TrainedFile, ...]:
        """The same, also those that nobody may read since they are links that lead elsewhere."""
        return tuple(file.at(named_in_model(file.path, self.model_dir)) for file in self._recorded_files)

    @property
    def _recorded_files(self) -> tuple[TrainedFile, ...]:
        try:
            return trained_files(self.status.get("artifacts"))
        except (ValueError, TypeError) as error:
            found, expected = "artifacts that are no list of files", "path, bytes and sha256 of each"
            raise ArtifactError(Problem(str(self.model_dir), "$.artifacts", found, expected)) from error

    @property
    def warm_started_from(self) -> str | None:
        """The run whose trained model its training started from."""
        run_id = self.status.get("warm_started_from")
        return run_id if isinstance(run_id, str) else None

    def misfit(self, config: RunFields, secrets: Collection[str] = ()) -> str | None:
        """Tell why the artifact cannot take part in a run of ``config``, or return None if it can.

        Parameters
        ----------
        config : RunFields
            The config of the run, with the values in it that were chosen for the run.
        secrets : collection of str
            Texts that are never to be shown.
        """
        record = self.status.get("trained_on")
        try:
            known = record if isinstance(record, dict) else recorded_by_0_1_0(self.run_dir, self.status)
        except InputError as error:
            return f"what it was trained on is not known: {error}"
        return misfit(known, config, secrets)

    def is_in_manifest(self) -> bool:
        """Tell whether the manifest of the run that trained the model has the same file, hash and path."""
        path = RunFolder(self.run_dir).manifest
        try:
            entries = parse_object(files.read(path), str(path)).get("models")
        except (FileNotFoundError, NotADirectoryError, UnsuitableFileError, InputError):
            return False
        same = [
            entry
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
            and (entry.get("name"), entry.get("group")) == (self.artifact.model, self.artifact.group)
            and entry.get("status") == "ok"
        ]
        recorded = [(entry.get("artifact"), entry.get("artifacts")) for entry in same]
        return recorded == [(self.artifact.to_json(), self.status.get("artifacts"))]


def newest_artifacts(
    run_dir: StorePath, model: str, group: str, until: dt.datetime, since: dt.datetime | None = None
) -> Iterator[EarlierArtifact]:
    """Yield the artifacts of other runs that used no data after ``until``, that of the latest data first.

    However many runs there are, only those are looked at that are asked for, once the index of the model is
    complete. Runs that Airflow made for a try leave none.

    Parameters
    ----------
    run_dir : path
        The folder of the run that looks for them. The folders of the other runs lie beside it.
    model, group : str
        The model.
    until : datetime
        The latest moment as of which they may have been trained.
    since : datetime, optional
        The earliest one.
    """
    runs = run_dir.parent
    index = ArtifactIndex.of(runs, model)
    if not index.is_complete:
        trained = list(_trained_by(runs, model, _all_runs(runs)))
        index.complete(Entry(one.moment, one.run_dir.name) for one in trained)
    entries = (one for one in index.newest_first(until, since) if one.run != run_dir.name)
    for some in _batches(entries):
        found = _trained_by(runs, model, {one.run for one in some})
        # A run that has trained the model again as of another moment has another entry for that.
        of_group = (one for one in found if one.artifact.group == group)
        asked_for = [one for one in of_group if Entry(one.moment, one.run_dir.name) in some]
        yield from sorted(asked_for, key=lambda one: (one.moment, one.artifact.finished_at), reverse=True)


def _batches(entries: Iterable[Entry]) -> Iterator[set[Entry]]:
    """Yield entries in batches that grow, those of one moment in one batch."""
    size = 1
    batch: list[Entry] = []
    for entry in entries:
        if len(batch) >= size and entry.moment != batch[-1].moment:
            yield set(batch)
            size, batch = min(2 * size, _MOST_AT_ONCE), []
        batch.append(entry)
    if batch:
        yield set(batch)


def _all_runs(runs: StorePath) -> list[str]:
    names = [child.name for child in files.children(runs)]
    return [name for name in names if not (name.startswith(".") or is_trial(name))]


def _trained_by(runs: StorePath, model: str, names: Iterable[str]) -> Iterator[EarlierArtifact]:
    """Yield the artifacts that some runs left of one model, in no order."""
    for path, data in files.read_all(RunFolder(runs / name).model(model).status for name in names):
        try:
            status = parse_object(data, str(path))
            if status.get("status") == "ok" and status.get("as_of"):
                artifact = ErrorArtifact.from_json(status["artifact"])
                parse_moment(status["as_of"])
                if (artifact.model, artifact.group) == (model, status.get("group")):
                    yield EarlierArtifact(artifact, status["as_of"], status["run_id"], path.parent, status)
        except (InputError, KeyError, TypeError, ValueError):
            continue  # a full disk left half a file, or another version wrote it: no artifact to take


def carry(earlier: EarlierArtifact, model_dir: StorePath) -> ErrorArtifact:
    """Copy an earlier artifact into a run's own folder, so that the run stays whole without the other.

    Raises
    ------
    ArtifactError
        If it is no longer there, or no longer what it was: its run is being removed or done again. If it
        lies outside the policy store.
    OSError
        If it cannot be read, though it may be there.
    """
    expected = f"the error artifact of run {earlier.run_id}"
    place = earlier.place
    try:
        data = files.read_text_lines(place)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(Problem(str(place), "", "no such file", expected)) from error
    except UnsuitableFileError as error:
        raise ArtifactError(Problem(str(place), "", str(error.strerror), expected)) from error
    if hashlib.sha256(data).hexdigest() != earlier.artifact.sha256:
        raise ArtifactError(Problem(str(place), "", "another content than its run recorded", expected))
    target = ModelFolder(model_dir).carried_errors
    files.write(target, data)
    return replace(earlier.artifact, path=str(target))
