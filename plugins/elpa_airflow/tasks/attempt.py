"""One attempt of a model's task: where its command works, what it keeps, who may record how it ended."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import status_in, write_status
from elpa_core import files
from elpa_core.artifacts.error_artifact import ErrorArtifact, artifact_of, require_regular
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError, Problem
from elpa_core.files import StorePath, objects
from elpa_core.runs.folder import ModelFolder, RunFolder
from elpa_core.runs.output_log import DEFAULT_MAX_LINES, OutputLog
from elpa_core.runs.plan import PlannedModel

log = logging.getLogger(__name__)


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
    """

    key: str
    status_dir: StorePath
    kept_dir: StorePath
    work_dir: Path
    orphaned: bool

    @classmethod
    def of(cls, ti: Any, run: RunState, model: Model) -> Attempt:
        """Return the attempt of a task instance."""
        kept, work = RunFolder(run.run_dir).model(model.name), RunFolder(run.work_dir).model(model.name)
        earlier = status_in(kept.path) or {}
        began_only = earlier.get("started_at") is not None and earlier.get("finished_at") is None
        orphaned = bool(earlier.get("orphaned")) or began_only
        key = str(ti.id)
        if not orphaned:
            return cls(key, kept.path, kept.path, work.path, orphaned)
        number = ti.try_number
        return cls(key, kept.path, kept.attempt(number, key).path, work.attempt(number, key).path, orphaned)

    @property
    def is_remote(self) -> bool:
        """Whether what is kept has to be copied into the store."""
        return not isinstance(self.kept_dir, Path)

    def empty(self) -> None:
        """Empty this attempt's folders: a retry works as a first try does."""
        if self.is_remote:
            files.remove_tree(self.kept_dir)
        if self.work_dir.is_dir() and not self.work_dir.is_symlink():
            files.remove_tree(self.work_dir)
        else:  # a command may have put something else into its place
            self.work_dir.unlink(missing_ok=True)
        self.work_dir.mkdir(parents=True)

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
        write_status(self.status_dir, status | {"attempt": self.key, "orphaned": self.orphaned})

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
        return replace(artifact, path=self._keep([path])[0])

    def keep_files(self, files: Sequence[Path]) -> list[str]:
        """Return the files that ``artifacts`` names. From now on they lie in the store.

        Raises
        ------
        ArtifactError
            If one cannot be uploaded.
        """
        return self._keep(files)

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
            self._keep([output.path])
        except ArtifactError as error:
            log.warning("The output of the command is not kept: %s", error)

    def clear_away(self) -> None:
        """Remove the working folder, if the store is on object storage."""
        if self.is_remote:
            with suppress(RecursionError):  # folders nested too deeply
                shutil.rmtree(self.work_dir, ignore_errors=True)

    def _keep(self, files: Sequence[Path]) -> list[str]:
        kept = []
        for file in files:
            place = self.kept_dir
            for part in file.relative_to(self.work_dir).parts:
                place = place / part
            if not isinstance(place, Path):
                try:
                    objects.upload(file, place)
                except OSError as error:
                    expected = "an artifact in the policy store"
                    raise ArtifactError(
                        Problem(str(place), "", f"no upload ({error.strerror})", expected)
                    ) from error
            kept.append(str(place))
        return kept
