"""Read and write the files of a store. A reader sees either the old or the new content, never a part.

On object storage each function sends one request or a few. Errors of client libraries become an
`OSError` that names the place.
"""

from __future__ import annotations

import errno
import heapq
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from elpa_core.files import objects
from elpa_core.files.atomic import create_atomic, make_folder, sync, write_atomic
from elpa_core.files.location import StorePath
from elpa_core.files.reading import UnsuitableFileError, open_regular, read_lines, read_whole


class Child(NamedTuple):
    """An entry of a folder."""

    name: str
    is_folder: bool


def read(path: StorePath) -> bytes:
    """Return the content of a file of at most 16 MiB.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    UnsuitableFileError
        If it is no regular file, or larger.
    OSError
        If the file cannot be read.
    """
    return read_whole(path) if isinstance(path, Path) else objects.read(path)


def read_text_lines(path: StorePath) -> bytes:
    """Return the content of a file of any size whose lines have at most 1 MiB; see `read`."""
    return read_lines(path) if isinstance(path, Path) else objects.read(path)


def read_end(path: StorePath, most: int) -> bytes:
    """Return the last bytes of a file of any size, at most ``most``; see `read`."""
    if not isinstance(path, Path):
        return objects.read_end(path, most)
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


def read_all(paths: Iterable[StorePath]) -> Iterator[tuple[StorePath, bytes]]:
    """Yield the files that `read` can read, with their contents. Object storage is read in batches."""
    remote = []
    for path in paths:
        if not isinstance(path, Path):
            remote.append(path)
            continue
        with suppress(FileNotFoundError, NotADirectoryError, UnsuitableFileError):
            yield path, read_whole(path)
    yield from objects.read_all(remote)


def write(path: StorePath, data: bytes, *, private: bool = False) -> None:
    """Replace a file in one step.

    If it is ``private``, only its owner may read it; on object storage the bucket decides that.

    Raises
    ------
    OSError
        If the file cannot be written; the old file stays.
    """
    if isinstance(path, Path):
        write_atomic(path, data, private=private)
    else:
        objects.write(path, data)


def create(path: StorePath, data: bytes, *, private: bool = False) -> bool:
    """Create a file if it does not exist; exactly one of several writers succeeds.

    For ``private`` see `write`.

    Returns
    -------
    bool
        True if this call created the file.
    """
    if isinstance(path, Path):
        return create_atomic(path, data, private=private)
    return objects.create(path, data)


def touch(paths: Sequence[StorePath]) -> None:
    """Let there be files in one folder whose names say all; they are on the disk when this returns.

    What a file holds that is there already is lost on object storage.
    """
    local = [path for path in paths if isinstance(path, Path)]
    for folder in {path.parent for path in local}:
        make_folder(folder)
    for path in local:
        path.touch()
    for folder in {path.parent for path in local}:
        sync(folder)
    objects.write_empty([path for path in paths if not isinstance(path, Path)])


def names_after(folder: StorePath, after: str, most: int) -> list[str]:
    """Return names of files in a folder that come after a name, in order, about ``most``; none at its end."""
    if not isinstance(folder, Path):
        return objects.names_after(folder, after, most)
    with suppress(FileNotFoundError, NotADirectoryError):
        return heapq.nsmallest(most, (name for name in os.listdir(folder) if name > after))  # noqa: PTH208  (names alone)
    return []


def exists(path: StorePath) -> bool:
    """Tell whether a file exists.

    Raises
    ------
    OSError
        If nobody can tell, such as of a link that leads to itself.
    """
    if not isinstance(path, Path):
        return objects.size(path) is not None
    with suppress(FileNotFoundError, NotADirectoryError):
        path.stat()
        return True
    return False


def is_folder(path: StorePath) -> bool:
    """Tell whether anything lies below a path."""
    return path.is_dir() if isinstance(path, Path) else bool(objects.children(path))


def children(folder: StorePath) -> list[Child]:
    """Return the entries of a folder, sorted by name; an empty list if the folder does not exist."""
    if not isinstance(folder, Path):
        return [Child(name, is_folder) for name, is_folder in objects.children(folder)]
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(Child(path.name, path.is_dir()) for path in folder.iterdir())
    return []


def remove(path: StorePath) -> None:
    """Remove a file, if it exists."""
    if isinstance(path, Path):
        path.unlink(missing_ok=True)
    else:
        with suppress(FileNotFoundError):
            objects.remove(path)


def forget(paths: Sequence[StorePath]) -> None:
    """Remove files that nobody needs, as far as that goes; on object storage many per request."""
    for path in paths:
        if isinstance(path, Path):
            path.unlink(missing_ok=True)
    objects.forget_all([path for path in paths if not isinstance(path, Path)])


def empty_folder(folder: Path) -> None:
    """Let there be an empty folder, whatever stands in its place; of a link only the link goes.

    Raises
    ------
    OSError
        If something cannot be removed, or no folder can be made.
    """
    if folder.is_dir() and not folder.is_symlink():
        remove_tree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.mkdir(parents=True)


def remove_tree(folder: StorePath) -> None:
    """Remove a folder and everything below it, if it exists.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    if not isinstance(folder, Path):
        objects.remove_tree(folder)
        return
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except RecursionError as error:
        reason = "folders nested too deeply to be removed, other than by rm -r"
        raise OSError(errno.ENAMETOOLONG, reason, os.fspath(folder)) from error
