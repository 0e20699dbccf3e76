"""A file of a trained model: where it is, and how to tell that it is the one that the training left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from elpa_core.schema.reading import Part


class TrainedFile(Part):
    """A file of a trained model, as the training left it."""

    path: str = Field(description="Absolute path or URI of the file.")
    bytes: int | None = Field(default=None, description="Size; null if version 0.1.0 trained the model.")
    sha256: str | None = Field(
        default=None, description="SHA-256 of the file's bytes; null if version 0.1.0 trained the model."
    )

    @classmethod
    def of(cls, file: Path, path: str | None = None) -> TrainedFile:
        """Return what identifies a file on this machine; ``path`` is where it is kept, if not there."""
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            size = opened.tell()
        return cls(path=str(file) if path is None else path, bytes=size, sha256=sha256)

    def at(self, path: object) -> TrainedFile:
        """Return the same file in another place."""
        return self.model_copy(update={"path": str(path)})


def trained_files(value: Iterable[Any] | None) -> tuple[TrainedFile, ...]:
    """Return the files that a list of a status, a manifest or an XCom value names.

    Raises
    ------
    ValueError
        If an entry is neither a file nor, as in version 0.1.0, a path.
    """
    return tuple(
        TrainedFile(path=one) if isinstance(one, str) else TrainedFile.model_validate(one)
        for one in value or ()
    )
