"""Run one shell command, and end every process that it started.

A small program, `elpa_core.processes.supervisor`, runs between this process and ``bash -c COMMAND``,
in its own session. It ends the command with all descendants in three cases: on request, when this
process dies for any reason (SIGKILL included), and when the shell ends and leaves processes behind.
It sends SIGTERM to all of them, daemons and processes in other sessions included. After
``stop_grace`` seconds it sends SIGKILL to the rest. If the command stops the supervisor itself
(``kill -STOP $PPID``), this process continues it, and does its work if it is stopped again and again.

On Linux there is one gap: after SIGKILL to the supervisor itself, the shell and its process group
still die, but a descendant in another session survives. Two kinds of processes are out of reach:
those that a service starts for the command (docker, at, systemd-run, ssh), and those of another
user, if ELPA does not run as root. On other systems (macOS) the supervisor ends only the shell's
process group: a descendant in another session or group survives, and leftovers are not counted.
"""

from __future__ import annotations

import errno
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from elpa_core.errors import CommandError, quoted
from elpa_core.processes.output_lines import Filter, LineSplitter
from elpa_core.processes.supervisor import LINUX, descendants

DEFAULT_STOP_GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL."""
_MARGIN = 0.5  # seconds that the supervisor has for what it does after the grace
_CHUNK = 1 << 16
_MAX_PIPE = 1 << 20
_MAX_PENDING = 1 << 22
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Parameters
    ----------
    return_code : int
        The exit status of the shell, or the negative number of the signal that ended it.
    leftovers : int
        How many processes were still running after the shell had ended, and were ended.
    stopped : bool
        Whether the command was stopped; then ``return_code`` says nothing about its result.
    """

    return_code: int
    leftovers: int
    stopped: bool


class Command:
    """One run of a shell command.

    Parameters
    ----------
    command : str
        What ``bash -c`` runs. It has an empty standard input, no inherited open file, default
        signal handlers and no terminal.
    cwd : Path
        The working folder; it must exist.
    env : mapping of str to str
        The whole environment; nothing is added.
    stdout, stderr : binary file or int, optional
        An open file or its number; default: the stream of this process.
    on_line : callable, optional
        Called with each line of both streams, in the order of writing; used instead of ``stdout``
        and ``stderr``. A line has no line ending and is decoded as UTF-8, with U+FFFD for invalid
        bytes. A line longer than 64 KiB arrives in pieces. Of lines that are redrawn (progress
        bars), only the last state arrives, and every 5 seconds the present one.
    clean : Filter, optional
        What the output goes through on its way to ``on_line``.
    stop_grace : float
        Seconds from SIGTERM to SIGKILL; 0: SIGKILL at once.

    Raises
    ------
    ValueError
        If ``on_line`` is combined with ``stdout`` or ``stderr``, or ``stop_grace`` is not a duration.

    Examples
    --------
    >>> Command("echo done; exit 3", cwd=Path("/"), env={}, on_line=print).run()
    done
    CommandResult(return_code=3, leftovers=0, stopped=False)
    """

    def __init__(
        self,
        command: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | int | None = None,
        on_line: Callable[[str], None] | None = None,
        clean: Filter | None = None,
        stop_grace: float = DEFAULT_STOP_GRACE,
    ) -> None:
        if on_line is not None and not (stdout is None and stderr is None):
            raise ValueError("on_line takes both streams: give either it, or stdout and stderr")
        if not (0 <= stop_grace < math.inf):
            raise ValueError(f"stop_grace must be a number of seconds from 0 up, not {stop_grace}")
        self._command = command
        self._cwd = cwd
        self._env = env
        self._stdout, self._stderr = stdout, stderr
        self._lines = None if on_line is None else LineSplitter(on_line, clean)
        self._stop_grace = stop_grace
        self._stopping = False
        self._kill_at = math.inf
        self._killed = False
        self._thread: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._output: int | None = None
        self._open: set[int] = set()
        self._reply = b""
        self._pending = bytearray()

    def run(self) -> CommandResult:
        """Run the command once; return when all its processes have ended.

        An exception in this thread meanwhile (KeyboardInterrupt, or one from a signal handler or
        from ``on_line``) stops the command and is then raised. If leftovers were ended, a line
        after the output, with the prefix ``elpa:``, says so.

        Raises
        ------
        CommandError
            If the command cannot be started, or its supervisor was killed.
        """
        if self._thread is not None:
            raise ValueError("a Command runs once")
        self._thread = threading.get_ident()
        request = _request(self._command, self._cwd, self._env, self._stop_grace)
        if self._stopping:
            return CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)
        try:
            try:
                self._start(request)
            except OSError as error:
                raise CommandError(f"no process can be started: {error}") from error
            while not self._ended:
                self._pump(1.0)
                self._deliver()
                self._keep_going()
            self._drain()
            return self._result()
        except BaseException:
            self._stop(deliver=True)
            self._drain()
            raise
        finally:
            self._close()

    def stop(self) -> None:
        """Stop the command; return when all its processes have ended.

        Call it at any time, also from another thread or from a signal handler that interrupts
        `run`. It returns after at most ``stop_grace + 1`` seconds; if processes remain then, the
        supervisor continues to end them. `run` returns a result with ``stopped`` set.
        """
        self._stop(deliver=False)

    def _stop(self, *, deliver: bool) -> None:
        self._stopping = True
        if self._control is not None:
            # Not close: as long as a forked process has a copy, it does not signal the end of file.
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)
        until = time.monotonic() + self._stop_grace + 2 * _MARGIN
        self._kill_at = min(self._kill_at, until - _MARGIN)
        # If the process does not exist yet, the supervisor reads the end of file before a request.
        while self._process is not None and not self._ended:
            left = until - time.monotonic()
            if left <= 0:
                return
            self._keep_going()
            if threading.get_ident() != self._thread:
                time.sleep(min(left, 0.01))
                continue
            # Keep reading: a command that blocks on a full pipe could not handle SIGTERM.
            self._pump(min(left, 0.02))
            if deliver:
                self._deliver()

    def _keep_going(self) -> None:
        """Continue a supervisor that was stopped; end what it should have ended by now."""
        if self._process is None:
            return
        with suppress(OSError):
            self._process.send_signal(signal.SIGCONT)
        late = time.monotonic() - self._kill_at
        if late < 0 or self._process.poll() is not None:
            return
        left = descendants(self._process.pid)
        for pid, *_ in left:
            self._killed = True
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if LINUX and not left and late > _MARGIN:
            self._process.kill()

    def _start(self, request: bytes) -> None:
        self._control, theirs = socket.socketpair()
        self._open.add(self._control.fileno())
        stdout, stderr, write_end = self._stdout, self._stderr, None
        try:
            if self._lines is not None:
                self._output, write_end = os.pipe()
                os.set_blocking(self._output, False)
                self._open.add(self._output)
                stdout = stderr = write_end
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", os.fspath(_SUPERVISOR)],
                stdin=theirs.fileno(),
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        finally:
            theirs.close()
            if write_end is not None:
                os.close(write_end)
        # If the supervisor has ended already, the missing reply says so. MSG_NOSIGNAL prevents SIGPIPE.
        with suppress(OSError):
            self._control.sendall(request, getattr(socket, "MSG_NOSIGNAL", 0))
        self._control.setblocking(False)

    @property
    def _ended(self) -> bool:
        return self._control is None or self._control.fileno() not in self._open

    def _pump(self, seconds: float) -> None:
        # A signal handler may re-enter this method at any point. So each call has its own poll
        # object, the files do not block, and every step can run twice.
        dead = self._process is not None and self._process.poll() is not None
        poller = select.poll()
        for handle in tuple(self._open):
            poller.register(handle, select.POLLIN)
        ready = poller.poll(0 if dead else math.ceil(seconds * 1000))
        for handle, _ in ready:
            try:
                data = os.read(handle, _CHUNK)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                self._open.discard(handle)
            elif handle == self._output:
                self._pending += data
                # While a signal handler stops the command, nothing consumes the output: limit it.
                del self._pending[:-_MAX_PENDING]
            else:
                self._reply += data
        # If a forked process holds the other end of the socket, there is no end of file.
        if dead and not ready:
            self._open.clear()

    def _deliver(self) -> None:
        if self._lines is not None and self._pending:
            data, self._pending = self._pending, bytearray()
            self._lines.feed(bytes(data))

    def _drain(self) -> None:
        # Not until the end of file: another process to which the command passed the pipe may keep
        # writing. So read at most as much as a pipe can hold.
        for _ in range(_MAX_PIPE // _CHUNK):
            self._pump(0)
            self._deliver()
        if self._lines is not None:
            self._lines.close()

    def _result(self) -> CommandResult:
        match self._reply.split():
            case [b"started", _, b"ended", *numbers]:
                status, leftovers, stopped, survivors = map(int, numbers)
                if leftovers:
                    self._note(
                        f"the shell ended and left processes running ({leftovers}); they were ended "
                        "(a command that should wait for them ends with `wait`)"
                    )
                if survivors:
                    self._note(f"processes that could not be ended, such as another user's: {survivors}")
                return CommandResult(status, leftovers, bool(stopped) or self._killed)
            case [*_, b"failed", stage, number]:
                raise CommandError(self._failure(stage, int(number)))
            case [b"started", shell]:
                with suppress(OSError):
                    os.killpg(int(shell), signal.SIGKILL)
        if self._stopping:
            return CommandResult(-signal.SIGTERM, leftovers=0, stopped=True)
        if not self._reply:
            raise CommandError(
                f"{sys.executable} -I -S {_SUPERVISOR} ended before it started the command; "
                "if it said why, that stands in the command's error output"
            )
        raise CommandError(
            "the command was ended because its supervisor was killed from outside (out of memory?); "
            "what it ran in sessions of their own may live on"
        )

    def _failure(self, stage: bytes, number: int) -> str:
        reason = os.strerror(number)
        if stage == b"folder":
            return f"{self._cwd}: {reason}; expected the folder in which the command is to run"
        if stage == b"supervisor":
            return f"this system cannot supervise a command: {reason}; a /proc of its own is needed"
        if number == errno.E2BIG:
            env = sum(len(name) + len(value) + 2 for name, value in self._env.items())
            return (
                f"the command ({len(self._command)} characters) and its environment ({env}) are too "
                "long for this system; put the command into a script, or large values into files"
            )
        return f"bash cannot be started: {reason}"

    def _note(self, text: str) -> None:
        line = f"elpa: {text}"
        if self._lines is not None:
            self._lines.feed(line.encode() + b"\n")
            return
        stderr = 2 if self._stderr is None else self._stderr
        with suppress(OSError):
            os.write(stderr if isinstance(stderr, int) else stderr.fileno(), line.encode() + b"\n")

    def _close(self) -> None:
        ended = self._ended
        self._open.clear()
        if self._control is not None:
            self._control.close()
        if self._output is not None:
            os.close(self._output)
        if self._process is not None and ended:
            self._process.wait()


def _request(command: str, cwd: Path, env: Mapping[str, str], stop_grace: float) -> bytes:
    bash = shutil.which("bash")
    if bash is None:
        raise CommandError(f"found no bash in PATH {quoted(os.environ.get('PATH'), 1000)}; install it")
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise CommandError(
                f"the environment variable {quoted(name)} cannot be given to a command; expected a "
                "name, not empty and without '=', and no NUL character in name and value"
            )
    if "\0" in command or "\0" in str(cwd):
        raise CommandError("the command or its folder holds a NUL character, which no command can")
    fields = [repr(float(stop_grace)), str(cwd), str(Path(bash).absolute()), command]
    try:
        data = b"\0".join(map(os.fsencode, fields + [f"{name}={value}" for name, value in env.items()]))
    except UnicodeEncodeError as error:
        character = ascii(error.object[error.start])
        raise CommandError(f"no command can hold the half character {character}") from error
    return len(data).to_bytes(8, "big") + data
