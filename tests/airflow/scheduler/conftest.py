"""One standalone Airflow for all tests of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.airflow_site import ROOT
from support.folder_ends import ends_with
from support.standalone_airflow import Standalone


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Standalone:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    ends_with(Path(__file__).parent, made.stop)
    # Of test_serving.py; Airflow looks for new Dag files every five minutes.
    shutil.copy(ROOT / "dags" / "serve_water_flow.py", made.dags)
    made.start()
    return made
