"""One standalone Airflow for the tests of this folder, whose scheduler can be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Of what the tests of the core share with those of Airflow.
sys.path.append(str(Path(__file__).parents[2] / "core"))

from support.scheduled import Scheduled


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduled]:
    made = Scheduled(tmp_path_factory.mktemp("scheduled"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
