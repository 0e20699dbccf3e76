"""One standalone Airflow for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from support.airflow_site import ROOT
from support.standalone_airflow import Standalone


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    # Of test_serving.py; Airflow looks for new Dag files every five minutes.
    shutil.copy(ROOT / "dags" / "serve_water_flow.py", made.dags)
    try:
        made.start()
        yield made
    finally:
        made.stop()
