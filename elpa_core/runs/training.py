"""Train one planned model: run its command, check what the command left, and say how it ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from elpa_core.artifacts.error_artifact import (
    ErrorArtifact,
    FileState,
    artifact_of,
    require_fresh,
    require_regular,
)
from elpa_core.artifacts.kept_files import copy_what_links_lead_to, kept_files
from elpa_core.commands.masking import MaskedStream, mask_text
from elpa_core.errors import ArtifactError, CommandError
from elpa_core.processes.command import DEFAULT_STOP_GRACE, Command, CommandResult
from elpa_core.processes.cpus import available_cpus
from elpa_core.processes.exit_codes import exit_code_in_words
from elpa_core.runs.error_tail import last_lines
from elpa_core.runs.folder import ModelFolder, is_of_elpa
from elpa_core.runs.plan import PlannedModel
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.times import now_text

CPUS_VARIABLE = "ELPA_CPUS"
"""How many cores a command may use; one that the environment already has stays."""


class ArtifactKeeper(Protocol):
    """Who keeps what a command left, in its folder or elsewhere."""

    def keep_artifact(self, planned: PlannedModel, *, started_at: str, finished_at: str) -> ErrorArtifact:
        """Return the error artifact, and where it is kept.

        Raises
        ------
        ArtifactError
            If it is no error CSV as the contract has it.
        OSError
            If it cannot be kept.
        """

    def keep_files(self, files: Sequence[Path]) -> tuple[list[TrainedFile], list[str]]:
        """Return files of the command's folder, and where they are kept; and what is not, and why.

        Raises
        ------
        ArtifactError, OSError
            If one cannot be kept.
        """


@dataclass(frozen=True)
class KeptInPlace:
    """What a command left stays where it is.

    Parameters
    ----------
    model_dir : Path
        The command's working folder.
    """

    model_dir: Path

    def keep_artifact(self, planned: PlannedModel, *, started_at: str, finished_at: str) -> ErrorArtifact:
        """Return the error artifact; see `ArtifactKeeper`."""
        return artifact_of(
            planned.error_csv,
            model=planned.model.name,
            group=planned.model.group,
            started_at=started_at,
            finished_at=finished_at,
            named=planned.error_columns,
        )

    def keep_files(self, files: Sequence[Path]) -> tuple[list[TrainedFile], list[str]]:
        """Return the kept files; see `ArtifactKeeper`."""
        copy_what_links_lead_to(self.model_dir, files)
        return list(map(TrainedFile.of, files)), []


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended.

    Parameters
    ----------
    started_at, finished_at : str
        When the training started and when its command ended, UTC, ISO 8601.
    return_code : int or None
        The command's exit code, or minus the number of the signal that ended it; None if it is unknown.
    failure : str or None
        Why the command did not end well.
    problem : str or None
        What is wrong with what a command that ended well has left.
    artifact : ErrorArtifact or None
        The model's validation errors.
    kept : tuple of TrainedFile
        The files that the model's ``artifacts`` names.
    warnings : tuple of str
        What ``artifacts`` names and is not kept.
    error_lines : tuple of str
        The last lines of a failed command's errors, if they go to a file.
    stopped : bool
        Whether somebody stopped the command: its exit code then says nothing of it.
    """

    started_at: str
    finished_at: str
    return_code: int | None = None
    failure: str | None = None
    problem: str | None = None
    artifact: ErrorArtifact | None = None
    kept: tuple[TrainedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    error_lines: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def reason(self) -> str | None:
        """Why the command failed or what is wrong with what it left; None if all is well."""
        return self.failure or self.problem

    def entry(self, status: Literal["ok", "failed"], reason: str | None) -> dict[str, Any]:
        """Return the fields of the manifest's entry of the model that the training decides.

        Parameters
        ----------
        status : {"ok", "failed"}
            Whether the model counts as trained. Without usable errors the caller decides that.
        reason : str or None
            Why it is not, or what is missing.
        """
        ok = status == "ok"
        return {
            "status": status,
            "reason": reason,
            "return_code": self.return_code,
            "artifact": self.artifact.to_json() if ok and self.artifact else None,
            "artifacts": [file.to_json() for file in self.kept] if ok else [],
            "warnings": list(self.warnings),
            "started_at": self.started_at,
            "finished_at": self.finished_at,
        }


class Training:
    """One training of a planned model.

    Parameters
    ----------
    planned : PlannedModel
        The model, its command and its folder.
    parent_environment : mapping of str to str, optional
        What the command's environment has besides the plan's; that of this process if left out.
    on_line : callable, optional
        Takes each line of the command's output, with secrets masked. If left out, the output goes to
        the two log files in the model's folder.
    keeper : ArtifactKeeper, optional
        Keeps what the command left; if left out, it stays where it is.
    """

    def __init__(
        self,
        planned: PlannedModel,
        *,
        parent_environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        keeper: ArtifactKeeper | None = None,
    ) -> None:
        self._planned = planned
        self._environment = os.environ if parent_environment is None else parent_environment
        self._on_line = on_line
        self._keeper = KeptInPlace(planned.model_dir) if keeper is None else keeper
        self._command: Command | None = None
        self._stopping = False
        self._error_lines: tuple[str, ...] = ()

    def run(self, started_at: str) -> TrainingOutcome:
        """Train the model, once, and return how that ended.

        An exception that is raised meanwhile in this thread stops the command, then goes on its way.

        Parameters
        ----------
        started_at : str
            When the training started, UTC, ISO 8601.
        """
        try:
            before, result = self._run_command()
        except CommandError as error:
            return TrainingOutcome(
                started_at, now_text(), failure=self._shown(str(error)), error_lines=self._error_lines
            )
        finished_at = now_text()
        if failure := self._failure(result):
            return TrainingOutcome(
                started_at,
                finished_at,
                result.return_code,
                self._shown(failure),
                error_lines=self._error_lines,
                stopped=result.stopped,
            )
        return self._what_is_left(before, started_at, finished_at)

    def stop(self) -> None:
        """Stop the command and everything that it started; one that has not started yet never does.

        Can be called at any time, also from a signal handler; see `Command.stop`.
        """
        self._stopping = True
        if self._command is not None:
            self._command.stop()

    def _run_command(self) -> tuple[FileState | None, CommandResult]:
        planned, folder = self._planned, ModelFolder(self._planned.model_dir)
        stdout = stderr = None
        with ExitStack() as logs:
            try:
                folder.path.mkdir(parents=True, exist_ok=True)
                before = FileState.of(planned.error_csv)
                if self._on_line is None:
                    stdout = logs.enter_context(folder.stdout_log.open("wb"))
                    stderr = logs.enter_context(folder.stderr_log.open("w+b"))
                    logs.callback(self._keep_last_lines, stderr)
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error
            stop_grace = planned.options.stop_grace
            self._command = Command(
                planned.command,
                cwd=planned.model_dir,
                env={CPUS_VARIABLE: str(available_cpus()), **self._environment, **planned.environment},
                stdout=stdout,
                stderr=stderr,
                on_line=self._on_line,
                clean=MaskedStream(planned.secrets),
                stop_grace=DEFAULT_STOP_GRACE if stop_grace is None else stop_grace,
            )
            if self._stopping:  # before there was a command to stop
                self._command.stop()
            return before, self._command.run()

    def _keep_last_lines(self, log: BinaryIO) -> None:
        self._error_lines = last_lines(log, self._planned.secrets)

    def _shown(self, text: str) -> str:
        return mask_text(text, self._planned.secrets)

    def _failure(self, result: CommandResult) -> str | None:
        if result.stopped:
            return "the command was stopped"
        if result.return_code == 0:
            return None
        failure = f"the command ended with {exit_code_in_words(result.return_code)}"
        if self._on_line is None:
            failure += f"; its errors are in {ModelFolder(self._planned.model_dir).stderr_log}"
        return failure

    def _what_is_left(self, before: FileState | None, started_at: str, finished_at: str) -> TrainingOutcome:
        planned = self._planned
        problem, artifact = None, None
        kept: list[TrainedFile] = []
        warnings: list[str] = []
        try:
            require_fresh(planned.error_csv, before)
            artifact = self._keeper.keep_artifact(
                replace(planned, error_csv=self._nameable(planned.error_csv)),
                started_at=started_at,
                finished_at=finished_at,
            )
            found = kept_files(
                planned.model_dir, planned.model.artifacts, planned.secrets, left_out=is_of_elpa
            )
            warnings += found.warnings
            kept, not_kept = self._keeper.keep_files(found.paths)
            warnings += not_kept
        except (ArtifactError, OSError) as error:  # OSError: the command may remove its own folder
            problem = self._shown(str(error))
        return TrainingOutcome(
            started_at,
            finished_at,
            0,
            None,
            problem,
            artifact,
            tuple(kept),
            tuple(map(self._shown, warnings)),
        )

    def _nameable(self, error_csv: Path) -> Path:
        """Return a copy of an artifact whose path holds a secret: everybody is told the path."""
        folder = self._planned.model_dir
        name = str(error_csv.relative_to(folder) if error_csv.is_relative_to(folder) else error_csv)
        if self._shown(name) == name:
            return error_csv
        require_regular(error_csv)
        copy = ModelFolder(folder).copied_errors
        shutil.copyfile(error_csv, copy)
        return copy
