"""Read files that anyone may have put there: no waiting for a pipe, no more memory than a file is worth."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import AnyStr, BinaryIO

MOST_BYTES = 16 * 1024 * 1024
"""The size of the largest JSON file that is read."""
LONGEST_LINE = 1 << 20
"""Length of the longest line that is read, in bytes or characters."""


class UnsuitableFileError(OSError):
    """What stands there is not such a file as ELPA writes."""


def read_whole(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    UnsuitableFileError
        If it is a pipe, a device, a folder, a socket or a link that leads to itself, or larger than
        ``most`` bytes.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        return read_at_most(file, path, most)


def read_lines(path: Path) -> bytes:
    """Return the content of a regular file of any size with lines of at most `LONGEST_LINE` bytes.

    Raises
    ------
    UnsuitableFileError
        If it is no regular file, or a line is longer.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        return b"".join(lines_of(file.readline))


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; see `read_whole`."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsuitableFileError(error.errno, error.strerror, os.fspath(path)) from error
        raise
    _require_regular(mode, path)  # opening a device may do something to it
    handle = os.open(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123  (a handle has no path)
        _require_regular(os.fstat(file.fileno()).st_mode, path)
        yield file


def read_at_most(file: BinaryIO, path: Path, most: int = MOST_BYTES) -> bytes:
    """Return what is left of an open file, which may be a pipe, or refuse it; see `read_whole`."""
    too_large = os.fstat(file.fileno()).st_size > most
    data = b"" if too_large else file.read(most + 1)
    if too_large or len(data) > most:
        raise UnsuitableFileError(errno.EFBIG, f"more than {most} bytes", os.fspath(path))
    return data


def lines_of(readline: Callable[[int], AnyStr]) -> Iterator[AnyStr]:
    """Yield the lines of an open file.

    Parameters
    ----------
    readline : callable
        Takes the most that it may return; returns nothing at the end of the file.

    Raises
    ------
    UnsuitableFileError
        If a line is longer than `LONGEST_LINE`.
    """
    while line := readline(LONGEST_LINE + 1):
        require_short(line)
        yield line


def require_short(line: str | bytes) -> None:
    """Refuse a line that is longer than `LONGEST_LINE`; see `lines_of`."""
    if len(line) > LONGEST_LINE:
        raise UnsuitableFileError(errno.EFBIG, f"a line of more than {LONGEST_LINE} characters")


def _require_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UnsuitableFileError(errno.EINVAL, kind, os.fspath(path))
