"""An auth manager that rules per Dag, as those of companies do; the simple one has only roles."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

GUEST = "gus"
READS = {"pool", "empty"}
EDITS = {"empty"}


class RightsPerDag(SimpleAuthManager):
    """The simple auth manager, where `GUEST`, an editor, may see and edit some Dags only."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **more: Any) -> bool:
        if user.get_name() == GUEST and details is not None and details.id is not None:
            return details.id in (READS if more["method"] == "GET" else EDITS)
        return super().is_authorized_dag(user=user, details=details, **more)
