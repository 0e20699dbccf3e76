"""Save and load the state of a router or a panel of routers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

from elpa_core.files.atomic import json_bytes, write_atomic
from elpa_core.routing import snapshot


class Saved(ABC):
    """Something whose state is a JSON object."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON object; `from_json` goes on from it to the bit."""

    @classmethod
    @abstractmethod
    def from_json(cls, value: object, source: str = "state") -> Self:
        """Return an object with the state that `to_json` returned.

        Raises
        ------
        InputError
            If it is not a complete state of this version.
        """

    def save(self, path: Path) -> None:
        """Write the state in one step: a reader sees either the old or the new state."""
        write_atomic(path, json_bytes(self.to_json()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what `save` wrote.

        Raises
        ------
        InputError
            If the file cannot be read, is incomplete, or holds another kind of state.
        """
        return cls.from_json(snapshot.read_json(path), str(path))
