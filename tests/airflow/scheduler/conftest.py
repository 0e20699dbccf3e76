"""One standalone Airflow for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.standalone_airflow import Standalone


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
