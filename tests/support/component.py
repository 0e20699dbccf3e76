"""One process of a cluster: started again when it dies, as a container is, and killed as machines die."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from elpa_core.errors import CommandError
from elpa_core.processes.command import Command
from support.airflow_runs import eventually
from support.airflow_site import alive

_PAUSE = 0.5


class Component:
    """A process of the cluster, with everything that it starts.

    It ends with this process, in whatever way this process ends: that is what `Command` is for.

    Parameters
    ----------
    name : str
        What it is called in the logs folder.
    arguments : sequence of str
        The program and its arguments.
    folder : Path
        Its working folder.
    logs : Path
        Folder for its output.
    env : mapping of str to str
        The whole environment.
    """

    def __init__(
        self, name: str, arguments: list[str], *, folder: Path, logs: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.env = dict(env)
        self._pid_file = logs / f"{name}.pid"
        self._command = f"echo $$ > {shlex.quote(str(self._pid_file))}; exec {shlex.join(arguments)}"
        self._folder = folder
        self._ended = threading.Event()
        self._ended.set()
        self._current: Command | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._ended.clear()
        self._pid_file.unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._keep, name=self.name, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        with self.log.open("ab") as log:
            while not self._ended.is_set():
                self._current = Command(
                    self._command, cwd=self._folder, env=self.env, stdout=log, stderr=log, stop_grace=8
                )
                if not self._ended.is_set():
                    with suppress(CommandError):  # its supervisor was killed
                        self._current.run()
                    self._ended.wait(_PAUSE)

    def stop(self) -> None:
        """End it; it may be dead or stopped already."""
        self._ended.set()
        if self._current is not None:
            self._current.stop()
        if self._thread is not None:
            self._thread.join()

    @property
    def pid(self) -> int:
        """The main process."""
        eventually(lambda: self._pid_file.exists() and self._pid_file.read_text().strip(), self.name, 30)
        return int(self._pid_file.read_text())

    def kill(self, *, spared: Collection[int] = (), stays_down: bool = False) -> None:
        """Kill all its processes in one moment, apart from some and their descendants.

        Parameters
        ----------
        spared : collection of int
            Process ids.
        stays_down : bool
            Whether it is started again only by `start`.
        """
        if stays_down:
            self._ended.set()
        pid = self.pid
        victims = [_stat(pid)[0]]  # its supervisor: it would end whom we spare
        # Stopped first: nobody shall see a parent or a child die, and act on it.
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGSTOP)
            victims += [child for child in children_of(victim) if child not in spared]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        eventually(lambda: not any(map(alive, victims)), f"{self.name} is dead", 30)
        self._down(stays_down=stays_down)

    def kill_main_process(self, *, stays_down: bool = False) -> None:
        """Kill its main process alone: its children live on, and nobody looks after them."""
        if stays_down:
            self._ended.set()
        pid = self.pid
        os.kill(_stat(pid)[0], signal.SIGKILL)  # the supervisor; its end is the main process's
        eventually(lambda: not alive(pid), f"the main process of {self.name} is dead", 30)
        self._down(stays_down=stays_down)

    def _down(self, *, stays_down: bool) -> None:
        if stays_down and self._thread is not None:
            self._thread.join()


def _stat(pid: int) -> tuple[int, str]:
    """Return parent and state of a process; without a process 0 and X."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0, "X"
    state, parent = stat.rpartition(")")[2].split()[:2]
    return int(parent), state


def children_of(pid: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [other for other in pids if _stat(other)[0] == pid]


def processes_in(folder: Path) -> list[int]:
    """Return the living processes whose working folder lies in a folder."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and alive(int(path.name)):
            with suppress(OSError):
                if (path / "cwd").readlink().is_relative_to(folder):
                    found.append(int(path.name))
    return found
