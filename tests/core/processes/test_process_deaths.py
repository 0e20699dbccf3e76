"""When this process or the supervisor is hit, nothing of the command is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.real_commands import (
    FAMILY,
    FAMILY_SIZE,
    ON_LINUX,
    eventually,
    lines_of,
    living,
    start_host,
    state,
)

from elpa_core.errors import CommandError
from elpa_core.processes import command as processes
from elpa_core.processes.command import CommandResult


@ON_LINUX
def test_interrupt_stops_everything_before_it_goes_on(tmp_path: Path) -> None:
    code = f"""
try:
    run({FAMILY!r} + "touch ready; while :; do sleep 1000; done", stop_grace=0.3)
except KeyboardInterrupt:
    print(len(living()))
"""
    host = start_host(code, tmp_path)
    eventually((tmp_path / "ready").exists)
    # To the whole group, as a terminal does: the command is not in it, and ends in good order.
    os.killpg(host.pid, signal.SIGINT)
    said, _ = host.communicate(timeout=60)
    assert said == b"0\n"


def test_the_terminals_interrupt_does_not_reach_the_command(tmp_path: Path) -> None:
    code = """
trap = "trap 'echo INT >> told' INT; trap 'echo TERM >> told; exit' TERM; "
try:
    run(trap + "touch ready; while :; do sleep 0.01; done", stop_grace=60)
except KeyboardInterrupt:
    pass
"""
    host = start_host(code, tmp_path)
    eventually((tmp_path / "ready").exists)
    os.killpg(host.pid, signal.SIGINT)
    host.communicate(timeout=60)
    assert (tmp_path / "told").read_text() == "TERM\n"


@ON_LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_nothing_outlives_the_death_of_this_process(number: signal.Signals, tmp_path: Path) -> None:
    command = FAMILY + "touch ready; while :; do sleep 1000; done"
    host = start_host(f"run({command!r}, stop_grace=0.2)", tmp_path)
    eventually((tmp_path / "ready").exists)
    assert len(living(tmp_path)) == FAMILY_SIZE
    # To its group, as Airflow does: the supervisor must not be in it.
    os.killpg(host.pid, number)
    host.communicate(timeout=60)
    eventually(lambda: not living(tmp_path))


@ON_LINUX
def test_a_fork_that_holds_our_socket_open_changes_nothing(tmp_path: Path) -> None:
    # As multiprocessing does: the end of file alone would not tell that this process has died.
    code = f"""
def fork(line):
    if os.fork() == 0:
        Path("fork").write_text(str(os.getpid()))
        signal.pause()
run({FAMILY!r} + "echo; while [ ! -s fork ]; do sleep 0.01; done; touch ready; while :; do sleep 1000; done",
    stop_grace=0.2, on_line=fork)
"""
    host = start_host(code, tmp_path)
    eventually((tmp_path / "ready").exists)
    fork = int((tmp_path / "fork").read_text())
    try:
        host.kill()
        host.wait()
        eventually(lambda: not living(tmp_path))
        assert state(fork) == "S"
    finally:
        os.kill(fork, signal.SIGKILL)
        host.communicate(timeout=60)


@ON_LINUX
def test_a_killed_supervisor_takes_the_shell_and_its_group_along(tmp_path: Path) -> None:
    command = "echo $$ > pids; sleep 1000 & echo $! >> pids; kill -KILL $PPID; sleep 1000"
    with pytest.raises(CommandError, match="supervisor was killed"):
        lines_of(command, tmp_path)
    eventually(lambda: not living(tmp_path))


@ON_LINUX
def test_the_shell_dies_with_its_supervisor_even_if_we_cannot_act(tmp_path: Path) -> None:
    host = start_host(
        "run('echo $$ > pids; echo $PPID > supervisor; touch ready; exec sleep 1000')", tmp_path
    )
    eventually((tmp_path / "ready").exists)
    host.send_signal(signal.SIGSTOP)
    os.kill(int((tmp_path / "supervisor").read_text()), signal.SIGKILL)
    eventually(lambda: not living(tmp_path))
    host.kill()
    host.communicate(timeout=60)


def test_sigterm_to_the_supervisor_is_a_stop(tmp_path: Path) -> None:
    lines, result = lines_of("echo $$ > pids; kill -TERM $PPID; sleep 1000", tmp_path)
    assert result == CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)
    assert not living(tmp_path)
    assert lines == []


def test_elsewhere_than_on_linux_the_group_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "supervisor.py"
    real = processes._SUPERVISOR
    # A subreaper here too, as the first process of a container does not always reap at once.
    other.write_text(
        "import ctypes, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); sys.platform = 'darwin'; "
        f"exec(open({str(real)!r}).read())"
    )
    monkeypatch.setattr(processes, "_SUPERVISOR", other)
    started = "trap '' TERM; echo $$ > pids; sleep 1000 & echo $! >> pids; "
    assert lines_of(started + "exit 4", tmp_path, stop_grace=0.2)[1] == CommandResult(
        4, leftovers=0, stopped=False
    )
    assert not living(tmp_path)
    code = f"""
from elpa_core.processes import command as processes
processes._SUPERVISOR = Path({str(other)!r})
run({started!r} + "touch ready; sleep 1000", stop_grace=0.2)
"""
    host = start_host(code, tmp_path)
    eventually((tmp_path / "ready").exists)
    host.kill()
    host.communicate(timeout=60)
    eventually(lambda: not living(tmp_path))


@ON_LINUX
def test_no_file_and_no_zombie_stays_with_us(tmp_path: Path, on_signal: Callable[..., None]) -> None:
    def mine() -> tuple[list[str], list[str]]:
        children = [
            path.name
            for path in Path("/proc").glob("[0-9]*")
            if (path / "stat").exists()
            and (path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == str(os.getpid())
        ]
        return sorted(path.name for path in Path("/proc/self/fd").iterdir()), children

    def fail() -> None:
        raise KeyboardInterrupt

    on_signal(signal.SIGALRM, fail)
    lines_of("true", tmp_path)
    before = mine()
    for _ in range(3):
        lines_of("echo x", tmp_path)
        with pytest.raises(KeyboardInterrupt):
            lines_of("kill -ALRM $HOST; sleep 1000", tmp_path)
        with pytest.raises(CommandError):
            lines_of("true", tmp_path / "missing")
    # Of other tests, something may go at any moment.
    files, children = mine()
    assert set(files) <= set(before[0])
    assert set(children) <= set(before[1])
