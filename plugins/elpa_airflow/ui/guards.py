"""Who may do what, and from where: the checks that stand before each route."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, Header, HTTPException, Request, status


def signed_in(user: GetUserDep) -> None:
    """Let nobody through without a session: `GetUserDep` answers 401."""


def json_from_here(
    request: Request,
    content_type: Annotated[str, Header()] = "",
    origin: Annotated[str, Header()] = "",
    authorization: Annotated[str, Header()] = "",
) -> None:
    """Refuse what another site can make a browser send: forms, and requests with another origin."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(
            status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, "send JSON: Content-Type: application/json"
        )
    here = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
    if not authorization and urlsplit(origin).netloc not in here - {""}:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "the request comes from another site")


def may_decide(dag_id: str, user: GetUserDep) -> bool:
    """Tell whether the user may edit the Dag of a route."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)


MayDecideDep = Annotated[bool, Depends(may_decide)]
SIGNED_IN = [Depends(signed_in)]
READS_DAG = [Depends(requires_access_dag("GET"))]


def edits_dag(event: str) -> list[Any]:
    """Return the checks of a route that changes what serving reads, with a line in the audit log."""
    return [
        Depends(requires_access_dag("PUT")),
        Depends(json_from_here),
        Depends(action_logging(event=event)),
    ]
