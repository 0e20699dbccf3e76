"""What a run costs a store that has seen many: carrying, recording and publishing, pruning.

PYTHONPATH=tests:dags/demo python tests/bench/bench_store.py [--runs 10 100 1000 10000]

Seconds on a local disk (the least of several), requests and bytes sent on an S3 server of the tests.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from results import Result, report
from support.earlier import status_text
from support.s3_service import BUCKET, S3Service, s3_service
from support.stores import policy, put_before

from elpa_core import files
from elpa_core.files import open_location
from elpa_core.runs.artifact_index import ArtifactIndex
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.store import PolicyStore
from elpa_core.store.pruning import prune

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
KEEP = 100
TICK = 168
TIMES = 5
COUNTER = itertools.count(1)


def moment(hour: int) -> str:
    """Return the moment of a run."""
    return (START + dt.timedelta(hours=hour)).isoformat()


def fill(store: PolicyStore, runs: int, s3: S3Service | None) -> None:
    """Leave what hourly runs leave, each 168th of which has trained the offline model."""
    texts = {}
    for hour in range(runs):
        folder = store.folder.run(f"r{hour}") / "models" / "tide"
        trained = "ok" if hour % TICK == 0 else "planned"
        texts[str(folder / "status.json")] = status_text(folder, f"r{hour}", moment(hour), status=trained)
        manifest = {"run_id": f"r{hour}", "as_of": moment(hour)}
        texts[str(store.folder.run(f"r{hour}") / MANIFEST_NAME)] = json.dumps(manifest)
    if s3 is not None:
        s3.put({place.removeprefix("s3://"): text for place, text in texts.items()})
    else:
        for place, text in texts.items():
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            Path(place).write_text(text, encoding="utf-8")
    store.record("first", moment(0), policy())
    store.publish("first")
    put_before(store, runs)
    record_and_publish(store, 0)  # on object storage it closes the segments of an old store, once


class Action(NamedTuple):
    """What a run does; ``prepare`` is not measured, and what it returns is handed to ``act``."""

    prepare: Callable[[PolicyStore, int], Any]
    act: Callable[[PolicyStore, Any], object]
    most: int = 10**9


def until(store: PolicyStore, runs: int) -> dt.datetime:
    """Return the moment of the next run."""
    return START + dt.timedelta(hours=runs)


def until_without_index(store: PolicyStore, runs: int) -> dt.datetime:
    """Let nobody have looked before."""
    files.remove_tree(ArtifactIndex.of(store.folder.runs, "tide").path)
    return until(store, runs)


def carry(store: PolicyStore, moment: dt.datetime) -> None:
    """Find what a run carries."""
    assert next(newest_artifacts(store.folder.run("new"), "tide", "offline", moment), None) is not None


def record_and_publish(store: PolicyStore, number: int) -> None:
    """Record and publish the policy of one more run."""
    store.record(f"new{number}", moment(20_000 + number), policy())
    assert store.publish(f"new{number}").published


def one_too_many(store: PolicyStore, runs: int) -> int:
    """Add a run, and return how many there were before."""
    number = len(store.folder.run_folders())
    manifest = {"run_id": f"more{next(COUNTER)}", "as_of": moment(-next(COUNTER))}
    files.write(store.folder.run(manifest["run_id"]) / MANIFEST_NAME, json.dumps(manifest).encode())
    prune(store.folder, number + 1)  # so that only the next one is measured
    return number


ACTIONS = {
    "carry, nobody has looked before": Action(until_without_index, carry),
    "carry": Action(until, carry),
    "record and publish": Action(lambda *_: next(COUNTER), record_and_publish),
    "prune a run": Action(one_too_many, lambda store, keep: prune(store.folder, keep), most=KEEP),
}


def seconds(action: Action, store: PolicyStore, runs: int) -> float:
    """Return the CPU time of an action, the least of several."""
    found = []
    for _ in range(TIMES):
        prepared = action.prepare(store, runs)
        begin = time.process_time()
        action.act(store, prepared)
        found.append(time.process_time() - begin)
    return min(found)


def requests(action: Action, store: PolicyStore, runs: int, s3: S3Service) -> int:
    """Return how many requests an action sends."""
    prepared = action.prepare(store, runs)
    s3.faults()
    action.act(store, prepared)
    return len(s3.requests()[0])


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    lengths = arguments.parse_args().runs
    cpu: dict[str, dict[int, float]] = {name: {} for name in ACTIONS}
    sent: dict[str, dict[int, int]] = {name: {} for name in ACTIONS}
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as folder, s3_service() as s3:
        os.environ.update(s3.env)
        s3.make_bucket(BUCKET)
        for runs in lengths:
            local = PolicyStore(Path(folder, str(runs)), "pool")
            remote = PolicyStore(open_location(f"s3://{BUCKET}/{runs}"), "pool")
            fill(local, runs, None)
            fill(remote, runs, s3)
            for name, action in ACTIONS.items():
                if runs > action.most:
                    continue  # so many are never kept
                cpu[name][runs] = seconds(action, local, runs)
                sent[name][runs] = requests(action, remote, runs, s3)
    results = []
    for name in ACTIONS:
        least, most = min(cpu[name]), max(cpu[name])
        of = f"at {least} runs"
        results += [
            Result(f"{name}, local, {most} runs", cpu[name][most], cpu[name][least], of, reach=1),
            Result(f"{name}, S3, {most} runs", sent[name][most], sent[name][least], of, "requests", reach=1),
        ]
    curves = {f"{name}, seconds on a local disk, by runs": curve for name, curve in cpu.items()}
    curves |= {f"{name}, requests on S3, by runs": curve for name, curve in sent.items()}
    report("store", results, curves)


if __name__ == "__main__":
    main()
