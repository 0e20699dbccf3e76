"""Backfills of a standalone Airflow, as its UI creates them and as its command line does."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from local_airflow import LocalAirflow
from rest_api import RestApiError
from support.airflow_runs import eventually
from support.standalone_airflow import Standalone

FIRST = "2026-01-01"
_LOCKED = ("database is locked", "Database error")


def backfill(standalone: Standalone, dag_id: str, last: str, **fields: Any) -> None:
    """Run a backfill of the first days of 2026, with these fields of the REST API, until all runs ended."""

    def create() -> None:
        dates = {"from_date": f"{FIRST}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        # Not asked again at once: who has the lock is halted.
        LocalAirflow.call(standalone.airflow, "POST", "/backfills", dag_id=dag_id, **dates, **fields)

    _run(standalone, dag_id, create)


def backfill_by_command(standalone: Standalone, dag_id: str, last: str, conf: dict[str, Any]) -> None:
    """Run a backfill of the first days of 2026, created on the command line, until all runs have ended."""

    def create() -> None:
        dates = ("--from-date", FIRST, "--to-date", last)
        standalone.command(
            "backfill", "create", "--dag-id", dag_id, *dates, "--dag-run-conf", json.dumps(conf)
        )

    _run(standalone, dag_id, create)


def _run(standalone: Standalone, dag_id: str, create: Callable[[], None]) -> None:
    earlier = f"the earlier backfill of {dag_id} is complete"
    eventually(lambda: all(one["completed_at"] for one in backfills(standalone, dag_id)), earlier)
    # A scheduler that starts such a run before all are there dies of SQLite's lock, hence the pause.
    standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=True)
    for tries_left in reversed(range(10)):
        try:
            with standalone.nobody_else_writes():
                create()
            break
        except (RestApiError, AssertionError) as error:
            # Who was halted within a transaction holds the lock.
            if not any(words in str(error) for words in _LOCKED) or not tries_left:
                raise
        cancel_unfinished(standalone, dag_id)
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
