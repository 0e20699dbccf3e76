"""A real API server with ELPA's pages, below a base path, its stores laid down beforehand."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from elpa_core.schema.policy import MissingModel
from elpa_core.store import PolicyStore
from local_airflow import free_port
from support.airflow_home import AirflowHome, end_group
from support.airflow_site import Site, model
from support.browser import token
from support.rights_per_dag import GUEST, RightsPerDag
from support.s3_service import S3Service
from support.stores import day, leave_rows, policy, run

BASE_PATH = "/inner"
EDITOR, VIEWER = "ada", "vera"
WITH_ROWS = "day3"
"""A run that Airflow knows, and whose models left validation rows."""
HOSTILE = '<img src=x onerror="window.parent.hacked=1">'
STORE_IN_A_BUCKET = "s3://minio@policies/elpa"
_START_SECONDS = 180
_PLAIN = """\
from airflow.sdk import DAG

plain = DAG("plain", schedule=None)
"""


class UiServer:
    """The server, and the store of its Dags."""

    def __init__(self, folder: Path, migrated: Path, s3: S3Service | None = None) -> None:
        self.s3 = s3
        self.home = AirflowHome(folder / "home", migrated)
        self.site = Site(folder, self.home)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{BASE_PATH}"
        self.store_root = self.home.path / "elpa"
        self.log = folder / "api-server.log"
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps({name: name for name in (EDITOR, VIEWER, GUEST)}))
        self.site.extra_env = {
            # As this process finds its modules: the server is to have the same.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{EDITOR}:admin,{VIEWER}:viewer,{GUEST}:admin",
            "AIRFLOW__CORE__AUTH_MANAGER": f"{RightsPerDag.__module__}.{RightsPerDag.__qualname__}",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            # The Dag `cloud` has its policies in a bucket, which only this connection leads to.
            **({"AIRFLOW_CONN_MINIO": json.dumps(s3.connection)} if s3 else {}),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        elsewhere = {"lost": str(self.store_root / "nowhere")}
        if self.s3:
            elsewhere["cloud"] = STORE_IN_A_BUCKET
        for name in ("pool", "empty", "torn", *elsewhere):
            more = {"store": elsewhere[name]} if name in elsewhere else {}
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
        # Airflow shows the tabs of runs that it knows.
        self.airflow_api("POST", "/dags/pool/dagRuns", dag_run_id=WITH_ROWS, logical_date=None)

    def lay_policies(self) -> None:
        """Make the store as it is before each test: days 1 to 3 are published, day 4 is held back."""
        shutil.rmtree(self.store_root, ignore_errors=True)
        store = self.store("pool")
        for number, score in ((1, 1.0), (2, 2.0)):
            run(store, number, policy({"ets": score, "naive": 2.0}))
        groups = {"ets": "online", "naive": "online", "tide": "offline"}
        errors = leave_rows(store, WITH_ROWS, groups, time=lambda i: f"2026-01-02T{i % 24:02}:{i:02}:00")
        run(store, 3, {**policy({"ets": 3.0, "naive": 2.0}), "errors": errors})
        run(store, 4, policy({"ets": 90.0, "naive": 90.0}), max_score_increase=0.1)
        lost = MissingModel(name="gone", group="online", reason=HOSTILE, intended=False)
        store.record(HOSTILE, day(5), policy({"ets": 2.0, HOSTILE: 4.0}, missing=[lost]))
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
        return token(self.url, user, user)

    def airflow_api(self, method: str, path: str, **body: Any) -> Any:
        """Call Airflow's own REST API as an editor."""
        headers = {"Authorization": f"Bearer {self.token(EDITOR)}"}
        answer = httpx.request(method, f"{self.url}/api/v2{path}", json=body, headers=headers, timeout=60)
        return answer.raise_for_status().json()

    def query(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.site.query(sql, *arguments)

    def cpu_seconds(self) -> float:
        """Return what the server's processes have used up to now."""
        assert self._process is not None
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                words = path.read_text().rpartition(")")[2].split()
                ticks += sum(map(int, words[11:13])) if int(words[2]) == self._process.pid else 0
        return ticks / os.sysconf("SC_CLK_TCK")

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
