"""What benchmarks print: a table, and the same as JSON."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
JSON_FOLDER = Path(os.environ.get("ELPA_BENCH_JSON", ROOT / ".runtime" / "bench"))
Curve = Mapping[int, float]
"""A cost by the size of what it was measured on."""


class Result(NamedTuple):
    """One line of a table.

    Parameters
    ----------
    what : str
        What was measured.
    ours, other : float
        ELPA, and what it is compared with in the same run.
    of : str
        What that is.
    unit : str
        Unit of both.
    reach : float or None
        The ratio to reach, if there is one.
    difference : bool
        Whether ``reach`` is the difference to reach, and no ratio.
    """

    what: str
    ours: float
    other: float
    of: str
    unit: str = "s CPU"
    reach: float | None = None
    difference: bool = False

    @property
    def value(self) -> float:
        """Ratio or difference."""
        return self.ours - self.other if self.difference else self.ours / self.other

    def cells(self) -> list[str]:
        """Return the line of the table."""
        reach = "" if self.reach is None else f"{self.reach:.3g}"
        numbers = [f"{self.ours:.4g} {self.unit}", f"{self.other:.4g} {self.unit} ({self.of})"]
        return [self.what, *numbers, f"{'+' if self.difference else ''}{self.value:.3f}", reach]


def report(name: str, results: Sequence[Result], curves: Mapping[str, Curve] | None = None) -> None:
    """Print a table and curves, and write ``name.json`` with the same into ``.runtime/bench``."""
    rows = [["what", "elpa", "other", "ratio or difference", "to reach"], *(one.cells() for one in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for title, curve in (curves or {}).items():
        print(f"{title}: " + ", ".join(f"{size} {found:.3g}" for size, found in curve.items()))
    load = os.getloadavg()[1]
    print(f"load of the machine in the last five minutes: {load:.1f} on {os.cpu_count()} cores", flush=True)
    JSON_FOLDER.mkdir(parents=True, exist_ok=True)
    found = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "load": load,
        "results": [one._asdict() | {"value": one.value} for one in results],
        "curves": curves or {},
    }
    (JSON_FOLDER / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def cpu_of(command: Sequence[str | Path], times: int = 1, **environment: str) -> float:
    """Return the CPU time of a process and its children, the least of several runs, in seconds."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", **environment}
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def python(code: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command that runs some Python code."""
    return [sys.executable, "-c", code, *arguments]


def grown(title: str, curve: Curve, of: str, unit: str = "s CPU") -> Result:
    """Return what one costs of the most, beside one of the least: 1 if a cost grows as its subject does."""
    least, most = min(curve), max(curve)
    return Result(f"{title}, {most}", curve[most] / most, curve[least] / least, of, unit, reach=1)
