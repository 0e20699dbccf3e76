"""The routes that decide: promote, roll back, lift, as ``elpa policy`` does, with the asset event."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from elpa_airflow.run.moment import policy_uri
from elpa_airflow.ui.guards import edits_dag
from elpa_airflow.ui.stores import Opened, OpenedDep
from elpa_core.store import Outcome, PolicyStore

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
    store = _store(opened, wish)
    outcome = store.promote(wish.run_id, wish.number, reason=wish.reason, actor=user.get_name())
    return _done(opened, outcome, session)


@router.post("/rollback", dependencies=edits_dag("elpa_policy_rollback"))
def roll_back(wish: Wish, opened: OpenedDep, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """Go back to what was published before."""
    outcome = _store(opened, wish).rollback(reason=wish.reason, actor=user.get_name())
    return _done(opened, outcome, session)


@router.post("/lift", dependencies=edits_dag("elpa_policy_lift"))
def lift(wish: Wish, opened: OpenedDep, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """Let runs be published by themselves again that a rollback rules out."""
    return _done(opened, _store(opened, wish).lift(reason=wish.reason, actor=user.get_name()), session)


def _store(opened: Opened, wish: Wish) -> PolicyStore:
    book = opened.book
    if wish.token is not None and wish.token != str(book.ledger.last_number):
        raise HTTPException(409, "Somebody has decided meanwhile. Look at the policies again.")
    return PolicyStore(book.folder.root, book.folder.dag_id)


def _done(opened: Opened, outcome: Outcome, session: SessionDep) -> dict[str, Any]:
    if outcome.published and outcome.changed:
        entry, folder = outcome.entry, opened.book.folder
        asset = session.scalar(select(AssetModel).where(AssetModel.uri == policy_uri(folder.dag_id)).limit(1))
        if asset is not None:
            extra = {
                "run_id": entry.run_id,
                "as_of": entry.as_of,
                "policy": str(folder.policy(*entry.key)),
                "action": entry.action,
            }
            asset_manager.register_asset_change(asset=asset, extra=extra, source_is_api=True, session=session)
    return {"version": 1, **outcome.to_json()}
