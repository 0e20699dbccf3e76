"""What only plans, checks or explains starts without numpy. About 3 s."""

import json
import subprocess
import sys

import pytest
from support.pools import pool

PROGRAM = """
import sys
from elpa_core.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "pandas"})
print(heavy + sorted(name for name in sys.modules if name.startswith("elpa_core.routing")), file=sys.stderr)
sys.exit(status)
"""


def heavy_modules(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["route", "--help"],
        ["integrate", "--help"],
        ["validate", "pool.json"],
        ["train", "--config", "pool.json"],
        ["schema", "train"],
    ],
    ids=" ".join,
)
def test_a_command_that_computes_nothing_leaves_numpy_alone(tmp_path, arguments):
    (tmp_path / "pool.json").write_text(json.dumps(pool()))
    assert heavy_modules(*arguments, cwd=tmp_path) == (0, "[]")


def test_a_command_that_computes_shows_up_in_this_check(tmp_path):
    (tmp_path / "errors.csv").write_text("abs_error\n1\n")
    blocks = [{"name": name, "group": name, "error_csv": "errors.csv"} for name in ("online", "offline")]
    (tmp_path / "integrate.json").write_text(json.dumps({"models": blocks}))
    status, modules = heavy_modules(
        "integrate", "--config", "integrate.json", "--output", "policy.json", cwd=tmp_path
    )
    assert status == 0
    assert "numpy" in modules
