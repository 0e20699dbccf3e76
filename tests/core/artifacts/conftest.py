"""Fixtures of the tests of artifacts."""

import pytest


@pytest.fixture
def errors_csv(tmp_path):
    def write(content):
        path = tmp_path / "errors.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
