"""Real commands: with all kinds of company, and in a process that may be hit itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import elpa_core
from elpa_core.processes.command import Command, CommandResult

ROOT = Path(elpa_core.__file__).parents[1]
ENV = {"PATH": os.environ["PATH"], "HOST": str(os.getpid())}
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs a child subreaper and /proc")

# All kinds of company at once, none of which minds SIGTERM: a shell, a child, one in a session of
# its own, a daemon (forked twice), one under nohup and one that is stopped.
FAMILY_SIZE = 6
FAMILY = """
trap '' TERM HUP INT
echo $$ >> pids
sleep 1000 & echo $! >> pids
setsid bash -c 'echo $$ >> pids; exec sleep 1000' &
(setsid bash -c 'echo $$ >> pids; while :; do sleep 1000; done' &)
nohup bash -c 'echo $$ >> pids; exec sleep 1000' > /dev/null 2>&1 &
bash -c 'echo $$ >> pids; kill -STOP $$; sleep 1000' &
while [ "$(wc -l < pids)" -lt 6 ]; do sleep 0.01; done
"""

HOST = """
import os, signal, sys
from pathlib import Path
from elpa_core.processes.command import Command

def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

def living():
    return [pid for pid in map(int, Path("pids").read_text().split()) if alive(pid)]

def run(command, **more):
    env = {"PATH": os.environ["PATH"], "HOST": str(os.getpid())}
    return Command(command, cwd=Path.cwd(), env=env, **more).run()
"""


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def living(folder: Path) -> list[int]:
    file = folder / "pids"
    pids = map(int, file.read_text().split()) if file.exists() else ()
    return [pid for pid in pids if state(pid) not in ("gone", "Z", "X")]


def eventually(check: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not check():
        assert time.monotonic() < until, "this never came true"
        time.sleep(0.01)


def lines_of(command: str, folder: Path, **more: object) -> tuple[list[str], CommandResult]:
    lines: list[str] = []
    result = Command(command, cwd=folder, env=ENV, on_line=lines.append, **more).run()
    return lines, result


def start_host(code: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a Python process of its own that runs a command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", HOST + code],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
