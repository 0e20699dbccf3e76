"""Real commands run by the real bash: how they end, what they see, and why one cannot start."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from support.real_commands import (
    ENV,
    ON_LINUX,
    lines_of,
    start_host,
)

from elpa_core.errors import CommandError
from elpa_core.processes import command as processes
from elpa_core.processes.command import Command, CommandResult


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
