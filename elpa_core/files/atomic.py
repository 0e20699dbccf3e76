"""Write files in one step: a reader sees either the old or the new content, never a part."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from elpa_core.files.os_errors import as_error_of


def write_atomic(path: Path, data: bytes, *, private: bool = False, folder_later: bool = False) -> None:
    """Replace the content of the file at ``path`` in one step that survives a crash.

    The function writes a temporary file in the same folder, syncs it to the disk, and renames it
    over the old file. A process that is killed meanwhile leaves the old file and at most a
    ``.tmp`` file.

    Parameters
    ----------
    path : Path
        The file; missing parent folders are created.
    data : bytes
        The new content.
    private : bool
        Whether only its owner may read the file, whatever the umask; it never has another mode.
    folder_later : bool
        Whether the caller syncs the folder, later: until then a crash may bring the old file back.

    Raises
    ------
    OSError
        If the disk is full or the folder is not writable; the old file stays.
    """
    temporary = _write_beside(path, data, private)
    try:
        with as_error_of(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if not folder_later:
        sync(path.parent)


def create_atomic(path: Path, data: bytes, *, private: bool = False) -> bool:
    """Create the file at ``path`` if it does not exist; exactly one of several writers succeeds.

    For ``private`` see `write_atomic`.

    Returns
    -------
    bool
        True if this call created the file, False if the file existed; then it stays as it is.
    """
    temporary = _write_beside(path, data, private)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return True


def json_bytes(value: Any) -> bytes:
    """Return ``value`` as indented JSON text that ends in a newline.

    Raises
    ------
    ValueError
        If it holds NaN or an infinite number, which JSON does not have.
    """
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def make_folder(path: Path) -> None:
    """Create a folder and its parents, and sync them to the disk."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to the disk (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_beside(path: Path, data: bytes, private: bool) -> Path:
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
                os.fchmod(file.fileno(), 0o600 if private else 0o666 & ~_umask())
                os.fsync(file.fileno())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return Path(name)


def _umask() -> int:
    # os.umask changes the umask in order to read it, which would affect other threads.
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    except OSError:
        pass
    return 0o022
