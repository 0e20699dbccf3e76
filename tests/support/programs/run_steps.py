"""Do one thing after the other with the Dags of a home, by Airflow's own loop for ``dag.test()``.

The one argument is a JSON object: answer, and steps, each an object with one of

* ``write``: {path: text, ...}; in a path RUN is the id of the last run;
* ``run``: a Dag id, with ``date`` and ``conf``;
* ``clear``: a Dag id, with ``task_ids``: these are cleared and run, of ``run_id``, else of the last run.

The answer is a list: for each run and clearing what `run_dags.outcome` says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from run_dags import outcome


def main(order: dict[str, Any]) -> None:
    results: list[dict[str, Any]] = []
    for number, step in enumerate(order["steps"]):
        print(f"=== STEP {number}", flush=True)
        run_id = step.get("run_id") or (results[-1]["run_id"] if results else "")
        for path, text in step.get("write", {}).items():
            Path(path.replace("RUN", run_id)).write_text(text, encoding="utf-8")
        if "run" in step:
            results.append(run(step["run"], step.get("date"), step.get("conf")))
        if "clear" in step:
            results.append(clear(step["clear"], run_id, step["task_ids"]))
    Path(order["answer"]).write_text(json.dumps(results), encoding="utf-8")


def dag_of(dag_id: str) -> Any:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = conf.get("core", "dags_folder")
    bag = BundleDagBag(dag_folder=folder, bundle_path=Path(folder), bundle_name="dags-folder")
    return bag.dags[dag_id]


def run(dag_id: str, date: str | None, conf: dict[str, Any] | None) -> dict[str, Any]:
    from airflow.sdk import timezone

    logical_date = timezone.parse(date) if date else timezone.utcnow()
    found = dag_of(dag_id).test(logical_date=logical_date, run_conf=conf)
    return outcome(dag_id, found.run_id)


def clear(dag_id: str, run_id: str, task_ids: list[str]) -> dict[str, Any]:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dagrun import DagRun
    from airflow.sdk.definitions.dag import _run_task
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from sqlalchemy import select

    (bundle,) = DagBundlesManager().get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    sync_bag_to_db(bag, bundle.name, bundle.version)
    dag = bag.dags[dag_id]
    scheduler_dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    with create_session() as session:
        scheduler_dag.clear(run_id=run_id, task_ids=task_ids, session=session)
        found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        found.dag = scheduler_dag
        found.state = DagRunState.RUNNING
        session.commit()
        while found.state == DagRunState.RUNNING:
            session.expire_all()
            waiting, _ = found.update_state(session=session)
            for ti in waiting:
                ti.try_number += 1
                ti.state = TaskInstanceState.SCHEDULED
            session.commit()
            for ti in waiting:
                _run_task(ti=ti, task=dag.task_dict[ti.task_id], run_triggerer=True)
    return outcome(dag_id, run_id)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
