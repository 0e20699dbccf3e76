"""One standalone Airflow for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.folder_ends import ends_with
from support.standalone_airflow import Standalone
from support.water_flow import add_demo


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Standalone:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    ends_with(Path(__file__).parent, made.stop)
    # Of test_serving.py; Airflow looks for new Dag files every five minutes.
    add_demo(made.dags)
    made.start()
    return made
