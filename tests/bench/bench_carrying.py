"""What it costs to find the artifact that a run carries, by the number of runs in the store.

Policies of hourly runs, an offline model that was trained once a week; locally in CPU seconds, on S3 in
requests.

    python tests/bench/bench_carrying.py [--runs N ...]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from results import Result, report
from support.s3_service import BUCKET, S3Service, s3_service
from support.stores import policy

from elpa_core.files import StorePath, open_location
from elpa_core.runs.earlier_artifacts import EarlierArtifact, newest_artifacts
from elpa_core.store import DagFolder
from elpa_core.store.carrying import Wanted, artifacts_to_carry

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
WEEK = 168
MOST_ON_S3 = 1_000  # a look at all of more takes the server minutes


def files_of(runs: int) -> Iterator[tuple[str, str]]:
    """Yield the files of a store with so many runs, by their place below the Dag's folder."""
    content = policy(offline={"tide": 2.0})
    history = []
    for number in range(runs):
        run_id, as_of = f"r{number}", (START + dt.timedelta(hours=number)).isoformat()
        origin = number - number % WEEK
        sha256 = f"{origin:064}"
        carried_from = None if origin == number else f"r{origin}"
        content["errors"]["tide"] |= {"sha256": sha256, "carried_from": carried_from}
        record = {"run_id": run_id, "number": 1, "as_of": as_of, "when": as_of}
        yield f"runs/{run_id}/policies/0001.json", json.dumps({**content, "record": record})
        entry: dict[str, Any] = {"number": number + 1, "action": "published", "actor": "dag run"}
        entry |= {"run_id": run_id, "policy_number": 1, "as_of": as_of, "when": as_of}
        entry |= {"reason": f"later than publication {number}, which is as of an earlier moment"}
        history.append(json.dumps({**entry, "best": {"online": "ets", "offline": "tide"}}))
        status: dict[str, Any] = {"status": "planned", "group": "offline"}
        if origin == number:
            artifact = {"model": "tide", "group": "offline", "path": "p", "rows": 1, "sha256": sha256}
            artifact |= {"written_at": as_of, "started_at": as_of, "finished_at": as_of}
            status |= {"status": "ok", "run_id": run_id, "as_of": as_of, "artifact": artifact}
        yield f"runs/{run_id}/models/tide/status.json", json.dumps(status)
    yield "history.jsonl", "".join(line + "\n" for line in history)
    yield "current.json", json.dumps({**content, "record": record, "publication": entry})


def ways(folder: DagFolder[Any], runs: int) -> dict[str, Callable[[], EarlierArtifact]]:
    """Return how to find the artifact of the week: by the newest policy, and by a look at all runs."""
    until = START + dt.timedelta(hours=runs)
    since = START + dt.timedelta(hours=(runs - 1) // WEEK * WEEK)
    wanted = Wanted("tide", "offline", until, until, since)
    return {
        "policy": lambda: next(artifacts_to_carry(folder, "new", wanted)),
        "scan": lambda: newest_artifacts(folder.run("new"), "tide", "offline", until, since)[0],
    }


def local(runs: int) -> dict[str, float]:
    """Return CPU seconds by way."""
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as name:
        folder = DagFolder(Path(name), "pool")
        for place, text in files_of(runs):
            path = folder.path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        spent, found = {}, set()
        for way, find in ways(folder, runs).items():
            find()
            begun = time.process_time()
            found.add(find().run_id)
            spent[way] = time.process_time() - begun
        assert len(found) == 1, found
        return spent


def remote(runs: int, service: S3Service) -> dict[str, float]:
    """Return requests by way."""
    place = f"{BUCKET}/{runs}"
    service.contents({f"{place}/pool/{name}": text for name, text in files_of(runs)})
    root: StorePath = open_location(f"s3://{place}")
    sent, found = {}, set()
    for way, find in ways(DagFolder(root, "pool"), runs).items():
        service.faults()
        found.add(find().run_id)
        sent[way] = float(len(service.requests()[0]))
    assert len(found) == 1, found
    return sent


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    runs = arguments.parse_args().runs
    on_disk = {count: local(count) for count in runs}
    few = [count for count in runs if count <= MOST_ON_S3]
    with s3_service() as service:
        os.environ.update(service.env)
        service.make_bucket(BUCKET)
        on_s3 = {count: remote(count, service) for count in few}
    results = [
        Result(f"carry a model, {count} runs{where}", found["policy"], found["scan"], "all runs", unit)
        for where, by_count, unit in (("", on_disk, "s CPU"), (", S3", on_s3, "requests"))
        for count, found in by_count.items()
    ]
    report("carrying", results, {"local": on_disk, "S3": on_s3})


if __name__ == "__main__":
    main()
