"""A shell completes ``elpa`` by argcomplete, which is loaded for a shell that asks and for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
eval "$(register-python-argcomplete elpa)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=($1) COMP_CWORD=1
_python_argcomplete elpa
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(tmp_path):
    """Complete a command line in a Bash for which ``elpa`` is a command."""
    command = tmp_path / "bin" / "elpa"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom elpa_core.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(line):
        done = subprocess.run(
            ["bash", "-c", SCRIPT, "bash", line],
            env={**os.environ, "PATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    return run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("elpa p", ["policy"]),
        ("elpa policy r", ["rollback"]),
        ("elpa runs prune --d", ["--dag", "--dry-run"]),
        ("elpa schema t", ["train"]),
    ],
)
def test_a_shell_completes_commands_and_options(complete, line, expected):
    assert sorted(complete(line)) == sorted(expected)


def test_nobody_else_pays_for_it(elpa_process):
    process = elpa_process("--version", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "argcomplete" not in process.communicate(timeout=60)[1]
