"""Fixtures of the store's tests."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from elpa_core.cli import main
from elpa_core.store import PolicyStore


@pytest.fixture
def store(tmp_path):
    return PolicyStore(tmp_path / "store", "pool")


@pytest.fixture
def quick_path(tmp_path):
    """Return a folder in memory, where there is such: what is made there need not wait for a disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


@pytest.fixture
def command(store, capsys):
    """Run the command line in this process; return status, standard output, standard error."""

    def run(*arguments, dag="pool", root=store.folder.root):
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        capsys.readouterr()
        try:
            status = main([*map(str, arguments), "--store", str(root), "--dag", dag])
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return status, *capsys.readouterr()

    return run
