"""Score big error CSVs against csv.DictReader, float() and the recursion, and against other libraries.

Each way runs in a process of its own; CPU is its user and system time from start to end, peak its largest
resident memory. ``floor`` is a process that reads the bytes and makes their SHA-256. Exits with 1 if ELPA and
the plain way differ in the double or in the number of rows.

    python tests/bench/bench_scoring.py [--rows N] [--without-peers]
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from peers import peer_python
from results import Result, report

BETA = 0.7
ROOT = Path(__file__).resolve().parents[2]
PEERS = ("pandas", "polars", "pyarrow")
PEER_WAYS = Path(__file__).with_name("peer_ways.py")
Found = dict[str, float | str]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=10_000_000, help="data rows of each CSV")
    arguments.add_argument("--without-peers", action="store_true", help="install and run no other library")
    arguments.add_argument("--child", nargs=2, metavar=("WAY", "CSV"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        way, path = options.child
        print(json.dumps(run_way(way, Path(path))))
        return 0
    peers = () if options.without_peers else PEERS
    results: list[Result] = []
    agree = [
        run_case("timestamp,y_true,pred", forecast_lines(), options.rows, peers, results, named=True),
        run_case("abs_error", error_lines(), options.rows, peers, results),
    ]
    report("scoring", results, {"rows": options.rows})
    return 0 if all(agree) else 1


def run_case(
    header: str,
    lines: Iterator[str],
    rows: int,
    peers: tuple[str, ...],
    results: list[Result],
    *,
    named: bool = False,
) -> bool:
    """Measure one file, and add what was found to the results."""
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as folder:
        path = Path(folder, "errors.csv")
        with path.open("w", encoding="ascii") as file:
            file.write(header + "\n")
            file.writelines(islice(lines, rows))
        plain, ours, floor = (in_process(way, path) for way in ("dictreader", "elpa", "floor"))
        by_time = in_process("elpa by time", path) if named else None
        others = {peer: in_process(peer, path, peer_python()) for peer in peers}
    what = f"score {header}, {rows / 1e6:g}M rows"
    own, slowest, peak = (float(found) for found in (ours["cpu"], plain["cpu"], ours["peak"]))
    results.append(Result(what, own, slowest, "DictReader", reach=0.12))
    if by_time is not None:
        results.append(Result(f"{what}, by time", float(by_time["cpu"]), slowest, "DictReader", reach=0.30))
    every_other = {"read and hash": floor, **others}
    results += [Result(what, own, float(found["cpu"]), way) for way, found in every_other.items()]
    results += [Result(what, peak, float(found["peak"]), way, "MB") for way, found in every_other.items()]
    equal = all(
        (found["score"], found["rows"]) == (plain["score"], rows) for found in (ours, by_time or ours)
    )
    print(f"{header}: {rows} rows, equal double {'yes' if equal else 'NO'}", flush=True)
    return equal


def forecast_lines() -> Iterator[str]:
    """Yield rows with all digits of a double, the slowest to read."""
    rng = random.Random(1)
    start, minute = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None), dt.timedelta(minutes=1)
    while True:
        actual = 100.0 + 20.0 * rng.random()
        yield f"{start.isoformat()},{actual!r},{actual + rng.random() - 0.5!r}\n"
        start += minute


def error_lines() -> Iterator[str]:
    rng = random.Random(2)
    while True:
        yield f"{rng.random()!r}\n"


def in_process(way: str, path: Path, peer: Path | None = None) -> Found:
    # The parent stays small, since a child's peak starts at the size of the process it came from.
    command = [str(peer), str(PEER_WAYS), way, str(path)]
    if peer is None:
        command = [sys.executable, __file__, "--child", way, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    return json.loads(output)


def run_way(way: str, path: Path) -> Found:
    score, rows = WAYS[way](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    return {"score": score.hex(), "rows": rows, "cpu": cpu, "peak": usage.ru_maxrss / 1024}


def score_by_elpa(path: Path) -> tuple[float, int]:
    from elpa_core.artifacts.model_errors import read_model_errors

    found = read_model_errors(path, BETA)
    assert found.score is not None
    return found.score, found.rows


def score_by_elpa_and_time(path: Path) -> tuple[float, int]:
    from elpa_core.artifacts.model_errors import read_model_errors

    found = read_model_errors(path, BETA, {"time": "timestamp"})
    assert found.score is not None
    return found.score, found.rows


def score_by_dictreader(path: Path) -> tuple[float, int]:
    state, rows, share = 0.0, 0, 1 - BETA
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if "abs_error" in row:
                error = abs(float(row["abs_error"]))
            else:
                error = abs(float(row["y_true"]) - float(row["pred"]))
            state = BETA * state + share * error if rows else error
            rows += 1
    return max(state, 1e-9), rows


def read_only(path: Path) -> tuple[float, int]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(120_000):
            digest.update(block)
    return 0.0, 0


WAYS = {
    "elpa": score_by_elpa,
    "elpa by time": score_by_elpa_and_time,
    "dictreader": score_by_dictreader,
    "floor": read_only,
}

if __name__ == "__main__":
    sys.exit(main())
