"""Check the paths of a command line before the command writes anything."""

from __future__ import annotations

from pathlib import Path

from elpa_core.errors import InputError, Problem, quoted


def require_output(path: Path, what: str, *inputs: Path | None) -> None:
    """Refuse an output path that is not a regular file, or that is an input of the same command.

    Parameters
    ----------
    path : Path
        The path of the output.
    what : str
        The content of the output, for errors.
    *inputs : Path or None
        Files that the command reads.

    Raises
    ------
    InputError
        If the path is a folder, a device, or one of ``inputs``.
    """
    expected = f"a file to write {what} to"
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "no regular file"
        raise InputError(Problem(str(path), "", found, expected))
    for other in inputs:
        if other is not None and other.exists() and path.exists() and path.samefile(other):
            raise InputError(Problem(str(path), "", "an input of this command", expected))


def require_text(*paths: Path) -> None:
    """Refuse a path that is not UTF-8: JSON files cannot record it.

    Raises
    ------
    InputError
        If there is such a path.
    """
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise InputError(
                Problem("command line", "", quoted(str(path), 1000), "a path in UTF-8")
            ) from error
