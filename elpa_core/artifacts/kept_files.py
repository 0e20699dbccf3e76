"""The files that ELPA keeps with a run besides the validation errors, such as the trained model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from elpa_core.errors import ArtifactError, Problem, quoted

_MOST = 1000  # XCom and the manifest hold their names


def is_kept_pattern(pattern: str) -> bool:
    """Tell whether a glob pattern matches files below a folder only.

    >>> [is_kept_pattern(pattern) for pattern in ("model.pt", "runs/**/*.ckpt", "../x", "/etc/*", "a**")]
    [True, True, False, False, False]
    """
    parts = PurePosixPath(pattern).parts
    plain = bool(pattern.strip()) and "\0" not in pattern and not pattern.startswith("/")
    return plain and bool(parts) and all(part == "**" or not ("**" in part or part == "..") for part in parts)


def kept_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """Return the files below a folder that match the patterns; of a matching folder, all its files.

    Raises
    ------
    ArtifactError
        If a pattern matches no file, if folders are nested too deeply, if there are too many files, or
        if a name is not UTF-8 or holds control characters.
    """
    kept: set[Path] = set()
    for pattern in patterns:
        try:
            found = [
                file for path in folder.glob(pattern) for file in ([path] if path.is_file() else _below(path))
            ]
        except RecursionError as error:
            problem = Problem(
                str(folder), "", "folders nested too deeply", "files in fewer levels of folders"
            )
            raise ArtifactError(problem) from error
        if not found:
            expected = f"at least one file that artifacts names with {quoted(pattern)}"
            hint = "let the command write it there, or take the pattern out of the config"
            raise ArtifactError(Problem(str(folder), "", "no such file", expected, hint))
        kept.update(found)
    if len(kept) > _MOST:
        expected = f"at most {_MOST}: an archive of them, say"
        raise ArtifactError(Problem(str(folder), "", f"{len(kept)} files that artifacts names", expected))
    for file in sorted(kept):
        name = str(file.relative_to(folder))
        if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name):
            expected = "names in UTF-8 without control characters"
            raise ArtifactError(Problem(str(folder), "", f"the file name {name!a}", expected))
    return sorted(kept)


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
