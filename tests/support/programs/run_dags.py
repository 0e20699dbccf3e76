"""Run whole Dags of a home by ``dag.test()`` and write down what became of them.

The one argument is a JSON object: dag_ids (none: all), logical_dates by Dag id (left out: now), answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(order: dict[str, Any]) -> None:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.sdk import timezone

    folder = conf.get("core", "dags_folder")
    bag = BundleDagBag(dag_folder=folder, bundle_path=Path(folder), bundle_name="dags-folder")
    results = {}
    for dag_id in order["dag_ids"] or sorted(bag.dags):
        print(f"=== DAG {dag_id}", flush=True)
        date = order["logical_dates"].get(dag_id, timezone.utcnow().isoformat())
        logical_date = date and timezone.parse(date)
        run = bag.dags[dag_id].test(logical_date=logical_date)
        results[dag_id] = outcome(dag_id, run.run_id)
    Path(order["answer"]).write_text(json.dumps(results), encoding="utf-8")


def outcome(dag_id: str, run_id: str) -> dict[str, Any]:
    from airflow.models.dagrun import DagRun
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        tis = run.get_task_instances(session=session)
        xcoms = session.scalars(
            select(XComModel).where(
                XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == "return_value"
            )
        )
        fields = session.scalars(
            select(RenderedTaskInstanceFields).where(
                RenderedTaskInstanceFields.dag_id == dag_id, RenderedTaskInstanceFields.run_id == run_id
            )
        )
        return {
            "state": run.state,
            "run_id": run_id,
            "states": {ti.task_id: ti.state for ti in tis},
            "tries": {ti.task_id: ti.try_number for ti in tis},
            "xcoms": {xcom.task_id: XComModel.deserialize_value(xcom) for xcom in xcoms},
            "rendered": {field.task_id: field.rendered_fields for field in fields},
        }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
