"""End what a folder of tests shares with its last test: an Airflow that idles takes time from all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_ENDS: dict[Path, Callable[[], None]] = {}


def ends_with(folder: Path, stop: Callable[[], None]) -> None:
    """Call ``stop`` when the last test below a folder has ended in this process."""
    _ENDS[folder] = stop


@pytest.hookimpl(trylast=True)  # after the fixtures of the test's file
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End what belongs to folders of a test and not of the one that follows."""
    for folder in [one for one in _ENDS if item.path.is_relative_to(one)]:
        if nextitem is None or not nextitem.path.is_relative_to(folder):
            _ENDS.pop(folder)()
