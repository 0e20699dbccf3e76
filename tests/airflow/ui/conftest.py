"""One API server for all tests of the pages; each test finds the store as it was laid down."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from support.airflow_home import AirflowHome
from support.folder_ends import ends_with
from support.s3_service import s3_service
from support.ui_server import UiServer


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory, airflow_home: AirflowHome) -> UiServer:
    started = ExitStack()
    ends_with(Path(__file__).parent, started.close)
    s3 = started.enter_context(s3_service())
    s3.make_bucket("policies")
    server = UiServer(tmp_path_factory.mktemp("ui"), airflow_home.migrated, s3)
    started.callback(server.stop)
    server.start()
    return server


@pytest.fixture
def server(running_server: UiServer) -> UiServer:
    running_server.lay_policies()
    return running_server
