"""Score big error CSVs against the plain way: csv.DictReader, float() and the recursion.

Each way runs in a process of its own; CPU is its user and system time from start to end, peak its
largest resident memory. ``floor`` is a process that only reads the bytes. Exits with 1 if the two
ways differ in the double or in the number of rows.

    python tests/bench/bench_scoring.py [--rows N]
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
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

BETA = 0.7
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=10_000_000, help="data rows of each CSV")
    arguments.add_argument("--child", nargs=2, metavar=("WAY", "CSV"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.child:
        way, path = options.child
        print(json.dumps(run_way(way, Path(path))))
        return 0
    cases = {"timestamp,y_true,pred": forecast_lines(), "abs_error": error_lines()}
    agree = [run_case(name, lines, options.rows) for name, lines in cases.items()]
    return 0 if all(agree) else 1


def run_case(header: str, lines: Iterator[str], rows: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as folder:
        path = Path(folder, "errors.csv")
        with path.open("w", encoding="ascii") as file:
            file.write(header + "\n")
            file.writelines(islice(lines, rows))
        megabytes = path.stat().st_size / 1e6
        floor, ours, plain = (in_process(way, path) for way in ("floor", "elpa", "dictreader"))
    equal = (ours["score"], ours["rows"]) == (plain["score"], plain["rows"]) and ours["rows"] == rows
    print(
        f"{header}: {rows} rows, {megabytes:.0f} MB: "
        f"elpa {ours['cpu']:.2f} s CPU, DictReader {plain['cpu']:.2f} s CPU, "
        f"ratio {ours['cpu'] / plain['cpu']:.3f}, peak {ours['peak']:.0f} MB, "
        f"equal double {'yes' if equal else 'no'}, floor {floor['cpu']:.2f} s CPU",
        flush=True,
    )
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


def in_process(way: str, path: Path) -> dict[str, float | str]:
    # The parent stays small, since a child's peak starts at the size of the process it came from.
    command = [sys.executable, __file__, "--child", way, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    return json.loads(output)


def run_way(way: str, path: Path) -> dict[str, float | str]:
    score, rows = WAYS[way](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    return {"score": score.hex(), "rows": rows, "cpu": cpu, "peak": usage.ru_maxrss / 1024}


def score_by_elpa(path: Path) -> tuple[float, int]:
    from elpa_core.artifacts.model_errors import read_model_errors

    found = read_model_errors(path, BETA)
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
    with path.open("rb") as file:
        while file.read(120_000):
            pass
    return 0.0, 0


WAYS = {"elpa": score_by_elpa, "dictreader": score_by_dictreader, "floor": read_only}

if __name__ == "__main__":
    sys.exit(main())
