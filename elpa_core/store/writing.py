"""Change files so that they survive a death at any moment: the lock, durable folders, leftovers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elpa_core.errors import ElpaError
from elpa_core.files import StorePath


class StoreWriteError(ElpaError):
    """The store could not be changed: a full disk, a folder that is read-only."""


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold the lock of a store, waiting for it; the system gives it back on any death.

    Parameters
    ----------
    lock : Path
        The file that is locked; made, with its folder, if it is not there, and never removed.

    Raises
    ------
    StoreWriteError
        If the system refuses something, here or in the body.
    """
    with telling(lock.parent):
        make_folder(lock.parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


@contextmanager
def telling(folder: StorePath) -> Iterator[None]:
    """Let what the system or the service refuses out as a `StoreWriteError`."""
    try:
        yield
    except OSError as error:
        where, remedy = error.filename or folder, "make room or get the right to write there"
        if not isinstance(folder, Path):
            remedy = "see that the bucket is there and can be reached and written with these credentials"
        raise StoreWriteError(
            f"{where}: {error.strerror or error}; the policy store could not be changed, and what was"
            f" current is current: {remedy}, and try again"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents so that they survive a power failure."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or what was made, renamed or removed in a folder, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path, prefix: str) -> None:
    """Remove temporary files that a killed writer left; whoever calls holds the lock."""
    for path in folder.glob(f".{prefix}*.tmp"):
        path.unlink(missing_ok=True)
