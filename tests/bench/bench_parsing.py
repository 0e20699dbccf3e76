"""What the factory costs: against the same Dags written by hand, and with many configs against one.

Prints ratios of CPU time, each pair measured in turns in one process, the median of the rounds.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODELS = 10
_SCRATCH = tempfile.TemporaryDirectory(prefix="elpa-bench-")
os.environ.setdefault("AIRFLOW_HOME", _SCRATCH.name)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")


def write_configs(folder: Path, count: int) -> None:
    """Write ``count`` configs of ten models each."""
    folder.mkdir()
    command = (
        "python {project_root}/train.py --data {dataset} --horizon {horizon} --out {model_dir}/errors.csv"
    )
    for number in range(count):
        models = [
            {
                "name": f"model_{index}",
                "group": "online" if index % 2 else "offline",
                "train_cmd": f"{command} --model {index} --as-of {{as_of}}",
            }
            for index in range(MODELS)
        ]
        config = {
            "project_root": "/srv/code",
            "dataset": "/srv/data/train.csv",
            "horizon": 24,
            "models": models,
        }
        (folder / f"pool_{number:03}.json").write_text(json.dumps(config), encoding="utf-8")


def by_hand(docs: dict[str, tuple[str, dict[str, str], str, Any]]) -> dict[str, object]:
    """Build the same Dags with Airflow's own operators, from texts that are there already."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, AssetAlias, Param, TaskGroup

    dags = {}
    for dag_id, (dag_doc, task_docs, tooltip, params) in docs.items():
        with DAG(
            dag_id=dag_id,
            schedule=None,
            tags={"elpa"},
            doc_md=dag_doc,
            description="Ten models",
            params={name: Param(value, **schema) for name, (value, schema) in params.items()},
        ) as dag:
            integrate = PythonOperator(
                task_id="integrate",
                python_callable=print,
                trigger_rule="all_done",
                retries=1,
                outlets=[AssetAlias(f"elpa://{dag_id}/policy")],
                doc_md=task_docs["integrate"],
            )
            for group in ("online", "offline"):
                with TaskGroup(group_id=group, tooltip=tooltip):
                    for name, doc in task_docs.items():
                        if name != "integrate" and (int(name.removeprefix("model_")) % 2 == 1) == (
                            group == "online"
                        ):
                            train = BashOperator(
                                task_id=name,
                                bash_command="python train.py",
                                env={},
                                append_env=True,
                                skip_on_exit_code=None,
                                retries=1,
                                doc_md=doc,
                            )
                            train >> integrate
        dags[dag_id] = dag
    return dags


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of one call."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], limit: float, rounds: int
) -> None:
    """Print the ratio of two calls."""
    ours()
    theirs()
    pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    first, second = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{name}: {ratio:.3f} (at most {limit}; {first * 1000:.1f} ms against {second * 1000:.1f} ms of CPU)"
    )


def task_process(dag_file: Path, dag_id: str) -> None:
    """Parse a Dag file as a task's process does."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager

    with _airflow_parsing_context_manager(dag_id=dag_id, task_id="integrate"):
        bag = DagBag(dag_folder=dag_file, load_op_links=False)
    if set(bag.dags) != {dag_id}:
        raise SystemExit(f"found {sorted(bag.dags)} instead of {dag_id}: {bag.import_errors}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dags", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    scratch = Path(_SCRATCH.name)
    many, one = scratch / "many", scratch / "one"
    for folder, count in ((many, options.dags), (one, 1)):
        folder.mkdir()
        write_configs(folder / "configs", count)
        text = "from elpa_airflow import elpa_dags\n\nglobals().update(elpa_dags(__file__))  # dag, airflow\n"
        (folder / "elpa_pools.py").write_text(text, encoding="utf-8")

    from elpa_airflow import elpa_dags

    def ours() -> dict[str, object]:
        return dict(elpa_dags(many / "elpa_pools.py"))

    docs = {
        dag_id: (
            dag.doc_md,
            {task.task_id.partition(".")[2] or task.task_id: task.doc_md for task in dag.tasks},
            dag.task_group_dict["online"].tooltip,
            {name: (param.value, param.schema) for name, param in dag.params.items()},
        )
        for dag_id, dag in ours().items()
    }
    compare(
        f"build {options.dags} Dags of {MODELS} models / by hand",
        ours,
        lambda: by_hand(docs),
        1.15,
        options.rounds,
    )
    compare(
        f"parse in a task's process, {options.dags} configs / 1 config",
        lambda: task_process(many / "elpa_pools.py", "elpa_pool_000"),
        lambda: task_process(one / "elpa_pools.py", "elpa_pool_000"),
        1.5,
        options.rounds * 3,
    )


if __name__ == "__main__":
    main()
