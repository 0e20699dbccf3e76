"""One Airflow home for all tests of this folder, but for those that need a database of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.airflow_home import AirflowHome
from support.airflow_site import DagsFolder, Site
from support.browser import CHROMIUM, chromium


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    folder = tmp_path_factory.mktemp("airflow")
    made = AirflowHome(folder / "home")
    made.migrate(Site(folder, made).env)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory, airflow_home: AirflowHome) -> Callable[[str], Site]:
    return lambda name: Site(tmp_path_factory.mktemp(name), airflow_home)


@pytest.fixture
def site(new_site: Callable[[str], Site]) -> Site:
    return new_site("site")


@pytest.fixture
def folder(tmp_path: Path) -> DagsFolder:
    return DagsFolder(tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="no browser test without playwright")
    if CHROMIUM is None:
        pytest.skip("no browser test without Chromium: apt-get install chromium")
    with chromium() as opened:
        yield opened
