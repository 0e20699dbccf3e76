"""An Airflow on Celery as real processes: PostgreSQL, Redis, two workers on hosts of their own."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from local_airflow import free_port
from rest_api import RestApi
from support.airflow_runs import AirflowRuns, eventually
from support.airflow_site import settings
from support.component import Component, processes_in
from support.servers import Servers

AIRFLOW = [sys.executable, "-m", "airflow"]
QUEUES = {"worker1": "default,gpu", "worker2": "default"}
CONCURRENCY = 4
_USER = "admin"

# What Celery needs beyond Airflow's settings.
CELERY = {
    # Once in a worker, not in each task process.
    "imports": ["elpa_airflow.worker_preload"],
    # The scheduler gives up on a broker that is away after a second, and the task has failed. Now it
    # tries until the time of an operation is over, and Airflow does that three times more.
    "task_publish_retry_policy": {
        "max_retries": 100,
        "interval_start": 0.2,
        "interval_step": 0.2,
        "interval_max": 1,
    },
}
# What a cluster needs so that an outage of half a minute loses nothing.
OUTAGES = {
    # A task process that cannot reach the API server tries 5 times: after about 8 seconds it gives up,
    # and what its command has done is lost.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "30",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "10",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    "AIRFLOW__CELERY__OPERATION_TIMEOUT": "20",
    "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps(CELERY),
}


class Cluster(AirflowRuns):
    """All processes of an Airflow that runs its tasks on two Celery workers."""

    def __init__(self, folder: Path, extra: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.folder = folder
        self.home.mkdir()
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._port = free_port()
        self.airflow = RestApi(f"http://127.0.0.1:{self._port}")
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ELPA"))
        }
        self.servers = Servers(folder, self.logs, clean)
        self._password = secrets.token_urlsafe(12)
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({_USER: self._password}), encoding="utf-8")
        own = self._settings(passwords) | OUTAGES | dict(extra or {})
        self.env = clean | settings(self.home, self.dags) | own
        self.components = {
            name: self._component(name, *AIRFLOW, name, *more)
            for name, more in {
                "api-server": ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"],
                "scheduler": ["--skip-serve-logs"],
                "dag-processor": [],
            }.items()
        }
        self.workers = {name: self._worker(name) for name in QUEUES}

    def _settings(self, passwords: Path) -> dict[str, str]:
        url = self.airflow.url
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.servers.database_url,
            "AIRFLOW__CELERY__BROKER_URL": self.servers.broker_url,
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(CONCURRENCY),
            "AIRFLOW__CORE__AUTH_MANAGER": (
                "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
            ),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            # The end of a task process is often noticed only at the next heartbeat: 5 seconds later.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__ELPA__RESUME_UPLOAD_INTERVAL": "1",
            # A new config touches the Dag file, and what was touched is parsed at once. This is for a touch
            # while it is being parsed.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "0",
        }

    def _component(self, name: str, *arguments: str) -> Component:
        return Component(name, list(arguments), folder=self.home, logs=self.logs, env=self.env)

    def _worker(self, name: str) -> Component:
        """Return a worker that believes to be on a host of its own."""
        start = [*AIRFLOW, "celery", "worker", "--skip-serve-logs", "--without-mingle"]
        start += ["-H", f"celery@{name}", "-q", QUEUES[name], "--pid", str(self.logs / f"{name}.celery")]
        host = ["unshare", "--uts", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        return self._component(name, *host, "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", name, *start)

    def start(self) -> None:
        self.servers.start()
        migrate = subprocess.run(
            [*AIRFLOW, "db", "migrate"],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert migrate.returncode == 0, migrate.stdout + migrate.stderr
        for component in (*self.components.values(), *self.workers.values()):
            component.start()
        self.wait_until_healthy()
        self.airflow.log_in(_USER, self._password)
        self.airflow.load_execution_api()

    def wait_until_healthy(self) -> None:
        eventually(self.airflow.healthy, f"the cluster is healthy; its logs: {self.logs}", 300)

    def stop(self) -> None:
        """Stop it, and find nothing of it left."""
        self.airflow.close()
        parts = [*self.components.values(), *self.workers.values()]
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(Component.stop, parts))
        self.servers.redis.stop()
        self.servers.postgres.stop()
        left = processes_in(self.folder)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes that the cluster left behind: {left}"
