"""One cluster for all tests of this folder: its start takes a minute."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    # Not pytest's own folder: PostgreSQL's user may not go through that.
    folder = Path(tempfile.mkdtemp(prefix="elpa-cluster-"))
    folder.chmod(0o755)
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if request.session.testsfailed:
            request.config.get_terminal_writer().line(f"\nlogs of the cluster: {made.logs}")
        else:
            shutil.rmtree(folder)
