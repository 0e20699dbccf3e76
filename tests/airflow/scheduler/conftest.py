"""One standalone Airflow for all tests of this folder, and the statsd to which it sends its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.folder_ends import ends_with
from support.notifiers import NOTIFIERS
from support.standalone_airflow import Standalone
from support.statsd import Statsd
from support.water_flow import add_demo


@pytest.fixture(scope="session")
def standalone(tmp_path_factory: pytest.TempPathFactory, statsd: Statsd) -> Standalone:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    ends_with(Path(__file__).parent, made.stop)
    # Of test_serving.py; Airflow looks for new Dag files every five minutes.
    add_demo(made.dags)
    (made.dags / "notifiers_of_tests.py").write_text(NOTIFIERS, encoding="utf-8")
    made.start(statsd.settings)
    return made


@pytest.fixture(scope="session")
def statsd() -> Iterator[Statsd]:
    made = Statsd()
    yield made
    made.close()
