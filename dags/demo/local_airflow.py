"""A local Airflow: standalone, SQLite, all state in one folder, on 127.0.0.1 only."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from bounded_log import BoundedLog
from elpa_core.files.atomic import write_atomic
from elpa_core.processes.command import Command
from local_airflow_config import write_config
from private_files import write_private
from rest_api import RestApi, RestApiError

_START_SECONDS = 300
_USER = "admin"  # the user in Airflow's default settings
# Prefixes of variables that configure another Airflow or name its configs.
_OTHER_AIRFLOWS = ("AIRFLOW", "ELPA_CONFIG_DIR")


class LocalAirflowError(RestApiError):
    """The local Airflow did not start."""


class LocalAirflow(RestApi):
    """A standalone Airflow that ends with this process, also when this process is killed.

    Parameters
    ----------
    state : Path
        Folder of the database, logs, passwords and policy store.
    dags : Path
        Dags folder.
    settings : mapping of str to str
        Additional environment variables, such as ``AIRFLOW__...``; they override those set here.
    port : int, optional
        Port of the UI and the API; default: a free port.
    """

    def __init__(
        self, state: Path, dags: Path, *, settings: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        self.state = state.absolute()
        self.port = port or free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.user, self.password = _USER, ""
        self.log_path = self.state / "standalone.log"
        self._dags = dags.absolute()
        self._settings = dict(settings or {})
        self._command: Command | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Return the environment in which every ``airflow`` command uses this Airflow.

        It sets ``AIRFLOW_HOME``; `start` has written ``airflow.cfg`` there.
        """
        folders = (self.state / "bin", Path(sys.executable).parent, os.environ.get("PATH", os.defpath))
        others = {name: value for name, value in os.environ.items() if not name.startswith(_OTHER_AIRFLOWS)}
        path = os.pathsep.join(map(str, folders))
        return {**others, "PATH": path, "AIRFLOW_HOME": str(self.state), **self._settings}

    @property
    def _password_file(self) -> Path:
        return self.state / "passwords.json"

    def start(self) -> None:
        """Start Airflow and return when its APIs, scheduler and Dag processor are ready.

        Raises
        ------
        LocalAirflowError
            If Airflow ends or is not healthy in time; its log has the reason.
        """
        self.configure()
        log = BoundedLog(self.log_path)
        self._command = Command(
            "exec airflow standalone",
            cwd=self.state,
            env=self.environment(),
            on_line=log.write,
            stop_grace=10,
        )
        self._thread = threading.Thread(target=self._run, args=(self._command, log), daemon=True)
        self._thread.start()
        try:
            self._wait_until_healthy()
            self.load_execution_api()
        except BaseException:
            self.stop()
            raise
        self.log_in(self.user, self.password)

    @staticmethod
    def _run(command: Command, log: BoundedLog) -> None:
        with closing(log):
            command.run()

    def configure(self) -> None:
        """Write the config of this Airflow, and create its password if it has none."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._write_launcher()
        self.password = self._make_password()
        write_config(self.state, self._dags, self.port, self._password_file)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.healthy():
            if self._thread is None or not self._thread.is_alive():
                raise LocalAirflowError(f"Airflow ended during its start; see {self.log_path}")
            if time.monotonic() > deadline:
                raise LocalAirflowError(
                    f"Airflow is not healthy after {_START_SECONDS} s; see {self.log_path}"
                )
            time.sleep(0.5)

    def stop(self) -> None:
        """End Airflow and all its processes."""
        self.close()
        if self._command is not None:
            self._command.stop()
        if self._thread is not None:
            self._thread.join()

    def wait(self) -> None:
        """Wait until Airflow has ended."""
        if self._thread is not None:
            self._thread.join()

    def _write_launcher(self) -> None:
        """Write the program ``airflow`` with which standalone starts its components.

        Scheduler and triggerer would serve logs on all network interfaces, and no setting changes
        that. It is not needed: the API server reads the logs from their folder.
        """
        python = shlex.quote(sys.executable)
        launcher = self.state / "bin" / "airflow"
        write_atomic(
            launcher,
            (
                "#!/bin/sh\n"
                'case "$1" in scheduler | triggerer) set -- "$@" --skip-serve-logs ;; esac\n'
                f'exec {python} -m airflow "$@"\n'
            ).encode(),
        )
        launcher.chmod(0o755)

    def _make_password(self) -> str:
        path = self._password_file
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        password = str(known.get(_USER) or secrets.token_urlsafe(12))
        write_private(path, json.dumps({_USER: password}) + "\n")
        return password


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
