"""What many Dags cost an Airflow with PostgreSQL: time to parse and write them, memory and CPU of its parts.

Settings are Airflow's own, but for timeouts of parsing and the number of tasks at a time (LocalExecutor). All
Dags are hourly. They are measured paused, then unpaused at once, as at a full hour.

    PYTHONPATH=tests:dags/demo python tests/bench/bench_scale.py [--configs 200] [--models 20] [--minutes 4]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from results import JSON_FOLDER
from support.airflow_runs import eventually
from support.airflow_site import training
from support.cluster import Cluster
from support.component import Component, children_of

PARSE = """
import json, sys, time

def cpu(what, call):
    begun = time.process_time()
    found = call()
    seconds[what] = round(time.process_time() - begun, 2)
    return found

def write():
    with create_session() as session:
        sync_bag_to_db(bag, "dags-folder", None, session=session)

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
seconds = {}
bag = cpu("build", lambda: DagBag(sys.argv[1], bundle_name="dags-folder"))
assert not bag.import_errors, bag.import_errors
size = cpu("serialize", lambda: sum(len(json.dumps(DagSerialization.to_dict(d))) for d in bag.dags.values()))
cpu("serialize, and compare with the database", write)
print(json.dumps({"bytes serialized": size, "Dags": len(bag.dags), "CPU seconds": seconds}))
"""
SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "30",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "10",
    # Airflow's own 30 and 50 seconds are over before a busy machine has read the Dag file.
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
}
PRELOAD = "import sys\n\nif 'scheduler' in sys.argv:\n    import elpa_airflow.worker_preload\n"
TICKS = os.sysconf("SC_CLK_TCK")


def usage(component: Component) -> tuple[float, float]:
    """Return memory (PSS, in MB) and CPU seconds of a component, with all that it has started."""
    pids, megabytes, seconds = [component.pid], 0.0, 0.0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except OSError:  # it has ended
            continue
        pids += children_of(pid)
        megabytes += int(rollup.split("\nPss:")[1].split()[0]) / 1024
        seconds += sum(map(int, stat.rpartition(")")[2].split()[11:15])) / TICKS
    return megabytes, seconds


def watch(
    parts: dict[str, Component], seconds: float, look: Callable[[], object] = lambda: None
) -> dict[str, dict[str, float]]:
    """Return peak memory, and CPU seconds per minute, of each component while time goes by."""
    before = {name: usage(one)[1] for name, one in parts.items()}
    peaks, begun = dict.fromkeys(parts, 0.0), time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        after = {name: usage(one) for name, one in parts.items()}
        peaks = {name: max(peaks[name], after[name][0]) for name in parts}
        look()
        time.sleep(1)
    spent = {name: (after[name][1] - before[name]) * 60 / gone for name in parts}
    return {
        name: {"MB": round(peaks[name]), "CPU seconds per minute": round(spent[name], 1)} for name in parts
    }


def total(cluster: Cluster, query: str) -> int:
    """Return how many there are of what the REST API lists."""
    return int(cluster.airflow.call("GET", query)["total_entries"])


def measure(cluster: Cluster, configs: int, seconds: float) -> dict[str, object]:
    """Start an Airflow, and return what was found."""
    found: dict[str, object] = {}
    begun = time.monotonic()
    cluster.start()
    found["seconds until the Airflow answers"] = round(time.monotonic() - begun)
    eventually(lambda: total(cluster, "/dags?limit=1") == configs, "all Dags are there", 600)
    found["seconds until all Dags are there"] = round(time.monotonic() - begun)
    command = [sys.executable, "-c", PARSE, cluster.dag_file]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=cluster.env, cwd=cluster.home)
    found["parse"] = json.loads(done.stdout.splitlines()[-1])
    parts = {**cluster.components, "postgres": cluster.servers.postgres}
    found["paused"] = watch(parts, 90)
    found["seconds of a parse in the Dag processor"] = parse_duration(cluster)
    runs: dict[int, int] = {}
    unhealthy: list[int] = []
    begun = time.monotonic()

    def look() -> None:
        gone = round(time.monotonic() - begun)
        runs.setdefault(total(cluster, "/dags/~/dagRuns?limit=1"), gone)
        if not cluster.airflow.healthy():
            unhealthy.append(gone)

    while total(cluster, "/dags?limit=1&paused=true"):
        cluster.airflow.call("PATCH", "/dags?dag_id_pattern=~&paused=true&limit=100", is_paused=False)
    found["running"] = watch(parts, seconds, look)
    found["runs there, and after how many seconds"] = max(runs.items())
    found["unhealthy after seconds"] = unhealthy
    found["seconds of a parse beside running tasks"] = parse_duration(cluster)
    query = "/dags/~/dagRuns/~/taskInstances?limit=1&state="
    states = ("success", "failed", "up_for_retry", "running", "queued", "scheduled")
    return found | {"states of tasks": {state: total(cluster, query + state) for state in states}}


def parse_duration(cluster: Cluster) -> float:
    """Return how long the Dag processor took for the Dag file, by its own account."""
    [dag] = cluster.airflow.call("GET", "/dags?limit=1")["dags"]
    return float(dag["last_parse_duration"])


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--configs", type=int, default=200)
    arguments.add_argument("--models", type=int, default=20, help="of each config")
    arguments.add_argument("--tasks", type=int, default=4, help="how many run at a time")
    arguments.add_argument("--minutes", type=float, default=4, help="how long the Dags run")
    options = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="elpa-bench-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, {**SETTINGS, "AIRFLOW__CORE__PARALLELISM": str(options.tasks)})
    cluster.workers.clear()
    (cluster.home / "config").mkdir()
    (cluster.home / "config" / "airflow_local_settings.py").write_text(PRELOAD, encoding="utf-8")
    for number in range(options.configs):
        models = [
            training(f"m{index:02}", "offline" if index % 2 else "online") for index in range(options.models)
        ]
        cluster.config(f"scale{number:03}", models, airflow={"schedule": "@hourly"})
    machine = {"cores": os.cpu_count(), "load before": os.getloadavg()[1]}
    try:
        found = measure(cluster, options.configs, options.minutes * 60)
    finally:
        cluster.stop()
        shutil.rmtree(folder)
    text = json.dumps(vars(options) | machine | found, indent=2)
    print(text)
    JSON_FOLDER.mkdir(parents=True, exist_ok=True)
    (JSON_FOLDER / "scale.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
