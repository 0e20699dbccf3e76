"""What the API server knows of ELPA's Dags: their stores, and what their schedules promise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from elpa_airflow.run.names import INTEGRATE, TAG


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
    models = session.scalars(select(DagModel).where(DagModel.dag_id.in_(marked))).all()
    known = {model.dag_id: model for model in models if stale or not model.is_stale}
    found = []
    rows = SerializedDagModel.get_latest_serialized_dags(dag_ids=[*known], session=session) if known else []
    for row in rows:
        store = _store(row.data)
        if store is not None:
            found.append(ElpaDag(row.dag_id, store, _due(known[row.dag_id])))
    return sorted(found, key=lambda one: one.dag_id)


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


def _due(model: DagModel) -> dt.datetime | None:
    """Return the begin of the interval before the one that comes next: its run had time to end."""
    begin, end = model.next_dagrun_data_interval_start, model.next_dagrun_data_interval_end
    if model.is_paused or begin is None or end is None or begin == end:
        return None
    due: dt.datetime = begin - (end - begin)
    return due
