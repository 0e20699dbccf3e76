"""Write files so that a reader sees the old or the new content, never a part of either."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from elpa_core.files.os_errors import as_error_of


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at ``path`` by ``data`` in one step that survives a crash.

    The content goes to a temporary file beside it, reaches the disk, and is renamed over the
    old file. A process killed in the middle leaves the old file, and at most a ``.tmp`` file.

    Parameters
    ----------
    path : Path
        The file; its parents are made.
    data : bytes
        The new content.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; the old file is untouched.
    """
    temporary = _write_beside(path, data)
    try:
        with as_error_of(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def create_atomic(path: Path, data: bytes) -> bool:
    """Create the file at ``path`` with ``data`` unless it exists; of several writers exactly one succeeds.

    Returns
    -------
    bool
        True if this call made the file, False if it was there already (it is left as it is).
    """
    temporary = _write_beside(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return True


def json_bytes(value: Any) -> bytes:
    """Return ``value`` as JSON text that a person can read, ending in a newline.

    Raises
    ------
    ValueError
        If a number in it is NaN or infinite: JSON has none.
    """
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def make_folder(path: Path) -> None:
    """Make a folder and its parents so that they survive a power failure."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Let a file, or what was made, renamed or removed in a folder, reach the disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_beside(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except RecursionError as error:
        raise OSError(errno.ENAMETOOLONG, "a path of too many folders", os.fspath(path)) from error
    with as_error_of(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return Path(name)


def _umask() -> int:
    # os.umask sets it to read it, which another thread would notice.
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    except OSError:
        pass
    return 0o022
