"""What all tests start from."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

pytest.register_assert_rewrite("support")
pytest_plugins = ["support.folder_ends"]

# make test-sweeps asks for the second by --hypothesis-profile.
settings.register_profile("sample", deadline=None, max_examples=50)
settings.register_profile("sweeps", deadline=None, max_examples=500)
settings.load_profile("sample")

# A shell starts background jobs with SIGINT ignored, and so would be every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for tests in tests only: doctests of helper modules would import those a second time."""
    return True if collection_path.suffix == ".py" and not collection_path.name.startswith("test_") else None


def _group(nodeid: str) -> str | None:
    """Return what a test shares an Airflow with."""
    if nodeid.startswith("tests/distributed/"):
        return "cluster"
    if nodeid.startswith(("tests/airflow/scheduler/", "tests/demo/test_make_up.py")):
        return "standalone"
    if nodeid.startswith("tests/airflow/ui/"):
        return "pages"
    return "airflow" if nodeid.startswith("tests/airflow/") else None


_LONGEST_FIRST = ("airflow", "standalone", "cluster", "pages", None)
_SET_UP_ONCE = ("test_object_store_deaths.py", "test_local_run.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups: at the end no worker waits for the last of them."""
    items.sort(key=lambda item: _LONGEST_FIRST.index(_group(item.nodeid)))


class _Scheduling(LoadScopeScheduling):
    """Give to one worker all tests that share an Airflow, or what else a file sets up once.

    The marker xdist_group would do, but xdist 3.8 does not see it under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        if group := _group(nodeid):
            return group
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/demo/") or file.endswith(_SET_UP_ONCE) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _Scheduling(config, log)
