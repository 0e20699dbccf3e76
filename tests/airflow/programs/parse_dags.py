"""Parse a Dag file as Airflow does, and say what that took: files, connections, processes, modules.

Arguments: the file, and the Dag that a task's process would want, or nothing.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

WATCHED = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.fork", "os.exec"}


def main(dag_file: str, wanted: str | None) -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.execution_time.task_runner import _airflow_parsing_context_manager
    from airflow.serialization.serialized_objects import DagSerialization

    opened: list[str] = []
    others: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.append(arguments[0])
        elif event in WATCHED:
            others.append(f"{event} {arguments[1:]}")

    sys.addaudithook(watch)
    context = _airflow_parsing_context_manager(dag_id=wanted, task_id="t") if wanted else nullcontext()
    with context:
        bag = DagBag(dag_file)
    return {
        "dags": sorted(bag.dags),
        "import_errors": bag.import_errors,
        "opened": list(opened),
        "others": list(others),
        "modules": sorted(set(sys.modules)),
        "serialized": {
            # Sorted, as Airflow does before it compares: it collects the fields of a Dag in a set.
            dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True)
            for dag_id, dag in sorted(bag.dags.items())
        },
    }


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    print(f"\n{json.dumps(found)}")
