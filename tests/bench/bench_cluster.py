"""Runs of ELPA's Dags against the same graphs written by hand, on two Celery workers.

All runs of one kind are triggered at once; the time is that from the first trigger to the last end.
The two kinds take turns. Exits with 1 if a run does not succeed.

    python tests/bench/bench_cluster.py [--configs 50] [--rounds 2]
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import tempfile
from pathlib import Path
from statistics import median

from support.airflow_site import training
from support.cluster import Cluster
from support.programs import PROGRAMS

BY_HAND = Path(__file__).with_name("by_hand.py")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--configs", type=int, default=50, help="Dags of each kind, ten models each")
    arguments.add_argument("--rounds", type=int, default=2, help="how often each kind is measured")
    options = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="elpa-bench-"))
    folder.chmod(0o755)
    settings = {
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "BY_HAND_STORE": str(folder / "by_hand"),
        "BY_HAND_PROGRAM": str(PROGRAMS / "write_errors.py"),
        "BY_HAND_DAGS": str(options.configs),
    }
    cluster = Cluster(folder, settings)
    kinds = {
        "elpa": [f"elpa_load{number:02}" for number in range(options.configs)],
        "by hand": [f"by_hand{number:02}" for number in range(options.configs)],
    }
    try:
        write_dags(cluster, kinds["elpa"])
        cluster.start()
        for dag_id in (dag_id for dag_ids in kinds.values() for dag_id in dag_ids):
            cluster.airflow.wait_for_dag(dag_id)
        for dag_ids in kinds.values():  # so that neither kind pays for the first use of the workers
            run_all(cluster, dag_ids[:2])
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(options.rounds):
            for kind in sorted(kinds, reverse=number % 2 == 1):
                times[kind].append(run_all(cluster, kinds[kind]))
                print(f"round {number + 1}: {kind} {times[kind][-1]:.1f} s", flush=True)
    finally:
        cluster.stop()
        shutil.rmtree(folder)
    ours, by_hand = median(times["elpa"]), median(times["by hand"])
    print(f"{options.configs} Dags of 11 tasks: elpa {ours:.1f} s, by hand {by_hand:.1f} s, ", end="")
    print(f"ratio {ours / by_hand:.3f}")
    return 0


def write_dags(cluster: Cluster, dag_ids: list[str]) -> None:
    for dag_id in dag_ids:
        models = [training(f"on{index}", first="sleep 1; ") for index in range(5)]
        models += [training(f"off{index}", "offline", first="sleep 1; ") for index in range(5)]
        cluster.config(dag_id.removeprefix("elpa_"), models)
    shutil.copy(BY_HAND, cluster.dags)


def run_all(cluster: Cluster, dag_ids: list[str]) -> float:
    """Trigger all Dags, and return the seconds from the first trigger to the last end."""
    runs = {dag_id: cluster.airflow.trigger(dag_id) for dag_id in dag_ids}
    begun, ended = [], []
    for dag_id, run_id in runs.items():
        state = cluster.wait(dag_id, run_id, 1200)
        if state != "success":
            raise SystemExit(f"{dag_id} {run_id} ended as {state}: {cluster.states(dag_id, run_id)}")
        run = cluster.airflow.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
        begun.append(dt.datetime.fromisoformat(run["queued_at"]))
        ended.append(dt.datetime.fromisoformat(run["end_date"]))
    return (max(ended) - min(begun)).total_seconds()


if __name__ == "__main__":
    raise SystemExit(main())
