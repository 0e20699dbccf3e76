"""What all tests start from."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("support")

# make test-sweeps asks for the second by --hypothesis-profile.
settings.register_profile("sample", deadline=None, max_examples=50)
settings.register_profile("sweeps", deadline=None, max_examples=500)
settings.load_profile("sample")

# A shell starts background jobs with SIGINT ignored, and so would be every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for tests in tests only: doctests of helper modules would import those a second time."""
    return True if collection_path.suffix == ".py" and not collection_path.name.startswith("test_") else None
