"""Fixtures of tests that put values into bash programs."""

import pytest


@pytest.fixture
def folder(tmp_path):
    """A folder whose files show at the end that nothing but the test's own commands wrote there."""
    names = {"a1.txt", "b", "n", "azz"}
    for name in names:
        (tmp_path / name).touch()
    yield tmp_path
    assert {path.name for path in tmp_path.iterdir()} == names
