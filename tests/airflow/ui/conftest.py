"""One API server for all tests of the pages; each test finds the store as it was laid down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.airflow_home import AirflowHome
from support.ui_server import UiServer


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory, airflow_home: AirflowHome) -> Iterator[UiServer]:
    server = UiServer(tmp_path_factory.mktemp("ui"), airflow_home.migrated)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(running_server: UiServer) -> UiServer:
    running_server.lay_policies()
    return running_server
