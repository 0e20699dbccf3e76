"""End what a folder of tests shares with its last test: an Airflow that idles takes time from all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_ENDS: dict[Path, Callable[[], None]] = {}


def ends_with(folder: Path, stop: Callable[[], None]) -> None:
    """Call ``stop`` when the last test below a folder has ended in this process."""
    _ENDS[folder] = stop


def leave(path: Path, following: Path | None) -> None:
    """End what belongs to folders of a test and not of the one that follows."""
    for folder in [one for one in _ENDS if path.is_relative_to(one)]:
        if following is None or not following.is_relative_to(folder):
            _ENDS.pop(folder)()
