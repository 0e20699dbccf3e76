"""What all tests start from."""

from __future__ import annotations

import signal
from pathlib import Path

# A shell starts background jobs with SIGINT ignored, and so would be every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for tests in tests only: doctests of helper modules would import those a second time."""
    return True if collection_path.suffix == ".py" and not collection_path.name.startswith("test_") else None
