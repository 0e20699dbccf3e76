"""What only plans, checks or explains starts without numpy, and help without pydantic. About 3 s."""

import json
import subprocess
import sys

from support.pools import pool

PROGRAM = """
import json, sys
from elpa_core.cli import main
for arguments in map(str.split, sys.argv[1:]):
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "pandas"})
    routing = sorted(name for name in sys.modules if name.startswith("elpa_core.routing"))
    found = [" ".join(arguments), status, heavy + routing, "pydantic" in sys.modules]
    print(json.dumps(found), file=sys.stderr)
"""
LIGHT = [
    "--help",
    "route --help",
    "integrate --help",
    "validate pool.json",
    "train --config pool.json",
    "schema train",
]


def heavy_modules(*commands, cwd):
    """Run commands one after the other in one process; return each with its status and what is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *commands], cwd=cwd, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_only_a_command_that_computes_loads_numpy(tmp_path):
    (tmp_path / "pool.json").write_text(json.dumps(pool()))
    (tmp_path / "errors.csv").write_text("abs_error\n1\n")
    blocks = [{"name": name, "group": name, "error_csv": "errors.csv"} for name in ("online", "offline")]
    (tmp_path / "integrate.json").write_text(json.dumps({"models": blocks}))
    computes = "integrate --config integrate.json --output policy.json"
    *light, (_, status, modules, _) = heavy_modules(*LIGHT, computes, cwd=tmp_path)
    assert light == [[command, 0, [], command not in ("--help", "route --help")] for command in LIGHT]
    assert status == 0
    assert "numpy" in modules
