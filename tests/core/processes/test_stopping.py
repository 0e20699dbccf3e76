"""Stopping a command: each process that it started ends, and has its time to do so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.real_commands import (
    ENV,
    FAMILY,
    FAMILY_SIZE,
    ON_LINUX,
    eventually,
    lines_of,
    living,
)

from elpa_core.processes.command import Command, CommandResult

# What the shell leaves behind


@ON_LINUX
def test_leftovers_are_ended_and_told(tmp_path: Path) -> None:
    lines, result = lines_of(FAMILY + "echo over; exit 4", tmp_path, stop_grace=0.2)
    assert not living(tmp_path)
    assert result == CommandResult(4, leftovers=result.leftovers, stopped=False)
    # The five, and the `sleep`s that two of them started.
    assert FAMILY_SIZE - 1 <= result.leftovers <= FAMILY_SIZE + 1
    assert lines[0] == "over"
    assert len(lines) == 2
    assert lines[1].startswith(f"elpa: the shell ended and left processes running ({result.leftovers})")


def test_leftovers_are_told_on_standard_error(tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb") as err:
        command = Command("echo $$ > pids; sleep 1000 & echo $! >> pids", cwd=tmp_path, env=ENV, stderr=err)
        assert command.run() == CommandResult(0, leftovers=1, stopped=False)
    assert "left processes running (1)" in (tmp_path / "err").read_text()


def test_what_ends_by_itself_after_the_shell_is_no_leftover(tmp_path: Path) -> None:
    # As `tee` does in `> >(tee log)`: bash does not wait for it, and its end is not to be lost.
    lines, result = lines_of("echo last words > >(sleep 0.1; cat)", tmp_path)
    assert lines == ["last words"]
    assert result.leftovers == 0


# Stopping


@ON_LINUX
@pytest.mark.parametrize("grace", [0, 0.3])
def test_an_exception_from_a_signal_handler_stops_everything_first(
    grace: float, tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    class TaskTimeout(BaseException):
        pass

    def time_out() -> None:
        assert len(living(tmp_path)) == FAMILY_SIZE
        raise TaskTimeout

    on_signal(signal.SIGALRM, time_out)
    with pytest.raises(TaskTimeout):
        lines_of(FAMILY + "kill -ALRM $HOST; while :; do sleep 1000; done", tmp_path, stop_grace=grace)
    assert not living(tmp_path)


@ON_LINUX
def test_a_second_exception_while_stopping_leaves_nothing(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    class Again(BaseException):
        pass

    def again() -> None:
        raise Again

    on_signal(signal.SIGALRM, again)
    command = (
        FAMILY + "trap 'echo told; kill -ALRM $HOST' TERM; kill -ALRM $HOST; while :; do sleep 0.01; done"
    )
    with pytest.raises(Again) as caught:
        lines_of(command, tmp_path, stop_grace=0.5)
    assert isinstance(caught.value.__context__, Again)
    eventually(lambda: not living(tmp_path))


@ON_LINUX
def test_stop_in_a_signal_handler_blocks_until_all_is_dead(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    command = Command(
        FAMILY + "kill -USR1 $HOST; while :; do sleep 1000; done", cwd=tmp_path, env=ENV, stop_grace=0.3
    )
    counts: list[int] = []

    def on_kill() -> None:
        counts.append(len(living(tmp_path)))
        command.stop()
        counts.append(len(living(tmp_path)))

    on_signal(signal.SIGUSR1, on_kill)
    assert command.run() == CommandResult(-signal.SIGKILL, leftovers=0, stopped=True)
    assert counts == [FAMILY_SIZE, 0]


def test_stop_in_a_handler_takes_in_the_last_words(tmp_path: Path, on_signal: Callable[..., None]) -> None:
    # More than a pipe holds: unless someone reads, the program hangs in its last words.
    lines: list[str] = []
    command = Command(
        "trap 'head -c 300000 /dev/zero | tr \"\\0\" x; echo; echo saved; exit 3' TERM; "
        "kill -USR1 $HOST; while :; do sleep 0.01; done",
        cwd=tmp_path,
        env=ENV,
        on_line=lines.append,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run() == CommandResult(3, leftovers=0, stopped=True)
    assert "".join(lines).count("x") == 300_000
    assert lines[-1] == "saved"


def test_a_handler_that_reads_in_the_midst_of_our_reading_breaks_nothing(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    # What `stop` does in a handler, a thousand times instead of once.
    lines: list[str] = []
    command = Command(
        "for i in {1..50000}; do echo y; done; exit 3", cwd=tmp_path, env=ENV, on_line=lines.append
    )
    on_signal(signal.SIGALRM, lambda: (command._pump(0), command._pump(0)))
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        result = command.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert result.return_code == 3
    assert "".join(lines) == "y" * 50_000


def test_stop_from_another_thread(tmp_path: Path) -> None:
    ready = threading.Event()
    command = Command(
        "echo $$ > pids; echo ready; sleep 1000", cwd=tmp_path, env=ENV, on_line=lambda _: ready.set()
    )
    results: list[CommandResult] = []
    thread = threading.Thread(target=lambda: results.append(command.run()))
    thread.start()
    assert ready.wait(60)
    command.stop()
    assert not living(tmp_path)
    thread.join(60)
    assert results == [CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)]


def test_stop_before_and_after(tmp_path: Path) -> None:
    command = Command("touch ran", cwd=tmp_path, env=ENV)
    command.stop()
    assert command.run() == CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)
    assert not (tmp_path / "ran").exists()
    command.stop()
    command = Command("touch ran", cwd=tmp_path, env=ENV)
    command.run()
    command.stop()
    assert (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="once"):
        command.run()


def test_an_error_in_on_line_stops_the_command_and_is_not_asked_again(tmp_path: Path) -> None:
    calls: list[str] = []

    def broken(line: str) -> None:
        calls.append(line)
        raise OSError("the log is full")

    command = "echo $$ > pids; trap 'echo more; exit' TERM; echo first; while :; do sleep 0.01; done"
    with pytest.raises(OSError, match="the log is full"):
        Command(command, cwd=tmp_path, env=ENV, on_line=broken).run()
    assert calls == ["first"]
    assert not living(tmp_path)


def stop_in_a_cleanup(folder: Path, on_signal: Callable[..., None]) -> None:
    """Stop a command whose trap runs the program ``cleanup`` in the folder, which ends with exit code 3."""
    # The child asks for the stop: a shell that traps SIGTERM first waits for the child that it runs.
    command = Command(
        "trap '. ./cleanup' TERM; bash -c 'kill -USR1 $HOST; exec sleep 1000'",
        cwd=folder,
        env=ENV,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run() == CommandResult(3, leftovers=0, stopped=True)


def test_a_cleanup_in_a_trap_has_its_time(tmp_path: Path, on_signal: Callable[..., None]) -> None:
    # SIGTERM goes to what runs when the stop comes, not to what a trap starts then.
    cleanup = (
        "bash -c 'trap \"touch hit\" TERM; for i in {1..30}; do sleep 0.01; done; touch cleaned'; exit 3"
    )
    (tmp_path / "cleanup").write_text(cleanup)
    stop_in_a_cleanup(tmp_path, on_signal)
    assert (tmp_path / "cleaned").exists()
    assert not (tmp_path / "hit").exists()


@ON_LINUX
def test_what_a_trap_starts_and_leaves_gets_sigterm_too(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    (tmp_path / "cleanup").write_text(
        "bash -c 'trap \"touch told; exit\" TERM; touch up; while :; do sleep 0.01; done' &\n"
        "until [ -e up ]; do sleep 0.01; done; exit 3"
    )
    stop_in_a_cleanup(tmp_path, on_signal)
    assert (tmp_path / "told").exists()


@ON_LINUX
def test_each_descendant_gets_sigterm_also_if_stopped_or_orphaned(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    for name in ("session", "daemon", "stopped"):
        (tmp_path / name).write_text(
            f"echo $$ >> pids; trap 'touch {name}.told; exit' TERM; touch {name}.up\n"
            + ("kill -STOP $$\n" if name == "stopped" else "")
            + "while :; do sleep 0.01; done"
        )
    command = Command(
        "setsid bash session & (setsid bash daemon &); bash stopped & echo $! > stopped.pid\n"
        "until [ -e session.up -a -e daemon.up ] && grep -q ') T' /proc/$!/stat; do sleep 0.01; done\n"
        "kill -USR1 $HOST; sleep 1000",
        cwd=tmp_path,
        env=ENV,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run() == CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)
    assert sorted(path.name for path in tmp_path.glob("*.told")) == [
        "daemon.told",
        "session.told",
        "stopped.told",
    ]


@ON_LINUX
def test_a_command_that_goes_on_forking_cannot_outrun_it(
    tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    command = Command(
        "trap '' TERM; for i in {1..400}; do [ $i = 200 ] && kill -USR1 $HOST; "
        "setsid sleep 1000 & echo $! >> pids; done; wait",
        cwd=tmp_path,
        env=ENV,
        stop_grace=0,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run().stopped
    assert len((tmp_path / "pids").read_text().split()) >= 199
    assert not living(tmp_path)


# A command that stops its supervisor, or itself


@ON_LINUX
@pytest.mark.parametrize("number", ["STOP", "TSTP", "TTIN"])
def test_a_command_that_stops_its_supervisor_ends_as_any_other(number: str, tmp_path: Path) -> None:
    lines, result = lines_of(f"kill -{number} $PPID; echo over; exit 3", tmp_path)
    assert (lines, result) == (["over"], CommandResult(3, leftovers=0, stopped=False))


@ON_LINUX
@pytest.mark.parametrize("whom", ["$PPID", "$$", "-- -$$", "0", "$PPID $$"])
def test_whoever_is_stopped_is_continued_and_told(
    whom: str, tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    (tmp_path / "ask").write_text(
        "touch up; until grep -q ') T' /proc/$1/stat /proc/$2/stat; do sleep 0.01; done; kill -USR1 $HOST"
    )
    command = Command(
        "trap 'touch told; exit' TERM; echo $$ > pids; setsid bash ask $$ $PPID & "
        f"until [ -e up ]; do sleep 0.01; done; kill -STOP {whom}; while :; do sleep 0.01; done",
        cwd=tmp_path,
        env=ENV,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run().stopped
    assert (tmp_path / "told").exists()
    assert not living(tmp_path)


@ON_LINUX
@pytest.mark.parametrize("start", ["", "setsid "])
@pytest.mark.parametrize("number", ["STOP", "TSTP"])
def test_stopping_the_supervisor_again_and_again_gains_no_time(
    number: str, start: str, tmp_path: Path, on_signal: Callable[..., None]
) -> None:
    (tmp_path / "loop").write_text(
        f"trap '' TERM; echo $$ >> pids; touch up; while :; do kill -{number} $SUPERVISOR $1; done"
    )
    command = Command(
        f"trap '' TERM; echo $$ >> pids; export SUPERVISOR=$PPID; {start}bash loop & {start}bash loop $! &\n"
        "until [ -e up ]; do sleep 0.01; done; kill -USR1 $HOST; while :; do sleep 0.01; done",
        cwd=tmp_path,
        env=ENV,
        stop_grace=0.3,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run().stopped
    assert not living(tmp_path)
