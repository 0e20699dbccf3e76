"""The program between ELPA and one command; it outlives every process that the command starts.

`elpa_core.processes.command` starts it as ``python -I -S supervisor.py``, with a socket as standard input
and the command's own standard output and error. It is a separate program because the process that
ends the descendants must survive when the task process is killed. It imports only a few modules of
the standard library, because each import delays every command.

The program reads one request from the socket: eight bytes of length, then fields separated by NUL
bytes (seconds of grace, working folder, path of bash, command, ``NAME=value`` ...). After the
request, the end of file means: stop. It also occurs when the other process dies for any reason.
The program writes lines to the socket: ``started PID``, then, when all processes have ended,
``ended STATUS LEFTOVERS STOPPED SURVIVORS``. If the command does not start, it writes
``failed STAGE ERRNO``, with or without ``started`` before it.

On Linux the program is a *child subreaper*: a descendant whose parent ends becomes its child,
even if it has left the session or the process group. So "no child left" means "no descendant left".
Other systems have no subreaper; there the program ends only the command's process group.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import sys
import time
from contextlib import suppress

CONTROL = 0
HEADER = 8
LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# Seconds after the end of the shell for processes that end by themselves, such as `tee` in `> >(tee log)`.
SETTLE = 1.0
# Seconds after SIGKILL. A process that survives them belongs to another user or hangs in the kernel.
PATIENCE = 5.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

# Pid, parent's pid, state and start time of a process; the start time identifies a reused pid.
Process = tuple[int, int, bytes, bytes]


class Family:
    """The shell of a command and all its descendants.

    Parameters
    ----------
    shell : int
        The pid of the shell, a child of this process and the leader of a process group.
    """

    def __init__(self, shell: int) -> None:
        self.shell = shell
        self.status: int | None = None
        self.signalled: set[tuple[int, bytes]] = set()

    def alive(self) -> bool:
        """Reap every child that has ended; return whether any process is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.shell:
                    self.status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return not LINUX and self._signal_group(0)

    def end(self, number: signal.Signals, seconds: float) -> bool:
        """Send a signal to all processes until none is left; return False after ``seconds``.

        SIGKILL is sent repeatedly, so that a process that forks meanwhile ends too. SIGTERM is
        sent once to each process, and later only to orphans: the processes that a shell starts in
        its SIGTERM trap are its cleanup.
        """
        until = time.monotonic() + seconds
        pause = 0.002
        first = True
        while self.alive():
            now = time.monotonic()
            if now >= until:
                return False
            again = number == signal.SIGKILL
            if not LINUX and (first or again):
                self._signal_group(number)
            for process in self.members():
                pid, parent, _, start = process
                orphan = parent == os.getpid() and (pid, start) not in self.signalled
                if first or again or orphan:
                    self._signal(process, number)
            first = False
            time.sleep(min(pause, until - now))
            pause = min(2 * pause, 0.1)
        return True

    def members(self) -> list[Process]:
        """Return the living descendants; see `descendants`."""
        return descendants(os.getpid())

    def _signal(self, process: Process, number: signal.Signals) -> None:
        pid, _, state, start = process
        now = _stat(pid)
        if now is None or now[3] != start:
            return
        self.signalled.add((pid, start))
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            if state == b"T":
                os.kill(pid, signal.SIGCONT)

    def _signal_group(self, number: int) -> bool:
        try:
            os.killpg(self.shell, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def descendants(ancestor: int) -> list[Process]:
    """Return the living descendants of a process, parents before their children. Empty if not on Linux."""
    children: dict[int, list[Process]] = {}
    for pid in _pids():
        process = _stat(pid)
        if process is not None:
            children.setdefault(process[1], []).append(process)
    found = list(children.get(ancestor, ()))
    for process in found:  # the list grows during the loop, one generation after another
        found += children.get(process[0], ())
    return [process for process in found if process[2] not in b"ZX"]


def _pids() -> list[int]:
    if not LINUX:
        return []
    # Not /proc/PID/task/*/children: it needs a kernel option and may be incomplete.
    try:
        with os.scandir("/proc") as entries:
            return [int(entry.name) for entry in entries if entry.name.isdigit()]
    except OSError:
        return []


def _stat(pid: int) -> Process | None:
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(handle, 4096)
    except OSError:
        return None
    finally:
        os.close(handle)
    # The second field is the program's name in parentheses; it may contain parentheses and blanks.
    fields = text[text.rindex(b")") + 2 :].split()
    return pid, int(fields[1]), fields[0], fields[19]


class StartError(Exception):
    """The shell could not be started: ``folder`` or ``shell``, and the system's error number."""


def _prctl(option: int, value: int) -> None:
    if not LINUX:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def become_supervisor() -> int:
    """Adopt orphans and handle signals; return a file descriptor that is readable after a signal."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    # The /proc of another process namespace shows other processes under the same pids.
    own = _stat(os.getpid())
    if LINUX and (own is None or own[1] != os.getppid()):
        raise OSError(errno.ENOENT, "no /proc of this process namespace")
    wakeup, write_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *STOP_SIGNALS):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return wakeup


def start(folder: bytes, bash: bytes, command: bytes, env: dict[bytes, bytes]) -> int:
    """Start the shell in a session of its own, with clean signals and files; return its pid."""
    supervisor = os.getpid()
    report, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        stage = b"shell"
        try:
            os.setsid()
            # The command would inherit ignored signals: Python ignores SIGPIPE and SIGXFSZ, and
            # the process that started ELPA may ignore others. Reset them first, because the
            # inherited handlers write to the supervisor's wakeup file.
            for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(each, signal.SIG_DFL)
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(127)
            # The child reports its own start, because the command may kill the supervisor at once.
            tell(b"started %d\n" % os.getpid())
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            stage = b"folder"
            os.chdir(folder)
            stage = b"shell"
            # `--`: a command may begin with a dash, which bash would read as an option.
            os.execve(bash, [b"bash", b"-c", b"--", command], env)  # noqa: S606
        except OSError as error:
            os.write(write_end, b"%s %d" % (stage, error.errno or 0))
        finally:
            os._exit(127)
    os.close(write_end)
    failure = os.read(report, 100)
    os.close(report)
    if failure:
        os.waitpid(pid, 0)
        stage, _, number = failure.partition(b" ")
        raise StartError(stage, int(number))
    return pid


def wait_for_end(family: Family, wakeup: int, parent: int) -> None:
    """Return when all processes have ended, when leftovers have had their time, or on a request to stop."""
    poller = select.poll()
    poller.register(CONTROL, select.POLLIN)
    poller.register(wakeup, select.POLLIN)
    until = None
    while family.alive():
        now = time.monotonic()
        if family.status is not None:
            until = now + SETTLE if until is None else until
            if now >= until:
                return
        ready = poller.poll(1000 * (1.0 if until is None else min(1.0, until - now)))
        for handle, _ in ready:
            if handle == CONTROL or any(n in STOP_SIGNALS for n in os.read(wakeup, 4096)):
                return
        # A fork of the parent may keep the socket open after the parent's death.
        # PR_SET_PDEATHSIG does not help: it fires when the thread that started this program ends.
        if os.getppid() != parent:
            return


def read_request() -> list[bytes] | None:
    """Return the fields of the request, or None if a request to stop came before it was complete."""
    data = b""
    while len(data) < HEADER or len(data) < HEADER + int.from_bytes(data[:HEADER], "big"):
        try:
            piece = os.read(CONTROL, 1 << 20)
        except ConnectionResetError:
            return None
        if not piece:
            return None
        data += piece
    return data[HEADER:].split(b"\0")


def supervise() -> bytes:
    """Run the requested command until it and all its descendants have ended; return the reply."""
    parent = os.getppid()
    request = read_request()
    if request is None:
        return b""
    grace, folder, bash, command, *variables = request
    env = {name: value for name, _, value in (item.partition(b"=") for item in variables)}
    try:
        wakeup = become_supervisor()
        family = Family(start(folder, bash, command, env))
    except StartError as error:
        return b"failed %s %d\n" % error.args
    except OSError as error:
        return b"failed supervisor %d\n" % (error.errno or 0)
    wait_for_end(family, wakeup, parent)
    stopped = family.status is None
    survivors: list[Process] = []
    if not (family.end(signal.SIGTERM, float(grace)) or family.end(signal.SIGKILL, PATIENCE)):
        survivors = family.members()
    leftovers = 0 if stopped else len(family.signalled)
    status = -signal.SIGKILL if family.status is None else family.status
    return b"ended %d %d %d %d\n" % (status, leftovers, stopped, len(survivors))


def tell(line: bytes) -> None:
    """Write to the socket, if its other end is still open."""
    with suppress(OSError):
        os.write(CONTROL, line)


if __name__ == "__main__":
    tell(supervise())
    os._exit(0)
