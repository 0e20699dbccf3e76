"""The error artifact of a model: its file, its content, and whether this attempt wrote it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elpa_core.artifacts.error_columns import NONE_NAMED, Role
from elpa_core.artifacts.short_file import CheckedErrors, check_short_file
from elpa_core.errors import ArtifactError, Problem
from elpa_core.files.neighbours import what_is_there
from elpa_core.times import utc_text

if TYPE_CHECKING:
    from elpa_core.artifacts.model_errors import ModelErrors


@dataclass(frozen=True)
class FileState:
    """The properties of a file that change with each write, independent of clocks.

    Each write changes the inode, the size or one of the times. The times are compared only with
    times of the same file system, never with the clock of a process.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """Return the state of the file at ``path``, or None if there is none."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True)
class ErrorArtifact:
    """A model's validation errors, as a training task passes them to `integrate`.

    Parameters
    ----------
    model, group : str
        The model and its group.
    path : str
        Absolute path of the CSV file.
    rows : int
        Number of rows that were used.
    sha256 : str
        SHA-256 of the file's bytes, hexadecimal.
    written_at : str
        When the file was written, UTC, ISO 8601.
    started_at, finished_at : str
        When the command started and ended, UTC, ISO 8601.
    """

    model: str
    group: str
    path: str
    rows: int
    sha256: str
    written_at: str
    started_at: str
    finished_at: str

    @classmethod
    def from_json(cls, value: Any) -> ErrorArtifact:
        """Return the artifact in the JSON object ``value``.

        Raises
        ------
        TypeError
            If a field is missing or unknown.
        """
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the artifact as a JSON object."""
        return asdict(self)


def require_fresh(path: Path, before: FileState | None) -> None:
    """Refuse an artifact that the last command did not write.

    Parameters
    ----------
    path : Path
        The artifact.
    before : FileState or None
        Its state before the command started.

    Raises
    ------
    ArtifactError
        If the file is missing or unchanged.
    """
    try:
        after = FileState.of(path)
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise ArtifactError(Problem(str(path), "", found, _EXPECTED, _HOW_TO_LEAVE)) from error
    if after is None:
        hint = "; ".join(filter(None, (_HOW_TO_LEAVE, what_is_there(path))))
        raise ArtifactError(Problem(str(path), "", "no such file", _EXPECTED, hint))
    if after == before:
        found = f"a file left by an earlier attempt ({_time_text(after.modified_ns)})"
        raise ArtifactError(Problem(str(path), "", found, "a file written by this attempt", _HOW_TO_LEAVE))


def require_regular(path: Path) -> None:
    """Refuse an artifact that is not a regular file: reading it may never end.

    Raises
    ------
    ArtifactError
        If it is a folder, a pipe or a device.
    """
    if not path.is_file():
        raise ArtifactError(Problem(str(path), "", "no regular file", _EXPECTED, _HOW_TO_LEAVE))


def artifact_of(
    path: Path,
    *,
    model: str,
    group: str,
    started_at: str,
    finished_at: str,
    named: Mapping[Role, str] = NONE_NAMED,
) -> ErrorArtifact:
    """Read a model's error CSV and return its artifact; ``named`` as in `find_columns`.

    Raises
    ------
    ArtifactError
        If the file is not an error CSV of the contract.
    """
    errors: CheckedErrors | ModelErrors | None = check_short_file(path, named)
    if errors is None:
        from elpa_core.artifacts.model_errors import read_model_errors

        errors = read_model_errors(path, beta=0.0, named=named)
    return ErrorArtifact(
        model=model,
        group=group,
        path=os.fspath(path),
        rows=errors.rows,
        sha256=errors.sha256,
        written_at=_time_text(path.stat().st_mtime_ns),
        started_at=started_at,
        finished_at=finished_at,
    )


_EXPECTED = "the validation errors that the command leaves"
_HOW_TO_LEAVE = "let the command write there, or name its own path in error_csv"


def _time_text(nanoseconds: int) -> str:
    # A command can set a file time that datetime cannot hold.
    earliest, latest = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    seconds = min(max(nanoseconds / 1e9, earliest.timestamp()), latest.timestamp() - 1)
    return utc_text(dt.datetime.fromtimestamp(seconds, dt.UTC))
