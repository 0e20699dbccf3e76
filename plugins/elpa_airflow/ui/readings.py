"""The routes that read. Each answers with JSON that `elpa_core.views` describes."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response

from elpa_airflow.ui.dags import elpa_dags, failed_runs
from elpa_airflow.ui.guards import READS_DAG, SIGNED_IN, MayDecideDep
from elpa_airflow.ui.stores import PATIENCE, CurrentDep, OpenedDep, glances
from elpa_core.errors import InputError, Problem
from elpa_core.files.atomic import json_bytes
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.store.reading import recorded_policy
from elpa_core.times import parse_moment
from elpa_core.views import Glance, dag_view, overview, policy_rows, run_view
from elpa_core.views.book import LAST
from elpa_core.views.changes import Action, change, side_by_side
from elpa_core.views.run_view import manifest_of_run, router_state
from elpa_core.views.shapes import Overview, Overviews, Shape, Unread

router = APIRouter(prefix="/api/v1")
Number = Annotated[int | None, Query(ge=1)]


def only(kind: str = "", since: str = "", until: str = "") -> dict[str, str]:
    """Return which policies are asked for."""
    for name, moment in (("since", since), ("until", until)):
        try:
            parse_moment(moment or "2026-01-01T00:00:00Z")
        except ValueError as error:
            raise HTTPException(422, f"{name} is a moment in ISO 8601: {error}") from error
    return {"kind": kind, "since": since, "until": until}


OnlyDep = Annotated[dict[str, str], Depends(only)]


@router.get("/dags", dependencies=SIGNED_IN)
def get_dags(
    user: GetUserDep, session: SessionDep, dag_id: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Return one line for each ELPA Dag that the user may read, or for those that are named."""
    readable = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    wanted = readable if dag_id is None else readable.intersection(dag_id)
    dags = elpa_dags(wanted, session, stale=False)
    failed = failed_runs([dag.dag_id for dag in dags], LAST, session)
    lines: list[Overview | Unread] = []
    for dag, found in glances(dags, session, again=dag_id is not None):
        if isinstance(found, Glance):
            lines.append(overview(found, dag.due, failed.get(dag.dag_id, ())))
        else:
            late = f"{dag.store} has not answered within {PATIENCE:.0f} s"
            problem = late if found is None else str(found)
            lines.append(Unread(dag_id=dag.dag_id, problem=problem, pending=found is None))
    return _answer(Overviews(dags=lines))


@router.get("/dags/{dag_id}", dependencies=READS_DAG)
def get_dag(
    opened: OpenedDep,
    only: OnlyDep,
    may_decide: MayDecideDep,
    width: Annotated[int, Query(ge=50, le=4000)] = 600,
    run_id: str = "",
) -> Response:
    """Return what the policies of a Dag did over time."""
    view = dag_view(opened.book, width=width, run_id=run_id, due=opened.dag.due, **only)
    return _answer(view.model_copy(update={"may_decide": may_decide}))


@router.get("/dags/{dag_id}/policies", dependencies=READS_DAG)
def get_policies(
    opened: OpenedDep,
    only: OnlyDep,
    first: Annotated[int, Query(ge=0)] = 0,
    count: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Return the recorded policies of a Dag, newest first, page by page."""
    total, rows = policy_rows(opened.book, first, count, **only)
    return {"version": 1, "total": total, "first": first, "policies": [row.model_dump() for row in rows]}


@router.get("/dags/{dag_id}/history", dependencies=READS_DAG)
def get_history(
    opened: OpenedDep,
    first: Annotated[int, Query(ge=0)] = 0,
    count: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Return the decisions on the policies of a Dag, newest first, page by page."""
    entries = opened.book.entries[::-1]
    shown = [entry.to_json() for entry in entries[first : first + count]]
    return {"version": 1, "total": len(entries), "first": first, "decisions": shown}


@router.get("/dags/{dag_id}/current", dependencies=READS_DAG)
def get_current(current: CurrentDep, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return the policy that serving reads, as ``current.json`` has it; 304 if the caller has it."""
    if current.policy is None:
        path = str(current.folder.current)
        raise InputError(Problem(path, "", "no such file", "a published policy", "a run publishes one"))
    data = json_bytes(current.policy.raw)
    return _unless_known(data, hashlib.sha256(data).hexdigest(), if_none_match)


@router.get("/dags/{dag_id}/state", dependencies=READS_DAG)
def get_state(current: CurrentDep, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return the state of a router that the current policy names; 304 if the caller has it."""
    return _unless_known(*router_state(current.folder, current.policy), if_none_match)


@router.get("/dags/{dag_id}/run", dependencies=READS_DAG)
def get_run(opened: OpenedDep, may_decide: MayDecideDep, run_id: str, number: Number = None) -> Response:
    """Return what a run decided."""
    return _answer(run_view(opened.book, run_id, number).model_copy(update={"may_decide": may_decide}))


@router.get("/dags/{dag_id}/rows", dependencies=READS_DAG)
def get_rows(
    opened: OpenedDep,
    run_id: str,
    number: Number = None,
    most: Annotated[int, Query(ge=1, le=10_000)] = 2_000,
) -> Response:
    """Return the validation rows behind a policy of a run."""
    from elpa_core.views.validation_rows import validation_rows  # noqa: PLC0415  (computes with arrays)

    return _answer(validation_rows(opened.book, run_id, number, most))


@router.get("/dags/{dag_id}/policy", dependencies=READS_DAG)
def get_policy(opened: OpenedDep, run_id: str, number: Number = None) -> Response:
    """Return a policy of a run for download."""
    stored = recorded_policy(opened.book.folder, run_id, number)
    return _download(json_bytes(stored.raw), f"elpa_policy_{stored.record.number}.json")


@router.get("/dags/{dag_id}/manifest", dependencies=READS_DAG)
def get_manifest(opened: OpenedDep, run_id: str) -> Response:
    """Return the manifest of a run for download. Secrets in it are masked, as they are in the store."""
    return _download(json_bytes(manifest_of_run(opened.book, run_id)), MANIFEST_NAME)


@router.get("/dags/{dag_id}/compare", dependencies=READS_DAG)
def get_comparison(
    opened: OpenedDep,
    may_decide: MayDecideDep,
    old_run: str,
    new_run: str,
    old_number: Number = None,
    new_number: Number = None,
) -> dict[str, Any]:
    """Return two policies of a Dag, and what moved from one to the other."""
    book = opened.book
    told = {"may_decide": may_decide}
    return {
        "version": 1,
        "old": {**run_view(book, old_run, old_number).model_dump(mode="json"), **told},
        "new": {**run_view(book, new_run, new_number).model_dump(mode="json"), **told},
        "moves": side_by_side(book, (old_run, old_number), (new_run, new_number)),
    }


@router.get("/dags/{dag_id}/change", dependencies=READS_DAG)
def get_change(opened: OpenedDep, action: Action, run_id: str = "", number: Number = None) -> Response:
    """Return what a decision by hand would change, before it is made."""
    return _answer(change(opened.book, action, run_id, number))


def _answer(shape: Shape) -> Response:
    """Return a shape as JSON. FastAPI would check it again, number by number."""
    return Response(shape.model_dump_json(), media_type="application/json")


def _unless_known(data: bytes, sha256: str, known: str) -> Response:
    tag = f'"{sha256}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/json", headers=headers)


def _download(data: bytes, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(data, media_type="application/json", headers={"Content-Disposition": disposition})
