"""The output of a command in a log that is kept short, and all of it in a file where it is more."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from elpa_core.runs.folder import ModelFolder

DEFAULT_MAX_LINES = 20_000
_MOST_BYTES, _LARGEST_FILE = 2 << 20, 1 << 30
_LAST_LINES, _LAST_BYTES = 200, 1 << 18


class OutputLog:
    """Pass the lines of a command on to a log; what is too much for it goes to a file.

    Beyond ``max_lines`` lines, or 2 MiB, the log says once where the rest is. The file holds all lines
    from the first one on, up to 1 GiB. At the end the log gets the last 200 lines. The file is made when
    it is needed. If it cannot be written, the log says so, and the command goes on.

    Parameters
    ----------
    on_line : callable
        Takes one line for the log at a time.
    folder : ModelFolder
        The command's working folder: the file is made in it.
    max_lines : int
        How many lines the log takes.
    kept_as : callable, optional
        Returns where the file will be in the end, by its name, if it does not stay there.
    """

    def __init__(
        self,
        on_line: Callable[[str], None],
        folder: ModelFolder[Path],
        max_lines: int = DEFAULT_MAX_LINES,
        *,
        kept_as: Callable[[str], str] | None = None,
        most_bytes: int = _MOST_BYTES,
        largest_file: int = _LARGEST_FILE,
    ) -> None:
        self._on_line = on_line
        self.folder = folder
        self._kept_as = kept_as
        self._max_lines, self._most_bytes, self._room = max_lines, most_bytes, largest_file
        self._begin = bytearray()
        self._count = 0
        self._last: deque[str] | None = None
        self._last_size = 0
        self._file: FileIO | None = None
        self.path: Path | None = None
        """The file, once there is one."""

    def add(self, line: str) -> None:
        """Take a line of output, without its line ending."""
        data = line.encode() + b"\n"
        self._count += 1
        if (
            self._last is None
            and self._count <= self._max_lines
            and len(self._begin) + len(data) <= self._most_bytes
        ):
            self._begin += data
            self._on_line(line)
            return
        if self._last is None:
            self._last = deque()
            self._make_file()
        self._write(data)
        self._last.append(line)
        self._last_size += len(data)
        while len(self._last) > _LAST_LINES or self._last_size > _LAST_BYTES:
            self._last_size -= len(self._last.popleft().encode()) + 1

    def close(self) -> None:
        """Give the last lines to the log, and close the file."""
        last, self._last = self._last, None
        if self._file is not None and not os.fstat(self._file.fileno()).st_nlink:
            self._stop("the command has removed it")
            self.path = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if last:
            self._on_line(f"elpa: the last {len(last)} of {self._count} lines of output:")
            while last:
                self._on_line(last.popleft())

    def _make_file(self) -> None:
        much = f"{self._max_lines} lines (max_log_lines)"
        if self._count <= self._max_lines:
            much = f"{self._most_bytes >> 20} MiB"
        much = f"elpa: more output than {much}; the last lines follow at the end"
        try:
            path = self._free_file()
        except OSError as error:
            self._on_line(much)
            self._stop(str(error.strerror))
            self.path = None
            return
        where = f"all of it is in {path}"
        if self._kept_as is not None:
            where = f"all of it will be in {self._kept_as(path.name)}, until then in {path}"
        self._on_line(f"{much}; {where}")
        self._write(bytes(self._begin))
        self._begin.clear()

    def _free_file(self) -> Path:
        self.path = self.folder.output_log
        try:
            self._file = FileIO(self.path, "x")
        except FileExistsError:
            self.path = self.folder.spare_output_log
            self._file = FileIO(self.path, "x")
        return self.path

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        self._room -= len(data)
        if self._room < 0:
            data = b"elpa: this file is full, the rest of the output is not kept\n"
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._stop(str(error.strerror))
        if self._room < 0 and self._file is not None:
            self._file.close()
            self._file = None

    def _stop(self, reason: str) -> None:
        """Go on without the file."""
        self._on_line(f"elpa: {self.path}: {reason}; the output is not kept there")
        if self._file is not None:
            self._file.close()
        self._file = None
