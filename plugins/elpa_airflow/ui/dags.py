"""What the API server knows of ELPA's Dags: their stores, and what their schedules promise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from elpa_airflow.run.names import INTEGRATE, TAG
from elpa_core.times import utc_text
from elpa_core.views.dag_view import FailedRun


@dataclass(frozen=True)
class ElpaDag:
    """A Dag of ELPA.

    Parameters
    ----------
    dag_id : str
        Its id.
    store : str
        Where its policies are.
    due : datetime or None
        The schedule promises a policy that is as of this moment or later; None if it promises nothing.
    """

    dag_id: str
    store: str
    due: dt.datetime | None


def elpa_dags(dag_ids: Collection[str], session: Session, *, stale: bool = True) -> list[ElpaDag]:
    """Return those of these Dags that ELPA made, by id; also those whose config is gone, if ``stale``."""
    marked = select(DagTag.dag_id).where(DagTag.name == TAG, DagTag.dag_id.in_(dag_ids))
    models = session.execute(
        select(
            DagModel.dag_id,
            DagModel.is_stale,
            DagModel.is_paused,
            DagModel.next_dagrun_data_interval_start,
            DagModel.next_dagrun_data_interval_end,
        ).where(DagModel.dag_id.in_(marked))
    )
    known = {
        dag_id: _due(is_paused, begin, end)
        for dag_id, is_stale, is_paused, begin, end in models
        if stale or not is_stale
    }
    stores = _STORES.of([*known], session)
    return [ElpaDag(dag_id, store, known[dag_id]) for dag_id, store in sorted(stores.items())]


class _Stores:
    """The stores of Dags, as their newest serialized versions name them, each of which is read once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str | None]] = {}

    def of(self, dag_ids: Collection[str], session: Session) -> dict[str, str]:
        """Return the stores of those of these Dags that name one, by Dag."""
        newest = (
            select(DagVersion.dag_id, func.max(DagVersion.version_number).label("number"))
            .where(DagVersion.dag_id.in_(dag_ids))
            .group_by(DagVersion.dag_id)
            .subquery()
        )
        is_newest = (DagVersion.dag_id == newest.c.dag_id) & (DagVersion.version_number == newest.c.number)
        versions = session.execute(
            select(SerializedDagModel.dag_id, SerializedDagModel.dag_hash)
            .join(DagVersion, SerializedDagModel.dag_version_id == DagVersion.id)
            .join(newest, is_newest)
        )
        hashes = {row.dag_id: row.dag_hash for row in versions}
        new = [dag_id for dag_id in hashes if self._known.get(dag_id, ("",))[0] != hashes[dag_id]]
        if new:
            for row in SerializedDagModel.get_latest_serialized_dags(dag_ids=new, session=session):
                self._known[row.dag_id] = row.dag_hash, _store(row.data)
        stores = {dag_id: self._known[dag_id][1] for dag_id in hashes if dag_id in self._known}
        return {dag_id: store for dag_id, store in stores.items() if store is not None}


_STORES = _Stores()


def failed_runs(dag_ids: Collection[str], most: int, session: Session) -> dict[str, list[FailedRun]]:
    """Return the last failed runs of each of these Dags."""
    place = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.run_after.desc())
    columns = (DagRun.dag_id, DagRun.run_id, DagRun.data_interval_end, DagRun.logical_date, DagRun.run_after)
    failed = select(*columns, place.label("place")).where(
        DagRun.dag_id.in_(dag_ids), DagRun.state == "failed"
    )
    ranked = failed.subquery()
    found: dict[str, list[FailedRun]] = {}
    for row in session.execute(select(ranked).where(ranked.c.place <= most)):
        as_of = row.data_interval_end or row.logical_date or row.run_after
        found.setdefault(row.dag_id, []).append(FailedRun(row.run_id, utc_text(as_of)))
    return found


def has_made_a_policy(dag_id: str, session: Session) -> bool:
    """Tell whether a run of the Dag has ended with a policy or a dry run, as Airflow's database has it."""
    ended = select(TaskInstance.id).where(
        TaskInstance.dag_id == dag_id, TaskInstance.task_id == INTEGRATE, TaskInstance.state == "success"
    )
    return session.scalars(ended.limit(1)).first() is not None


def _store(data: Any) -> str | None:
    """Return the store that the task `integrate` of a serialized Dag names."""
    tasks = data.get("dag", {}).get("tasks", []) if isinstance(data, Mapping) else []
    for task in map(_plain, tasks):
        if isinstance(task, Mapping) and task.get("task_id") == INTEGRATE:
            store = task.get("elpa_store")
            return store if isinstance(store, str) else None
    return None


def _plain(value: Any) -> Any:
    return value["__var"] if isinstance(value, Mapping) and "__var" in value else value


def _due(is_paused: bool, begin: dt.datetime | None, end: dt.datetime | None) -> dt.datetime | None:
    """Return the begin of the interval before the one that comes next: its run had time to end."""
    if is_paused or begin is None or end is None or begin == end:
        return None
    return begin - (end - begin)
