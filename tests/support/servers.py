"""PostgreSQL and Redis, as Debian has them, with data folders and ports of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_airflow import free_port
from support.airflow_runs import eventually
from support.component import Component

DATABASE = "airflow"


class Servers:
    """A database and a broker that keep what they were told when they are killed.

    ``fsync`` is off: it would only guard against the death of the machine.
    """

    def __init__(self, folder: Path, logs: Path, env: Mapping[str, str]) -> None:
        self._postgres_port, self._redis_port = free_port(), free_port()
        self._data = folder / "postgres"
        redis = folder / "redis"
        redis.mkdir()
        self._data.mkdir()
        self._programs = _postgres_programs()
        self._as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._data, "postgres", "postgres")
            self._as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._env = dict(env)
        settings = ["fsync=off", f"port={self._postgres_port}", "listen_addresses=127.0.0.1"]
        settings += ["unix_socket_directories=", "max_connections=200"]
        options = [part for setting in settings for part in ("-c", setting)]
        self.postgres = Component(
            "postgres",
            [*self._as_owner, str(self._programs / "postgres"), "-D", str(self._data), *options],
            folder=self._data,
            logs=logs,
            env=env,
        )
        address = ["--port", str(self._redis_port), "--bind", "127.0.0.1", "--dir", str(redis)]
        keeping = ["--save", "", "--appendonly", "yes"]
        self.redis = Component(
            "redis", [_program("redis-server"), *address, *keeping], folder=redis, logs=logs, env=env
        )

    @property
    def database_url(self) -> str:
        return f"postgresql+psycopg2://{DATABASE}@127.0.0.1:{self._postgres_port}/{DATABASE}"

    @property
    def broker_url(self) -> str:
        return f"redis://127.0.0.1:{self._redis_port}/0"

    def start(self) -> None:
        self.redis.start()
        made = ["-U", DATABASE, "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]
        self._run("initdb", "-D", str(self._data), *made)
        self.postgres.start()
        where = ["-h", "127.0.0.1", "-p", str(self._postgres_port)]
        eventually(lambda: self._run("pg_isready", *where, check=False), "PostgreSQL answers", 60)
        self._run("createdb", *where, "-U", DATABASE, DATABASE)

    def _run(self, program: str, *arguments: str, check: bool = True) -> bool:
        done = subprocess.run(
            [*self._as_owner, self._programs / program, *arguments],
            cwd=self._data,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.returncode == 0


def _postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs, which Debian keeps out of the search path."""
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return of_debian[-1] if of_debian else Path(_program("postgres")).parent


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"no {name}: make test-distributed says what to install"
    return found
