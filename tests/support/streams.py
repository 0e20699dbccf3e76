"""Streams of forecasts and actuals in files, and the command line that reads them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from support.made_panels import policy_of

ELPA = (sys.executable, "-c", "import sys; from elpa_core.cli import main; sys.exit(main())")


def write_policy(path: Path, policy: dict[str, object]) -> str:
    path.write_text(json.dumps(policy))
    return str(path)


def stream_files(tmp_path: Path, rows: int, per_block: int) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.round(10 + rng.normal(size=rows).cumsum(), 3)
    forecasts = np.round(y[:, None] + rng.normal(size=(rows, 3)), 3)
    f, a = tmp_path / "f.csv", tmp_path / "a.csv"
    lines = [f"{i // per_block},{i},{row[2]},{row[0]},{row[1]}" for i, row in enumerate(forecasts.tolist())]
    f.write_text("\n".join(["block,row,offline:c,online:a,online:b", *lines]) + "\n")
    a.write_text("\n".join(["row,y_true", *(f"{i},{v}" for i, v in enumerate(y.tolist()))]) + "\n")
    return f, a, y, forecasts


def buffered() -> dict[str, str]:
    """An environment in which nothing is flushed unless the program does it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@contextmanager
def running(command: list[str], **pipes: int) -> Iterator[subprocess.Popen[str]]:
    """A command that is killed after 30 s, so that a wait for ever fails the test."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=buffered(), **pipes) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()


def served_in(path: Path) -> list[float]:
    with path.open(newline="") as file:
        return [float(row["served"]) for row in csv.DictReader(file)]


def run_shell(tmp_path: Path, words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run ``elpa`` in a shell that closes or redirects its streams."""
    write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    stream_files(tmp_path, 4, 2)
    script = f'"$0" -c "$1" {words} {redirection}'
    command = ["sh", "-c", script, ELPA[0], ELPA[2]]
    return subprocess.run(
        command, cwd=tmp_path, env=buffered(), capture_output=True, text=True, timeout=30, check=False
    )
