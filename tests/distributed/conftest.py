"""One cluster for all tests of this folder: its start takes a minute."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from support.cluster import Cluster
from support.folder_ends import ends_with


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    # Not pytest's own folder: PostgreSQL's user may not go through that.
    folder = Path(tempfile.mkdtemp(prefix="elpa-cluster-"))
    folder.chmod(0o755)
    made = Cluster(folder)

    def stop() -> None:
        made.stop()
        if request.session.testsfailed:
            request.config.get_terminal_writer().line(f"\nlogs of the cluster: {made.logs}")
        else:
            shutil.rmtree(folder)

    ends_with(Path(__file__).parent, stop)
    made.start()
    return made
