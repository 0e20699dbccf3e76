"""Backfills of a standalone Airflow, as people create them on the command line."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rest_api import RestApiError
from support.airflow_runs import eventually
from support.standalone_airflow import Standalone


def backfill(standalone: Standalone, dag_id: str, last: str, *more: str, at_once: int = 3) -> None:
    """Run a backfill of the first days of 2026 until all its runs have ended."""
    earlier = f"the earlier backfill of {dag_id} is complete"
    eventually(lambda: all(one["completed_at"] for one in backfills(standalone, dag_id)), earlier)
    dates = ("--from-date", "2026-01-01", "--to-date", last)
    # A scheduler that starts such a run before all are there dies of SQLite's lock, hence the pause.
    standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=True)
    create = ("backfill", "create", "--dag-id", dag_id, *dates, "--max-active-runs", str(at_once), *more)
    for _ in range(10):
        with standalone.nobody_else_writes():
            done = standalone.command(*create, check=False)
        # Who was halted within a transaction holds the lock.
        if done.returncode == 0 or "database is locked" not in done.stdout + done.stderr:
            break
        cancel_unfinished(standalone, dag_id)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=False)

    def has_ended() -> bool:
        return {run["state"] for run in runs(standalone, dag_id)} <= {"success", "failed"}

    eventually(has_ended, f"the backfill of {dag_id} ends", 400)


def cancel_unfinished(standalone: Standalone, dag_id: str) -> None:
    """Cancel a backfill that was refused when Airflow had already written it down, without its runs.

    Airflow removes it, unless the database is still locked; then no other one can be created beside it.
    """

    def none_is_left() -> bool:
        unfinished = [one["id"] for one in backfills(standalone, dag_id) if not one["completed_at"]]
        with suppress(RestApiError):  # this writer, too, may be refused
            for number in unfinished:
                standalone.airflow.call("PUT", f"/backfills/{number}/cancel")
        return not unfinished

    eventually(none_is_left, f"no backfill of {dag_id} is unfinished")


def backfills(standalone: Standalone, dag_id: str) -> list[dict[str, Any]]:
    return list(standalone.airflow.call("GET", f"/backfills?dag_id={dag_id}")["backfills"])


def runs(standalone: Standalone, dag_id: str) -> list[dict[str, Any]]:
    return list(standalone.airflow.call("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"])
