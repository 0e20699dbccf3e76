"""``elpa --version``, and ``elpa`` without a command. About 3 s."""

from __future__ import annotations

from importlib import resources
from importlib.metadata import metadata

import pytest

import elpa_core


def test_the_version_is_that_of_the_distribution(elpa):
    done = elpa("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"elpa {metadata('elpa-airflow')['Version']}\n",
        "",
    )
    assert elpa_core.__version__ == metadata("elpa-airflow")["Version"], (
        "make brings the environment up to date"
    )


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        ((), ["init", "validate", "train", "integrate", "policy", "runs", "route", "backtest", "schema"]),
        (("policy",), ["list", "current", "show", "diff", "files", "promote", "rollback", "lift"]),
        (("runs",), ["prune"]),
    ],
)
def test_without_a_command_it_lists_its_commands(elpa, arguments, commands):
    done = elpa(*arguments)
    _, _, listed = done.stderr.partition("\ncommands:\n")
    assert [line.split()[0] for line in listed.splitlines() if line[4:5].isalpha()] == ["COMMAND", *commands]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == elpa(*arguments, "--help").stdout


@pytest.mark.parametrize("package", ["elpa_core", "elpa_airflow"])
def test_the_package_says_that_it_is_typed(package):
    assert (resources.files(package) / "py.typed").is_file()
