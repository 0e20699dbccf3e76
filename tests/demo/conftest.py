"""The training code is a user's code base: no package installs it."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give to one process all tests of a file, and to another one, in turn, all that start an Airflow."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            starts_airflow = item.path.name == "test_make_up.py"
            item.add_marker(pytest.mark.xdist_group("standalone" if starts_airflow else item.path.stem))
