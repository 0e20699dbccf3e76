"""``elpa route``, ``elpa backtest`` and ``elpa mutation-plot``: combine forecasts with a policy."""

from __future__ import annotations

import argparse
from pathlib import Path

_ROUTE = """\
Combine the forecasts of all models with a policy, block by block, and learn from the actuals. A block
is answered, and flushed, before its actuals are awaited. Forecasts: CSV block,row and one column a
model, online:NAME or offline:NAME, blank where a model was down. Actuals: CSV row,y_true.

  elpa route --policy policy.json --forecasts forecasts.csv --actuals actuals.csv --state state.json
  elpa route --policy policy.json --panel panel.csv --output served.csv      replay a panel

A panel is a CSV with the columns split (validation, then test), block, y_true and one a model.
"""
_BACKTEST = """\
Replay panels with the router, with fixed weights and with other online combiners; all of them choose
and warm up on the validation rows alone. Print the MAE of each relative to static ELPA weights.
"""


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the command line."""
    _add_route(commands)
    _add_backtest(commands)
    _add_plot(commands)


def _add_route(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "route",
        help="combine forecasts with a policy, and learn from actuals",
        description=_ROUTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="the policy (JSON)")
    parser.add_argument("--forecasts", metavar="FILE", help="forecasts (CSV); - for standard input")
    parser.add_argument("--actuals", type=Path, metavar="FILE", help="actuals (CSV), read as they arrive")
    parser.add_argument("--state", type=Path, metavar="FILE", help="go on from this state, and keep it here")
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="H",
        help="rows of a block (default: those of the first one, at least the policy's)",
    )
    parser.add_argument("--panel", type=Path, metavar="FILE", help="replay a panel instead of a stream")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="served values (default: standard output)"
    )
    parser.set_defaults(run=_route)


def _add_backtest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "backtest", help="compare the router with other ways of combining, on panels", description=_BACKTEST
    )
    parser.add_argument("--panel", type=Path, nargs="+", required=True, metavar="FILE", action="extend")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(run=_backtest)


def _add_plot(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "Draw what a router does at the largest mutation in the test rows of a panel, as SVG."
    parser = commands.add_parser("mutation-plot", help="draw a mutation (SVG)", description=words)
    parser.add_argument("--panel", type=Path, required=True, metavar="FILE")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--epsilon", type=float, help="mutant_epsilon (default: as suggested by validation)")
    parser.set_defaults(run=_plot)


# numpy is imported only where it is needed.


def _route(options: argparse.Namespace) -> int:
    from elpa_core.cli.route import route  # noqa: PLC0415

    return route(options)


def _backtest(options: argparse.Namespace) -> int:
    from elpa_core.cli.route import run_backtest  # noqa: PLC0415

    return run_backtest(options)


def _plot(options: argparse.Namespace) -> int:
    from elpa_core.cli.route import run_plot  # noqa: PLC0415

    return run_plot(options)
