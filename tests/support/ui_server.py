"""A real API server with ELPA's pages, below a base path, its stores laid down beforehand."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from elpa_core.store import PolicyStore
from local_airflow import free_port
from support.airflow_home import AirflowHome, end_group
from support.airflow_site import Site, model
from support.stores import day, policy, run

BASE_PATH = "/inner"
EDITOR, VIEWER = "ada", "vera"
HOSTILE = '<img src=x onerror="window.parent.hacked=1">'
_START_SECONDS = 180
_PLAIN = """\
from airflow.sdk import DAG

plain = DAG("plain", schedule=None)
"""


class UiServer:
    """The server, and the store of its Dags."""

    def __init__(self, folder: Path, migrated: Path) -> None:
        self.home = AirflowHome(folder / "home", migrated)
        self.site = Site(folder, self.home)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{BASE_PATH}"
        self.store_root = self.home.path / "elpa"
        self.log = folder / "api-server.log"
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps({EDITOR: EDITOR, VIEWER: VIEWER}))
        self.site.extra_env = {
            # As this process finds its modules: the server is to have the same.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{EDITOR}:admin,{VIEWER}:viewer",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        }

    def start(self) -> None:
        for name in ("pool", "empty", "torn", "lost"):
            more = {"store": str(self.store_root / "nowhere")} if name == "lost" else {}
            models = [model("ets"), model("naive"), model("tide", "offline")]
            self.site.config(name, models, airflow={"dag_id": name, **more})
        self.site.dags.joinpath("plain.py").write_text(_PLAIN)
        self.site.airflow("dags", "reserialize")
        self.lay_policies()
        arguments = ["api-server", "--port", str(self.port), "--host", "127.0.0.1", "--workers", "1"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env=self.site.env,
                cwd=self.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def lay_policies(self) -> None:
        """Make the store as it is before each test: days 1 to 3 are published, day 4 is held back."""
        shutil.rmtree(self.store_root, ignore_errors=True)
        store = self.store("pool")
        for number, score in ((1, 1.0), (2, 2.0), (3, 3.0)):
            run(store, number, policy({"ets": score, "naive": 2.0}))
        run(store, 4, policy({"ets": 90.0, "naive": 90.0}), max_score_increase=0.1)
        store.record(HOSTILE, day(5), policy())
        store.publish(HOSTILE, actor=HOSTILE)
        torn = self.store("torn")
        run(torn, 1)
        torn.folder.history.write_bytes(torn.folder.history.read_bytes() + b"no decision\n")

    def store(self, dag_id: str) -> PolicyStore:
        return PolicyStore(self.store_root, dag_id)

    def client(self, user: str | None = None) -> httpx.Client:
        """Return who calls the server: with the token of a user, or with nothing."""
        client = httpx.Client(base_url=f"{self.url}/elpa", timeout=60)
        if user is not None:
            client.headers["Authorization"] = f"Bearer {self.token(user)}"
        return client

    def token(self, user: str) -> str:
        login = {"username": user, "password": user}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=60)
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def query(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.site.query(sql, *arguments)

    def stop(self) -> None:
        if self._process is not None:
            end_group(self._process.pid)
            self._process.wait()
        self.home.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        with closing(httpx.Client(base_url=self.url, timeout=5)) as client:
            while True:
                try:
                    if client.get("/api/v2/monitor/health").status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text()[-5000:]
                assert time.monotonic() < deadline, self.log.read_text()[-5000:]
                time.sleep(0.2)
