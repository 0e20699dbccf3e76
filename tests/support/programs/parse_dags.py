"""Parse Dag files as Airflow does, and say what each took: files, connections, processes, modules.

The one argument is a JSON list: for each parse the file, and the Dag that a task's process wants, or null.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

WATCHED = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.fork", "os.exec"}


def main(orders: list[tuple[str, str | None]]) -> list[dict[str, Any]]:
    """Return what each parse came to."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.execution_time.task_runner import _airflow_parsing_context_manager

    opened: list[str] = []
    others: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.append(arguments[0])
        elif event in WATCHED:
            others.append(f"{event} {arguments[1:]}")

    sys.addaudithook(watch)
    results = []
    for dag_file, dag_id in orders:
        opened.clear()
        context = _airflow_parsing_context_manager(dag_id=dag_id, task_id="t") if dag_id else nullcontext()
        with context:
            bag = DagBag(dag_file)
        results.append({"opened": list(opened), "others": list(others), **contents(bag)})
    return results


def contents(bag: Any) -> dict[str, Any]:
    """Return what was found, and which modules that took."""
    modules = sorted(sys.modules)
    from airflow.serialization.serialized_objects import DagSerialization

    return {
        "dags": sorted(bag.dags),
        "import_errors": bag.import_errors,
        "modules": modules,
        "serialized": {
            # Sorted, as Airflow does before it compares: it collects the fields of a Dag in a set.
            dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
            for dag_id, dag in sorted(bag.dags.items())
        },
    }


if __name__ == "__main__":
    print(f"\n{json.dumps(main(json.loads(sys.argv[1])))}")
