"""What the factory costs: against the same Dags written by hand, and with many configs or models against few.

Each pair is measured in turns in one process; what counts is the median of the rounds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from results import Result, grown, report

MODELS = 10
CONFIGS = (1, 10, 100, 1_000)
MODELS_OF_ONE = (4, 20, 50, 100, 200)
SCHEDULED = {
    "schedule": "@hourly",
    "offline_schedule": "@weekly",
    "start_date": "2026-01-01",
    "pool": "heavy",
    "retry_delay": 60,
}
_SCRATCH = tempfile.TemporaryDirectory(prefix="elpa-bench-")
os.environ.setdefault("AIRFLOW_HOME", _SCRATCH.name)
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")


def write_configs(folder: Path, count: int, options: Mapping[str, object], in_each: int = MODELS) -> None:
    """Write ``count`` configs."""
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
            for index in range(in_each)
        ]
        config = {
            "project_root": "/srv/code",
            "dataset": "/srv/data/train.csv",
            "horizon": 24,
            "models": models,
            "airflow": options,
        }
        (folder / f"pool_{number:03}.json").write_text(json.dumps(config), encoding="utf-8")


def by_hand(
    docs: dict[str, tuple[str, dict[str, str], str, Any]], *, scheduled: bool = False, form: bool = True
) -> dict[str, object]:
    """Build the same Dags with Airflow's own operators, from texts that are there already."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, AssetAlias, CronDataIntervalTimetable, Param, TaskGroup

    dags = {}
    options = {"retry_delay": dt.timedelta(seconds=60)} if scheduled else {}
    for dag_id, (dag_doc, task_docs, tooltip, params) in docs.items():
        with DAG(
            dag_id=dag_id,
            schedule=CronDataIntervalTimetable("@hourly", timezone="UTC") if scheduled else None,
            start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) if scheduled else None,
            tags={"elpa"},
            doc_md=dag_doc,
            description="Ten models",
            params={name: Param(value, **schema) for name, (value, schema) in params.items() if form},
        ) as dag:
            integrate = PythonOperator(
                task_id="integrate",
                python_callable=print,
                trigger_rule="all_done",
                retries=1,
                outlets=[AssetAlias(f"elpa://{dag_id}/policy")],
                doc_md=task_docs["integrate"],
                **options,
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
                                **({"pool": "heavy"} if scheduled else {}),
                                **options,
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
    name: str, ours: Callable[[], object], theirs: Callable[[], object], of: str, reach: float, rounds: int
) -> Result:
    """Return what two calls cost: the median of theirs, and ours in the median ratio to it."""
    ours()
    theirs()
    pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    other = statistics.median(b for _, b in pairs)
    return Result(name, ratio * other, other, of, reach=reach)


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
    text = "from elpa_airflow import elpa_dags\n\nglobals().update(elpa_dags(__file__))  # dag, airflow\n"
    files = {}
    for name, count, airflow, models in (
        ("many", options.dags, {}, MODELS),
        ("scheduled", options.dags, SCHEDULED, MODELS),
        *((f"{count} configs", count, SCHEDULED, MODELS) for count in CONFIGS),
        *((f"{models} models", 1, SCHEDULED, models) for models in MODELS_OF_ONE),
    ):
        folder = scratch / name
        folder.mkdir()
        write_configs(folder / "configs", count, airflow, models)
        files[name] = folder / "elpa_pools.py"
        files[name].write_text(text, encoding="utf-8")

    from elpa_airflow import elpa_dags

    def ours(name: str) -> Callable[[], object]:
        return lambda: elpa_dags(files[name])

    def docs_of(name: str) -> dict[str, tuple[str, dict[str, str], str, Any]]:
        return {
            dag_id: (
                dag.doc_md,
                {task.task_id.partition(".")[2] or task.task_id: task.doc_md for task in dag.tasks},
                dag.task_group_dict["online"].tooltip,
                {name: (param.value, param.schema) for name, param in dag.params.items()},
            )
            for dag_id, dag in elpa_dags(files[name]).items()
        }

    # First: a parse as in a task's process leaves its Dag in the environment, and then no other is built.
    by_configs, by_models = (
        {size: min(cpu_seconds(ours(f"{size} {of}")) for _ in range(3)) for size in sizes}
        for of, sizes in (("configs", CONFIGS), ("models", MODELS_OF_ONE))
    )
    docs, scheduled = docs_of("many"), docs_of("scheduled")
    dags = f"{options.dags} Dags of {MODELS} models"
    results = [
        compare(f"build {dags}", ours("many"), lambda: by_hand(docs), "by hand", 1.15, options.rounds),
        *(
            compare(
                f"build {dags}, scheduled",
                ours("scheduled"),
                partial(by_hand, scheduled, scheduled=True, form=form),
                "by hand" if form else "by hand, without a form",
                1.15,
                options.rounds,
            )
            for form in (True, False)
        ),
        compare(
            f"parse in a task's process, {options.dags} configs",
            lambda: task_process(files["many"], "elpa_pool_000"),
            lambda: task_process(files["1 configs"], "elpa_pool_000"),
            "1 config",
            1.5,
            options.rounds * 3,
        ),
    ]
    results += [
        grown("build, per config of", by_configs, "of 1"),
        grown("build one Dag, per model of", by_models, f"of {MODELS_OF_ONE[0]}"),
    ]
    curves = {
        f"seconds to build scheduled Dags of {MODELS} models, by configs": by_configs,
        "seconds to build one, by models": by_models,
    }
    report("parsing", results, curves)


if __name__ == "__main__":
    main()
