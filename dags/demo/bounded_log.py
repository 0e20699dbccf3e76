"""A log file of bounded size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path


class BoundedLog:
    """A log file. When it is full, it replaces the previous log file, and a new one begins.

    Parameters
    ----------
    path : Path
        The file; the name of the previous file ends in ``.1``.
    most : int
        Approximate largest size in bytes.
    """

    def __init__(self, path: Path, most: int = 5_000_000) -> None:
        self._handler = RotatingFileHandler(
            path, maxBytes=most, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )

    def write(self, line: str) -> None:
        """Add a line."""
        self._handler.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
