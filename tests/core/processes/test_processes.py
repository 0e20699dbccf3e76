"""Real commands, real signals, real deaths. Runs in about 15 seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from elpa_core import output_lines, processes
from elpa_core.errors import CommandError
from elpa_core.output_lines import MAX_LINE
from elpa_core.processes import Command, CommandResult

ROOT = Path(processes.__file__).parents[1]
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
from elpa_core.processes import Command

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


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """End what a failed test has left: only what runs in the folder of the test."""
    yield
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == tmp_path:
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def on_signal() -> Iterator[Callable[[signal.Signals, Callable[[], object]], None]]:
    """Call something when this process gets a signal, as Airflow does."""
    before = {}

    def handle(number: signal.Signals, act: Callable[[], object]) -> None:
        before[number] = signal.signal(number, lambda *_: act())

    yield handle
    for number, handler in before.items():
        signal.signal(number, handler)


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


# How a command ends by itself


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("exit 1", 1),
        ("exit 99", 99),
        ("exit 137", 137),
        ("kill -KILL $$", -9),
        ("kill -TERM $$", -15),
        ("kill -SEGV $$", -11),
        ("false; echo ok", 0),
        ("", 0),
        ("-x", 127),
        ("no-such-program", 127),
    ],
)
def test_the_status_is_the_shells(command: str, status: int, tmp_path: Path) -> None:
    assert lines_of(command, tmp_path)[1] == CommandResult(status, leftovers=0, stopped=False)


def test_streams_go_to_their_files(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        out.write(b"before\n")
        out.flush()
        Command("echo to out; echo to err >&2", cwd=tmp_path, env=ENV, stdout=out, stderr=err).run()
    assert (tmp_path / "out").read_text() == "before\nto out\n"
    assert (tmp_path / "err").read_text() == "to err\n"


def test_streams_are_those_of_this_process_by_default(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Command("echo out; echo err >&2", cwd=tmp_path, env=ENV).run()
    assert capfd.readouterr() == ("out\n", "err\n")


def test_the_environment_is_exactly_what_was_given(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "EMPTY": "",
        "EQUAL": "a=b=c",
        "LINES": "one\ntwo\r\n",
        "UNICODE": "dépôt 🚆 \u202e",
        "BYTES": os.fsdecode(b"\xff\xfe"),
        "QUOTES": "'\"`$(exit 3)\\",
        "ÜBER": "name",
        "with space": "name",
    }
    Command("env -0 > seen", cwd=tmp_path, env=env).run()
    seen = dict(
        os.fsdecode(item).split("=", 1) for item in (tmp_path / "seen").read_bytes().split(b"\0")[:-1]
    )
    for own_of_bash in ("PWD", "SHLVL", "_", "OLDPWD"):
        seen.pop(own_of_bash, None)
    assert seen == env


@pytest.mark.parametrize("name", ["plain", "two words", "a\nb", "-dash", "Übung 🚆"])
def test_the_folder_is_the_one_given(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    lines, _ = lines_of("pwd -P; echo x > here", folder)
    assert "\n".join(lines) == str(folder.resolve())
    assert (folder / "here").exists()


def test_a_relative_folder_is_relative_to_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert lines_of("pwd -P", Path("sub"))[0] == [str((tmp_path / "sub").resolve())]


def test_it_has_no_input_no_terminal_and_no_file_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        lines, _ = lines_of(
            "readlink /proc/$$/fd/0; wc -c; ls /proc/self/fd; (: > /dev/tty) 2> /dev/null || echo none",
            tmp_path,
        )
    # ls itself opens one file: the folder that it lists.
    assert lines == ["/dev/null", "0", "0", "1", "2", "3", "none"]


@ON_LINUX
def test_no_signal_is_ignored_or_blocked_whatever_we_do(tmp_path: Path) -> None:
    code = """
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGQUIT, signal.SIGRTMIN):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
print(run("grep -E '^Sig(Blk|Ign)' /proc/self/status; exit 7"))
"""
    said, _ = start_host(code, tmp_path).communicate(timeout=60)
    blocked, ignored, result = said.decode().splitlines()
    # Signals 32 and 33 are the C library's own: no program can set them, and some are born with one ignored.
    of_the_c_library = 0b11 << 31
    assert int(blocked.removeprefix("SigBlk:"), 16) == 0
    assert int(ignored.removeprefix("SigIgn:"), 16) & ~of_the_c_library == 0
    assert result == "CommandResult(return_code=7, leftovers=0, stopped=False)"


def test_a_broken_pipe_ends_the_writer_quietly(tmp_path: Path) -> None:
    lines, _ = lines_of("yes | head -1; echo ${PIPESTATUS[@]}", tmp_path)
    assert lines == ["y", f"{128 + signal.SIGPIPE} 0"]


@ON_LINUX
def test_orphans_are_reaped_while_the_command_runs(tmp_path: Path) -> None:
    command = """
    for i in {1..50}; do (true &); done
    for i in {1..2000}; do
        cat /proc/[0-9]*/stat 2> /dev/null | grep -Eq "\\) Z $PPID " || { echo clean; exit; }
    done
    """
    assert lines_of(command, tmp_path)[0] == ["clean"]


def test_wait_in_the_shell_still_sees_its_own_children(tmp_path: Path) -> None:
    assert lines_of("(exit 5) & wait $!; echo $?", tmp_path)[0] == ["5"]


# Lines


def test_both_streams_come_in_the_order_of_writing(tmp_path: Path) -> None:
    lines, _ = lines_of("for i in {1..500}; do echo o$i; echo e$i >&2; done", tmp_path)
    assert lines == [f"{stream}{i}" for i in range(1, 501) for stream in "oe"]


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "answer")
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        if line == "ask":
            (tmp_path / "answer").write_text("heard\n")

    Command("echo ask; cat answer", cwd=tmp_path, env=ENV, on_line=answer).run()
    assert lines == ["ask", "heard"]


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        (r"a\r\nb\n", ["a", "b"]),
        (r"no end", ["no end"]),
        (r"\n\na\n", ["", "", "a"]),
        (r"10%%\r20%%\r100%%\ndone\n", ["100%", "done"]),
        (r"\r10%%\r20%%\r", ["20%"]),
        (r"\r", []),
        (r"\xff\xc3(\x00\x1b[0m\n", ["\ufffd\ufffd(\x00\x1b[0m"]),
        (r"caf\xc3\xa9\n", ["café"]),
    ],
)
def test_what_makes_a_line(printed: str, lines: list[str], tmp_path: Path) -> None:
    assert lines_of(f"printf '{printed}'", tmp_path)[0] == lines


def test_a_progress_bar_is_shown_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_lines, "REDRAW_INTERVAL", 0.0)
    os.mkfifo(tmp_path / "go")
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "20%":
            (tmp_path / "go").write_text("")

    Command(
        r"printf '\r10%%\r20%%\r'; cat go; printf '\r99%%\n'", cwd=tmp_path, env=ENV, on_line=on_line
    ).run()
    assert lines == ["20%", "99%"]


def test_a_very_long_line_comes_in_pieces_without_breaking_characters(tmp_path: Path) -> None:
    text = "x" + "é🚆" * 50_000
    (tmp_path / "text").write_text(text)
    lines, _ = lines_of("cat text; echo; echo end", tmp_path)
    assert "".join(lines) == text + "end"
    assert lines[-1] == "end"
    assert max(len(line.encode()) for line in lines) <= MAX_LINE


def test_much_output_takes_little_memory(tmp_path: Path) -> None:
    code = """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seen = 0
def on_line(line):
    global seen
    seen += len(line)
run("head -c 1000000 /dev/zero; yes | head -c 1000000", on_line=on_line)
before, seen = peak(), 0
run("head -c 30000000 /dev/zero; echo; yes 0123456789 | head -c 20000000", on_line=on_line)
print(seen, peak() - before)
"""
    said, _ = start_host(code, tmp_path).communicate(timeout=120)
    seen, growth = map(int, said.split())
    assert seen == 30_000_000 + 20_000_000 - 20_000_000 // 11
    unit = 1024 if sys.platform == "linux" else 1
    assert growth * unit < 10_000_000


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


def test_a_cleanup_in_a_trap_has_its_time(tmp_path: Path, on_signal: Callable[..., None]) -> None:
    # SIGTERM goes to what runs when the stop comes, not to what a trap starts then.
    cleanup = (
        "bash -c 'trap \"touch hit\" TERM; for i in {1..30}; do sleep 0.01; done; touch cleaned'; exit 3"
    )
    (tmp_path / "cleanup").write_text(cleanup)
    # The child asks for the stop: a shell that traps SIGTERM first waits for the child that it runs.
    command = Command(
        "trap '. ./cleanup' TERM; bash -c 'kill -USR1 $HOST; exec sleep 1000'",
        cwd=tmp_path,
        env=ENV,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run() == CommandResult(3, leftovers=0, stopped=True)
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
    command = Command(
        "trap '. ./cleanup' TERM; bash -c 'kill -USR1 $HOST; exec sleep 1000'",
        cwd=tmp_path,
        env=ENV,
        stop_grace=60,
    )
    on_signal(signal.SIGUSR1, command.stop)
    assert command.run() == CommandResult(3, leftovers=0, stopped=True)
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


# When this process, or the supervisor, is hit


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
    real = ROOT / "elpa_core" / "supervisor.py"
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
from elpa_core import processes
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


# A command that cannot start


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="missing: No such file or directory; expected the folder"):
        lines_of("touch ran", tmp_path / "missing")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="file: Not a directory"):
        lines_of("true", tmp_path / "file")


def test_a_command_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"the command \(3000006 characters\).*too long"):
        lines_of("true #" + "x" * 3_000_000, tmp_path)


def test_an_environment_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="too long"):
        Command("true", cwd=tmp_path, env={"BIG": "x" * 3_000_000}).run()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"A=B": "x"}, '"A=B"'),
        ({"": "x"}, '""'),
        ({"NAME": "a\0b"}, '"NAME"'),
        ({"NA\0ME": "b"}, "no NUL"),
        ({"NAME": "\ud800"}, r"'\\ud800'"),
    ],
)
def test_an_environment_that_no_command_can_have(env: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=words):
        Command("true", cwd=tmp_path, env=env).run()


def test_a_nul_in_the_command(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="NUL"):
        lines_of("echo \0", tmp_path)


def test_no_bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="found no bash"):
        lines_of("true", tmp_path)


def test_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(CommandError, match=r"no process can be started.*python"):
        lines_of("true", tmp_path)


def test_no_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_SUPERVISOR", tmp_path / "missing.py")
    lines: list[str] = []
    with pytest.raises(CommandError, match=r"missing.py ended before it started the command"):
        Command("true", cwd=tmp_path, env=ENV, on_line=lines.append).run()
    assert "can't open file" in lines[0]


def test_arguments_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="both streams"):
        Command("true", cwd=tmp_path, env=ENV, on_line=print, stdout=1)
    for grace in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="stop_grace"):
            Command("true", cwd=tmp_path, env=ENV, stop_grace=grace)
