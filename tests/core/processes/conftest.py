"""Fixtures of tests that run commands: nothing outlives them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """End what a failed test has left: only what runs in the folder of the test."""
    yield
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == tmp_path:
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def on_signal() -> Iterator[Callable[[signal.Signals, Callable[[], object]], None]]:
    """Call something when this process gets a signal, as Airflow does."""
    before = {}

    def handle(number: signal.Signals, act: Callable[[], object]) -> None:
        before[number] = signal.signal(number, lambda *_: act())

    yield handle
    for number, handler in before.items():
        signal.signal(number, handler)
