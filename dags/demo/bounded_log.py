"""A log that does not grow for ever."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path


class BoundedLog:
    """Lines in a file; a full one is set aside in place of the one before, and a new one begins.

    Parameters
    ----------
    path : Path
        The file; the one before has ``.1`` at the end of its name.
    most : int
        At about so many bytes a file is full.
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
