"""The files that ELPA keeps with a run besides the validation errors, such as the trained model."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from elpa_core.errors import Problem, quoted

MOST_ARTIFACTS = 1000  # XCom and the manifest hold their names
_MOST_WARNINGS = 20


def is_kept_pattern(pattern: str) -> bool:
    """Tell whether a glob pattern matches files below a folder only.

    >>> [is_kept_pattern(pattern) for pattern in ("model.pt", "runs/**/*.ckpt", "../x", "/etc/*", "a**")]
    [True, True, False, False, False]
    """
    parts = PurePosixPath(pattern).parts
    plain = bool(pattern.strip()) and "\0" not in pattern and not pattern.startswith("/")
    return plain and bool(parts) and all(part == "**" or not ("**" in part or part == "..") for part in parts)


@dataclass(frozen=True)
class KeptFiles:
    """The files that are kept, and what `artifacts` names and is not.

    Parameters
    ----------
    paths : tuple of Path
        The files, sorted.
    warnings : tuple of str
        What is not kept, and why.
    """

    paths: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def kept_files(
    folder: Path,
    patterns: Iterable[str],
    secrets: Collection[str] = (),
    *,
    field: str = "artifacts",
    required: bool = True,
    most: int | None = MOST_ARTIFACTS,
    left_out: Callable[[tuple[str, ...]], bool] = lambda _: False,
) -> KeptFiles:
    """Return the files below a folder that the patterns match; of a matching folder, all its files.

    What is not kept is a warning, and no reason to train again: a pattern that matches no file, what is
    no regular file (a pipe, a device, a link to one or to nothing), folders nested too deeply, too many
    files, a name that is not UTF-8 or holds control characters or one of ``secrets``, a pattern that
    matches files of ELPA's own only.

    Parameters
    ----------
    folder : Path
        The folder.
    patterns : iterable of str
        Glob patterns, relative to the folder.
    secrets : collection of str
        Texts that no name may hold.
    field : str
        The field of the config that has the patterns, for warnings.
    required : bool
        Whether a pattern that matches no file is a warning.
    most : int or None
        How many files are kept at most.
    left_out : callable
        Tells of the parts of a path below the folder whether ELPA itself writes that file.
    """
    found: set[Path] = set()
    others: set[Path] = set()
    warnings = []
    for pattern in patterns:
        try:
            matches = {
                file
                for path in folder.glob(pattern)
                for file in (path.rglob("*") if path.is_dir() else [path])
            }
        except RecursionError:
            expected = "files in fewer levels of folders"
            warnings.append(Problem(str(folder), "", "folders nested too deeply", expected))
            continue
        matches = {path for path in matches if not path.is_dir()}
        of_elpa = {path for path in matches if left_out(path.relative_to(folder).parts)}
        matches -= of_elpa
        if of_elpa and not matches:
            found_files = f"only files that ELPA itself writes, for {quoted(pattern)}"
            warnings.append(Problem(str(folder), "", found_files, f"files of the command in {field}"))
        elif not matches and required:
            expected = f"at least one file that {field} names with {quoted(pattern)}"
            hint = "let the command write it there, or take the pattern out of the config"
            warnings.append(Problem(str(folder), "", "no such file", expected, hint))
        files = {path for path in matches if path.is_file()}
        found |= files
        others |= matches - files
    for path in sorted(others):
        name = f"{str(path.relative_to(folder))!a}, which is no regular file"
        expected = "a file that can be read to its end; it is not kept"
        warnings.append(Problem(str(folder), "", name, expected))
    kept = []
    for file in sorted(found):
        name = str(file.relative_to(folder))
        if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name):
            expected = "names in UTF-8 without control characters; it is not kept"
            warnings.append(Problem(str(folder), "", f"the file name {name!a}", expected))
        elif any(secret in name for secret in secrets):
            expected = "a name that everybody may see; it is not kept"
            warnings.append(
                Problem(str(folder), "", f"the file name {name!a}, which holds a secret", expected)
            )
        else:
            kept.append(file)
    if most is not None and len(kept) > most:
        expected = f"at most {most}: an archive of them, say; none is kept"
        warnings.append(Problem(str(folder), "", f"{len(kept)} files that {field} names", expected))
        kept = []
    return KeptFiles(tuple(kept), tuple(map(str, warnings[:_MOST_WARNINGS])))


def copy_what_links_lead_to(folder: Path, files: Iterable[Path]) -> None:
    """Put copies in the place of links that lead out of a folder: what is there may change or go.

    Parameters
    ----------
    folder : Path
        The folder.
    files : iterable of Path
        Files below it.

    Raises
    ------
    OSError
        If one cannot be copied.
    """
    here = folder.resolve()
    outside = {file: file.resolve() for file in files}
    for file, source in outside.items():
        if source.is_relative_to(here):
            continue
        way = reversed((file, *file.relative_to(folder).parents))
        links = (path for path in map(folder.joinpath, way) if path.is_symlink())
        link = next((path for path in links if not path.resolve().is_relative_to(here)), None)
        if link is not None:  # a link to a folder, of whose files only the named ones are kept
            link.unlink()
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, file)
