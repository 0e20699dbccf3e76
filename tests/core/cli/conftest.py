"""Fixtures of the tests of the command line."""

import os
from pathlib import Path

import pytest
from support.made_panels import policy_of
from support.streams import stream_files, write_policy

from elpa_core.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(here, capsys, snapshot):
    """Call the command line; it must refuse its input and leave everything as it was."""

    def call(*arguments):
        before = snapshot()
        assert main([os.fspath(argument) for argument in arguments]) == 2
        assert snapshot() == before
        stdout, stderr = capsys.readouterr()
        assert stdout == ""
        return stderr.splitlines()

    return call


@pytest.fixture
def begun(tmp_path: Path) -> tuple[list[str], Path, Path]:
    """A command whose state has learned from rows 0 and 1, its forecasts and actuals."""
    f, a, _, _ = stream_files(tmp_path, 6, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    some = tmp_path / "some.csv"
    some.write_text("".join(f.read_text().splitlines(keepends=True)[:3]))
    command = ["route", "--policy", policy, "--actuals", str(a), "--state", str(tmp_path / "state.json")]
    assert main([*command, "--forecasts", str(some), "--output", str(tmp_path / "out.csv")]) == 0
    return command, f, a
