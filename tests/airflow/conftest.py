"""Each test that runs something gets an Airflow home of its own; see `airflow_site`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.airflow_site import DagsFolder, Site, migrated_home


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    template = migrated_home()
    return lambda name: Site(tmp_path_factory.mktemp(name), template)


@pytest.fixture
def site(new_site: Callable[[str], Site]) -> Site:
    return new_site("site")


@pytest.fixture
def folder(tmp_path: Path) -> DagsFolder:
    return DagsFolder(tmp_path)
