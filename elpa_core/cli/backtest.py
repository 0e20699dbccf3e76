"""``elpa backtest``: compare the router with other ways of combining forecasts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from elpa_core.cli.output import standard_output
from elpa_core.errors import InputError, Problem

_DESCRIPTION = """\
Replay panels with the router, with fixed weights and with other online combiners. All of them choose
and warm up on the validation rows only. Print the MAE of each relative to static ELPA weights.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "backtest",
        help=words,
        description=_DESCRIPTION,
    )
    parser.add_argument("--panel", type=Path, nargs="+", required=True, metavar="FILE", action="extend")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from elpa_core.backtest.comparison import backtest, table_lines
    from elpa_core.backtest.panels import read_panel

    panels = [read_panel(path) for path in options.panel]
    _require_different_names([panel.name for panel in panels])
    result = backtest(panels)
    output = standard_output()
    output.write((json.dumps(result, indent=2) if options.json else "\n".join(table_lines(result))) + "\n")
    output.flush()
    return 0


def _require_different_names(names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            Problem("--panel", "", f"{name} twice", "files of different names") for name in twice
        )
