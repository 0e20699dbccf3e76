"""The routes that decide: promote, roll back, lift, as ``elpa policy`` does, with the asset event."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from elpa_airflow.run.moment import policy_uri
from elpa_airflow.run.policy_event import event_extra
from elpa_airflow.ui.guards import edits_dag
from elpa_airflow.ui.stores import Opened, OpenedDep
from elpa_core.store import Outcome
from elpa_core.store.reading import recorded_policy

router = APIRouter(prefix="/api/v1/dags/{dag_id}")


class Wish(BaseModel):
    """A decision by hand."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(min_length=1, max_length=2_000)
    token: str | None = Field(default=None, description="From the preview: refused if others decided since.")


class PromotionWish(Wish):
    """A promotion by hand."""

    run_id: str
    number: int | None = Field(default=None, ge=1)


@router.post("/promote", dependencies=edits_dag("elpa_policy_promote"))
def promote(wish: PromotionWish, opened: OpenedDep, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """Publish a recorded policy, whatever its as_of."""
    outcome = opened.store.promote(wish.run_id, wish.number, **_why(wish, user))
    return _done(opened, outcome, session)


@router.post("/rollback", dependencies=edits_dag("elpa_policy_rollback"))
def roll_back(wish: Wish, opened: OpenedDep, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """Go back to what was published before."""
    return _done(opened, opened.store.rollback(**_why(wish, user)), session)


@router.post("/lift", dependencies=edits_dag("elpa_policy_lift"))
def lift(wish: Wish, opened: OpenedDep, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """Let runs be published by themselves again that a rollback rules out."""
    return _done(opened, opened.store.lift(**_why(wish, user)), session)


def _why(wish: Wish, user: GetUserDep) -> dict[str, Any]:
    return {"reason": wish.reason, "actor": user.get_name(), "token": wish.token}


def _done(opened: Opened, outcome: Outcome, session: SessionDep) -> dict[str, Any]:
    if outcome.published and outcome.changed:
        entry, folder = outcome.entry, opened.book.folder
        asset = session.scalar(select(AssetModel).where(AssetModel.uri == policy_uri(folder.dag_id)).limit(1))
        if asset is not None:
            path = folder.policy(*entry.key)
            policy = recorded_policy(folder, *entry.key).raw
            extra = {**event_extra(path, entry.run_id, entry.as_of, policy), "action": entry.action}
            asset_manager.register_asset_change(asset=asset, extra=extra, source_is_api=True, session=session)
    return {"version": 1, **outcome.to_json()}
