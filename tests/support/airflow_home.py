"""An Airflow home with a database, and processes in it: started anew, or forked off one that is warm."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from support.programs import PROGRAMS

Done = subprocess.CompletedProcess[str]
LONGEST = 100


class AirflowHome:
    """A home of the tests; several Dags folders may share it.

    Parameters
    ----------
    path : Path
        Where it is made.
    migrated : Path, optional
        A database to copy; else there is none yet.
    """

    def __init__(self, path: Path, migrated: Path | None = None) -> None:
        self.path = path
        path.mkdir()
        self._database = path / "airflow.db"
        self.migrated = path / "migrated.db"
        if migrated is not None:
            shutil.copy(migrated, self._database)
        self._server: subprocess.Popen[str] | None = None

    def migrate(self, env: Mapping[str, str]) -> None:
        """Make the database, and a copy of it (`migrated`) that stays without Dags."""
        self.run(["-m", "airflow", "db", "migrate"], env, check=True)
        shutil.copy(self._database, self.migrated)

    def run(
        self, arguments: Sequence[str | Path], env: Mapping[str, str], *, check: bool, anew: bool = False
    ) -> Done:
        """Run Python with these arguments, in a process group of its own that ends with the call.

        Parameters
        ----------
        arguments : sequence of str or Path
            As Python takes them.
        env : mapping of str to str
            The whole environment.
        check : bool
            Whether the test fails if the exit code is not 0.
        anew : bool
            Whether Python is started; else the process is forked off one that has imported Airflow.
        """
        words = [*map(str, arguments)]
        outputs = [self.path / "stdout", self.path / "stderr"]
        for path in outputs:
            path.write_bytes(b"")
        code = self._start(words, env, *outputs) if anew else self._fork(words, env, *outputs)
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in outputs]
        if code is None or (check and code != 0):
            ended = "did not end" if code is None else f"ended with {code}"
            pytest.fail("\n".join([f"{words} {ended}", *(text[-10_000:] for text in texts)]))
        return Done(words, code, *texts)

    def _start(self, words: list[str], env: Mapping[str, str], stdout: Path, stderr: Path) -> int | None:
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, *words],
                env=dict(env),
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                return process.wait(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                return None
            finally:
                end_group(process.pid)
                process.wait()

    def _fork(self, words: list[str], env: Mapping[str, str], stdout: Path, stderr: Path) -> int | None:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, PROGRAMS / "fork_server.py"],
                env=dict(env),
                cwd=self.path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        order = {
            "arguments": words,
            "env": dict(env),
            "cwd": str(self.path),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        pid = int(self._server.stdout.readline())
        with selectors.DefaultSelector() as selector:
            selector.register(self._server.stdout, selectors.EVENT_READ)
            in_time = bool(selector.select(LONGEST))
        end_group(pid)
        code = int(self._server.stdout.readline())
        return code if in_time else None

    def stop(self) -> None:
        """End the process off which others are forked."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()


def end_group(group: int) -> None:
    """Kill what a process group still has."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
