"""The REST API of an Airflow, as far as ELPA needs it."""

from __future__ import annotations

import time
from typing import Any

import httpx

from elpa_core.errors import ElpaError


class RestApiError(ElpaError):
    """An Airflow does not answer as it should."""


class RestApi:
    """Calls on a running Airflow.

    Parameters
    ----------
    url : str
        Where its API server listens.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)

    def log_in(self, user: str, password: str) -> None:
        """Take a token for all calls that follow.

        Raises
        ------
        RestApiError
            If user and password are none.
        """
        token = self._client.post("/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {_json(token)['access_token']}"

    def close(self) -> None:
        """Make no more calls."""
        self._client.close()

    def healthy(self) -> bool:
        """Tell whether database, scheduler and Dag processor are."""
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

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the REST API.

        Raises
        ------
        RestApiError
            If it answers with an error.
        """
        return _json(self._client.request(method, f"/api/v2{path}", json=body or None))

    def wait_for_dag(self, dag_id: str, seconds: float = 120) -> None:
        """Return when the Dag processor has made a Dag known.

        Raises
        ------
        RestApiError
            If that takes longer, with the import errors that there are.
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
