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
from functools import partial
from itertools import count, islice
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
    rows = options.rows
    results: list[Result] = []
    agree = [
        run_case("timestamp,y_true,pred", forecast_lines(), rows, peers, results, ("time", "integrate")),
        run_case("abs_error", error_lines(), rows, peers, results),
        # So few, since all rows are held.
        run_case("item_id,timestamp,y_true,pred", series_lines(), rows * 3 // 10, (), results, ("series",)),
        run_case("timestamp,item_id,y_true,pred", store_lines(), rows * 3 // 10, (), results, ("series",)),
    ]
    report("scoring", results)
    return 0 if all(agree) else 1


def run_case(
    header: str,
    lines: Iterator[str],
    rows: int,
    peers: tuple[str, ...],
    results: list[Result],
    more: tuple[str, ...] = (),
) -> bool:
    """Measure one file, and add what was found to the results."""
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as folder:
        path = Path(folder, "errors.csv")
        with path.open("w", encoding="ascii") as file:
            file.write(header + "\n")
            file.writelines(islice(lines, rows))
        plain, floor = (in_process(way, path) for way in ("dictreader", "floor"))
        own = {way: in_process(way, path) for way in ("elpa", *more)}
        others = {peer: in_process(peer, path, peer_python()) for peer in peers}
    what = f"score {header}, {rows / 1e6:g}M rows"
    if "integrate" in own:
        made = own.pop("integrate")
        twice = 2 * float(own["elpa"]["cpu"])
        results.append(
            Result(
                f"elpa integrate of two, {rows / 1e6:g}M rows",
                float(made["cpu"]),
                twice,
                "scoring two",
                reach=1,
            )
        )
    if "series" in own:
        own = {"series": own["series"]}
    every_other = {"DictReader": plain, "read and hash": floor, **others}
    for way, found in own.items():
        title = what if way == "elpa" else f"{what}, {way} named"
        reach = 0.12 if way == "elpa" else 0.30
        results += [
            Result(
                title,
                float(found["cpu"]),
                float(other["cpu"]),
                name,
                reach=reach if name == "DictReader" else None,
            )
            for name, other in every_other.items()
        ]
        results += [
            Result(title, float(found["peak"]), float(other["peak"]), name, "MB")
            for name, other in every_other.items()
        ]
    equal = all((found["score"], found["rows"]) == (plain["score"], rows) for found in own.values())
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


def series_lines() -> Iterator[str]:
    """Yield rows of a hundred series at the same times."""
    for line in forecast_lines():
        time, _, rest = line.partition(",")
        yield from (f"s{number:02},{time},{rest}" for number in range(100))


def store_lines() -> Iterator[str]:
    """Yield rows of one series after the other, with letters in their names and signs before numbers."""
    rng = random.Random(3)
    times = [line.partition(",")[0] for line in islice(forecast_lines(), 10_000)]
    for number in count():
        name = f"store {chr(ord('A') + number % 26)}{number // 26}"
        for time in times:
            actual = 8.0 * rng.random() - 4.0
            yield f"{time},{name},{actual:.2f},{actual + rng.random() - 0.5!r}\n"


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


def score_by_elpa(path: Path, **named: str) -> tuple[float, int]:
    from elpa_core.artifacts.model_errors import read_model_errors

    found = read_model_errors(path, BETA, named)
    return found.score or sum(found.series_scores.values()), found.rows


def integrate_two(path: Path) -> tuple[float, int]:
    """Make the policy of two models with the same forecasts."""
    from elpa_core.config.integration import load_integration_config
    from elpa_core.policy.integration import integrate_config

    config = path.with_suffix(".json")
    blocks = [{"name": group, "group": group, "error_csv": str(path)} for group in ("online", "offline")]
    config.write_text(json.dumps({"models": blocks, "beta": BETA, "horizon": 24}), encoding="utf-8")
    policy = integrate_config(load_integration_config(config)).policy
    return policy.scores["online"], policy.errors["online"].rows


def score_by_dictreader(path: Path) -> tuple[float, int]:
    states: dict[str, float] = {}
    rows, share = 0, 1 - BETA
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if "abs_error" in row:
                error = abs(float(row["abs_error"]))
            else:
                error = abs(float(row["y_true"]) - float(row["pred"]))
            series = row.get("item_id", "")
            states[series] = BETA * states[series] + share * error if series in states else error
            rows += 1
    return sum(max(states[series], 1e-9) for series in sorted(states)), rows


def read_only(path: Path) -> tuple[float, int]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(120_000):
            digest.update(block)
    return 0.0, 0


WAYS = {
    "elpa": score_by_elpa,
    "time": partial(score_by_elpa, time="timestamp"),
    "series": partial(score_by_elpa, series="item_id", time="timestamp"),
    "integrate": integrate_two,
    "dictreader": score_by_dictreader,
    "floor": read_only,
}

if __name__ == "__main__":
    sys.exit(main())
