"""One attempt of a model's task: where its command works, what it keeps, who may record how it ended."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from elpa_airflow.run.frozen_config import begun_at
from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import status_in, write_status
from elpa_core import files
from elpa_core.artifacts.error_artifact import ErrorArtifact, artifact_of, require_regular
from elpa_core.artifacts.kept_files import copy_what_links_lead_to
from elpa_core.commands.masking import mask_text
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import StorePath
from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.folder import ModelFolder, RunFolder, is_attempt
from elpa_core.runs.output_log import DEFAULT_MAX_LINES, OutputLog
from elpa_core.runs.plan import PlannedModel
from elpa_core.runs.resume import SavedFiles, copy_to_resume, forget_saved, keep_only
from elpa_core.runs.trained_model import upload
from elpa_core.runs.trials import is_trial
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.times import parse_moment

log = logging.getLogger(__name__)

_BY_TIME = 7
"""The version of UUIDs that begin with when they were made."""


def is_retry(earlier: Mapping[str, Any], ti: Any, run: RunState) -> bool:
    """Tell whether Airflow tries a task again, and no person has cleared it.

    Parameters
    ----------
    earlier : mapping
        The status that the last attempt wrote.
    ti : TaskInstance
        Of the attempt that asks.
    run : RunState
        The run. Where nobody can tell, a person has cleared the task.
    """
    begun = earlier.get("try_number")
    if not isinstance(begun, int) or begun >= ti.try_number:
        return False  # a run that was deleted had this id before
    if earlier.get("generation") == run.generation:
        return True
    # A task was cleared. Of one that does not run Airflow then raises max_tries. One that runs has a new id
    # from that moment; one that is tried again from when it ended.
    if earlier.get("max_tries") != ti.max_tries or earlier.get("stopped") is True:
        return False
    cleared_before, made = begun_at(run.run_dir, run.generation), _moment_of(str(ti.id))
    return cleared_before is not None and made is not None and made > cleared_before


def _moment_of(key: str) -> dt.datetime | None:
    """Return when a task instance's id was made; Airflow has UUIDs of version 7."""
    try:
        number = uuid.UUID(key)
    except ValueError:
        return None
    return (
        dt.datetime.fromtimestamp((number.int >> 80) / 1000, dt.UTC) if number.version == _BY_TIME else None
    )


@dataclass(frozen=True)
class Retried:
    """The attempt that Airflow tries again: the folder in the store, and that in which its command worked."""

    kept_dir: StorePath
    work_dir: Path


@dataclass(frozen=True)
class Attempt:
    """One attempt of a model's task.

    Parameters
    ----------
    key : str
        The task instance's id: a new one for each attempt.
    status_dir : path
        The model's folder of the run in the store. It holds the model's status.
    kept_dir : path
        The folder in the store for what this attempt leaves.
    work_dir : Path
        The working folder of its command: ``kept_dir``, unless the store is on object storage.
    orphaned : bool
        Whether an earlier attempt was killed, so that its command may still run somewhere. Then this
        attempt and all later ones work in folders of their own, where that command does not write.
    previous_dir : Path
        Where an earlier training from which the command starts is fetched to.
    retried : Retried or None
        The attempt from whose files this one goes on.
    """

    key: str
    status_dir: StorePath
    kept_dir: StorePath
    work_dir: Path
    orphaned: bool
    previous_dir: Path
    retried: Retried | None = None

    @classmethod
    def of(cls, ti: Any, run: RunState, model: Model) -> Attempt:
        """Return the attempt of a task instance."""
        kept, work = RunFolder(run.run_dir).model(model.name), RunFolder(run.work_dir).model(model.name)
        earlier = status_in(kept.path) or {}
        began_only = earlier.get("started_at") is not None and earlier.get("finished_at") is None
        orphaned = bool(earlier.get("orphaned")) or began_only
        retried = None
        if model.resume_from and is_retry(earlier, ti, run):
            name = Path(str(earlier.get("model_dir"))).name
            own = is_attempt(name)
            retried = Retried(kept.path / name if own else kept.path, work.path / name if own else work.path)
        key, number, status_dir = str(ti.id), ti.try_number, kept.path
        previous = RunFolder(run.work_dir).previous(model.name)
        if orphaned:
            kept, work = kept.attempt(number, key), work.attempt(number, key)
            previous = previous.attempt(number, key)
        return cls(key, status_dir, kept.path, work.path, orphaned, previous.path, retried)

    @property
    def is_remote(self) -> bool:
        """Whether what is kept has to be copied into the store."""
        return not isinstance(self.kept_dir, Path)

    @cached_property
    def saved(self) -> SavedFiles | None:
        """On object storage: copies of the files from which a further attempt can go on."""
        return _saved_in(self.kept_dir)

    def empty(self, resume_from: Sequence[str] = ()) -> list[str]:
        """Empty this attempt's folders, but for what ``resume_from`` names of the retried attempt.

        Returns
        -------
        list of str
            What is not there to go on from, and why.

        Raises
        ------
        OSError
            If something cannot be removed, read or written.
        """
        retried = self.retried
        if retried is None:
            if self.is_remote:
                files.remove_tree(self.kept_dir)
            files.empty_folder(self.work_dir)
            return []
        if self.saved is not None:
            files.empty_folder(self.work_dir)
            if retried.kept_dir == self.kept_dir:
                self.saved.remove_others()
                return self.saved.fetch(self.work_dir)
            there = _saved_in(retried.kept_dir)
            warnings = there.fetch(self.work_dir) if there is not None else []
            # From now on the next attempt looks here, also if this one is killed before it saves again.
            return [*warnings, *self.saved.save(self.work_dir, resume_from)]
        if retried.work_dir != self.work_dir:
            files.empty_folder(self.work_dir)
            return copy_to_resume(retried.work_dir, self.work_dir, resume_from)
        if self.work_dir.is_dir() and not self.work_dir.is_symlink():
            return keep_only(self.work_dir, resume_from)
        files.empty_folder(self.work_dir)
        return []

    def save(self, planned: PlannedModel) -> None:
        """Save the files from which a further attempt can go on, if the store is on object storage."""
        if self.saved is None or not planned.model.resume_from:
            return
        try:
            warnings = self.saved.save(self.work_dir, planned.model.resume_from, planned.secrets)
        except OSError as error:
            warnings = (f"{error.filename}: {error.strerror}; files of resume_from are not saved",)
        for warning in warnings:
            log.warning("%s", mask_text(warning, planned.secrets))

    def forget_saved(self) -> None:
        """Remove what was saved for further attempts: the model is trained."""
        if isinstance(self.status_dir, Path):
            return
        try:
            forget_saved(self.status_dir)
        except OSError as error:
            log.warning("%s: %s; it is not removed", error.filename, error.strerror)

    def record(self, status: dict[str, Any], *, ends: bool = False) -> None:
        """Write the state of the model's task.

        Parameters
        ----------
        status : dict
            The manifest's entry of the model.
        ends : bool
            Whether the attempt ends with it. Then it is written only if no later attempt has begun:
            Airflow may have given up a task that still runs somewhere.
        """
        if ends:
            written = status_in(self.status_dir)
            if written is not None and written.get("attempt") != self.key:
                return
        if status.get("status") == "ok":
            # Before: whoever finds a training in no index does not find it at all.
            self._enter_into_index(status)
        write_status(self.status_dir, status | {"attempt": self.key, "orphaned": self.orphaned})

    def _enter_into_index(self, status: Mapping[str, Any]) -> None:
        run_dir = self.status_dir.parent.parent
        if not is_trial(run_dir.name):
            entry = Entry(parse_moment(status["as_of"]), run_dir.name)
            ArtifactIndex.of(run_dir.parent, self.status_dir.name).enter([entry])

    def keep_artifact(self, planned: PlannedModel, *, started_at: str, finished_at: str) -> ErrorArtifact:
        """Return the error artifact that the command left. From now on it lies in the store.

        Raises
        ------
        ArtifactError
            If it is no error CSV as the contract has it.
        """
        found, here = planned.error_csv.resolve(), self.work_dir.resolve()
        if found.is_relative_to(here):
            path = self.work_dir / found.relative_to(here)
        else:  # a later run may write over it
            path = ModelFolder(self.work_dir).copied_errors
            require_regular(planned.error_csv)
            shutil.copyfile(planned.error_csv, path)
        artifact = artifact_of(
            path,
            model=planned.model.name,
            group=planned.model.group,
            started_at=started_at,
            finished_at=finished_at,
            named=planned.error_columns,
        )
        place = self._keep(path, artifact.sha256)
        if place is None:
            raise ArtifactError(_changing(path))
        return replace(artifact, path=place)

    def keep_files(self, files: Sequence[Path]) -> tuple[list[TrainedFile], list[str]]:
        """Return the files that ``artifacts`` names, and what is not kept. From now on they lie in the store.

        Raises
        ------
        ArtifactError
            If one cannot be uploaded.
        """
        if not self.is_remote:
            copy_what_links_lead_to(self.work_dir, files)
        kept, warnings = [], []
        for path in files:
            file = TrainedFile.of(path)
            place = self._keep(path, file.sha256)
            if place is None:
                warnings.append(str(_changing(path)))
            else:
                kept.append(file.at(place))
        return kept, warnings

    def output_log(self, on_line: Callable[[str], None], max_lines: int | None) -> OutputLog:
        """Return where the output of the command goes.

        Parameters
        ----------
        on_line : callable
            Takes one line for the task's log at a time.
        max_lines : int or None
            How many lines the task's log takes, if the config says it.
        """
        return OutputLog(
            on_line,
            ModelFolder(self.work_dir),
            DEFAULT_MAX_LINES if max_lines is None else max_lines,
            kept_as=(lambda name: str(self.kept_dir / name)) if self.is_remote else None,
        )

    def keep_output(self, output: OutputLog) -> None:
        """Keep all output of the command, if it was too much for the task's log."""
        if output.path is None:
            return
        try:
            self._keep(output.path)
        except ArtifactError as error:
            log.warning("The output of the command is not kept: %s", error)

    def clear_away(self) -> None:
        """Remove the working folder and what was fetched, if the store is on object storage."""
        if self.is_remote:
            for folder in (self.work_dir, self.previous_dir):
                with suppress(RecursionError):  # folders nested too deeply
                    shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, file: Path, sha256: str | None = None) -> str | None:
        """Return where a file is in the store from now on, or None if somebody writes it meanwhile."""
        place = self.kept_dir
        for part in file.relative_to(self.work_dir).parts:
            place = place / part
        try:
            kept = isinstance(place, Path) or upload(file, place, sha256)
        except OSError as error:
            found, expected = f"no upload ({error.strerror})", "an artifact in the policy store"
            raise ArtifactError(Problem(str(place), "", found, expected)) from error
        return str(place) if kept else None


def _changing(file: Path) -> Problem:
    expected = "one that nobody writes any more; it is not kept"
    return Problem(str(file), "", "a file that changed while it was uploaded", expected)


def _saved_in(kept_dir: StorePath) -> SavedFiles | None:
    place = ModelFolder(kept_dir).saved
    return None if isinstance(place, Path) else SavedFiles(place)
