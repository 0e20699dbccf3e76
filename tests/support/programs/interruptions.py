"""Interrupt a change of a store at one of its file operations: a death, a full disk, a pause.

`operations` puts itself in front of every operation of this process that changes files. Of a write, half
of the bytes arrive before.
"""

import errno
import fcntl
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# What a full disk lets through: it gives room back, or needs none.
_FREEING = {"unlink", "rmdir", "ftruncate", "flock"}
_PATCHED = (
    "open",
    "write",
    "fsync",
    "replace",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "ftruncate",
    "fchmod",
)

Meet = Callable[[int, str], None]


class _File(io.RawIOBase):
    """The file that `elpa_core.files` writes a new content to."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def fileno(self) -> int:
        return self.handle

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return os.write(self.handle, data)

    def close(self) -> None:
        if not self.closed:
            os.close(self.handle)
        super().close()


@contextmanager
def operations(meet: Meet) -> Iterator[None]:
    """Call ``meet(index, name)`` before each operation on a file."""
    counter = iter(range(1_000_000))
    originals = {name: getattr(os, name) for name in (*_PATCHED, "fdopen")} | {"flock": fcntl.flock}

    def before(name: str) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            meet(next(counter), name)
            return originals[name](*arguments, **options)

        return operation

    def open_file(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            meet(next(counter), "open")
        return int(originals["open"](path, flags, *arguments, **options))

    def write(handle: int, data: Any) -> int:
        half = len(data) // 2
        meet(next(counter), "write")
        done = originals["write"](handle, data[:half])
        meet(next(counter), "write")
        return done + originals["write"](handle, data[half:])

    def fdopen(handle: int, mode: str) -> _File:
        assert mode == "wb"
        return _File(handle)

    try:
        for name in _PATCHED:
            setattr(os, name, before(name))
        os.open, os.write, os.fdopen, fcntl.flock = open_file, write, fdopen, before("flock")
        yield
    finally:
        for name in (*_PATCHED, "fdopen"):
            setattr(os, name, originals[name])
        fcntl.flock = originals["flock"]


def death(at: int, last_words: int) -> Meet:
    """Kill this process at an operation, whose name it writes to a pipe."""
    write = os.write

    def meet(index: int, name: str) -> None:
        if index == at:
            write(last_words, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return meet


def pause(at: int) -> Meet:
    """Stop this process at an operation, until it is told to go on."""

    def meet(index: int, name: str) -> None:
        if index == at:
            os.kill(os.getpid(), signal.SIGSTOP)

    return meet


def full_disk(at: int, met: list[str], *, for_good: bool) -> Meet:
    """Fill the disk before an operation, for all further ones or for this one only."""

    def meet(index: int, name: str) -> None:
        if index == at or (for_good and index > at and name not in _FREEING):
            met.append(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return meet


def sample(kinds: list[Any], every: int) -> list[int]:
    """Return every n-th place in a sequence of kinds, and the first place of each kind."""
    return sorted({*range(0, len(kinds), every), *map(kinds.index, kinds)})
