"""The environment of the libraries that benchmarks compare with; made at its first use."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from results import ROOT

PINS = Path(__file__).with_name("peers.txt")
FOLDER = ROOT / ".runtime" / "bench-peers"


def peer_python() -> Path:
    """Return the interpreter of an environment that has the packages of ``peers.txt``."""
    python, made = FOLDER / "bin" / "python", FOLDER / "peers.txt"
    if not made.is_file() or made.read_text(encoding="utf-8") != PINS.read_text(encoding="utf-8"):
        named = ", ".join(line for line in PINS.read_text(encoding="utf-8").splitlines() if "==" in line)
        print(f"installing {named} in {FOLDER}, once: 150 MB to download, 500 MB on disk", file=sys.stderr)
        venv.create(FOLDER, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", PINS], check=True)
        made.write_text(PINS.read_text(encoding="utf-8"), encoding="utf-8")
    return python
