"""The calls of Airflow's REST API that the demo needs."""

from __future__ import annotations

import time
from typing import Any

import httpx

from elpa_core.errors import ElpaError


class RestApiError(ElpaError):
    """Airflow did not answer as expected."""


class RestApi:
    """Calls on a running Airflow.

    Parameters
    ----------
    url : str
        The address of its API server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def log_in(self, user: str, password: str) -> None:
        """Get a token for all later calls.

        Raises
        ------
        RestApiError
            If Airflow refuses user and password.
        """
        token = self._client.post("/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {_json(token)['access_token']}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def healthy(self) -> bool:
        """Tell whether database, scheduler and Dag processor are healthy."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        if answer.status_code != httpx.codes.OK:
            return False
        health = answer.json()
        return all(
            health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
        )

    def load_execution_api(self) -> None:
        """Let the API server make the routes that tasks call, before there is a task.

        It makes them at the first call, which takes seconds of CPU, on a busy machine a minute. Meanwhile it
        answers nobody and ends no transaction that other calls have begun, so that SQLite is locked.

        Raises
        ------
        RestApiError
            If Airflow answers with an error.
        """
        _json(self._client.get("/execution/health", timeout=300))

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the REST API.

        Raises
        ------
        RestApiError
            If Airflow answers with an error.
        """
        return _json(self._client.request(method, f"/api/v2{path}", json=body or None))

    def wait_for_dag(self, dag_id: str, seconds: float = 120) -> None:
        """Wait until the Dag processor has stored a Dag.

        Raises
        ------
        RestApiError
            If it takes longer than ``seconds``; the error holds the present import errors.
        """
        deadline = time.monotonic() + seconds
        while self._client.get(f"/api/v2/dags/{dag_id}").status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                errors = [e["stack_trace"] for e in self.call("GET", "/importErrors")["import_errors"]]
                raise RestApiError(f"no Dag {dag_id} after {seconds:.0f} s; import errors: {errors}")
            time.sleep(0.5)

    def trigger(self, dag_id: str, **fields: Any) -> str:
        """Unpause a Dag, trigger a run and return its run id."""
        self.call("PATCH", f"/dags/{dag_id}", is_paused=False)
        run = self.call("POST", f"/dags/{dag_id}/dagRuns", **{"logical_date": None, **fields})
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of each task of a run."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000")
        return {ti["task_id"]: ti["state"] for ti in answer["task_instances"]}


def _json(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise RestApiError(
            f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        )
    return answer.json() if answer.content else None
