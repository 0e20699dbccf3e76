"""``elpa route``: combine forecasts with a policy, and learn from actuals."""

from __future__ import annotations

import argparse
import math
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO, cast

from elpa_core.cli.console import print_problem
from elpa_core.cli.output import file_output, standard_output
from elpa_core.cli.paths import require_output
from elpa_core.errors import InputError, Problem
from elpa_core.files.atomic import write_atomic
from elpa_core.files.reading import lines_of
from elpa_core.files.strict_json import read_object
from elpa_core.schema.model_columns import check_models, models_without_column

_DESCRIPTION = """\
Combine the forecasts of all models with a policy, block by block, and learn from the actuals. The
command writes and flushes the answer to a block before it waits for the actuals of that block.
Forecasts: CSV with block, row and one column per model, online:NAME or offline:NAME; a missing
forecast is blank. Actuals: CSV with row and y_true. With --levels 80,95 the answers have prediction
intervals, in the columns low_80, high_80, low_95 and high_95; they are blank until enough actuals are known.

  elpa route --policy policy.json --forecasts forecasts.csv --actuals actuals.csv --state state.json
  elpa route --policy policy.json --panel panel.csv --output served.csv      replay a panel

A panel is a CSV with split (validation, then test), block, y_true and one column per model.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "route",
        help=words,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", type=Path, required=True, metavar="FILE", help="the policy (JSON)")
    parser.add_argument("--forecasts", metavar="FILE", help="forecasts (CSV); - for standard input")
    parser.add_argument("--actuals", type=Path, metavar="FILE", help="actuals (CSV), read as they arrive")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="state file: start from it, if it exists, and update it"
    )
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="H",
        help="rows of a block (default: rows of the first block, at least the policy's horizon)",
    )
    parser.add_argument(
        "--levels", default="", metavar="L,...", help="levels of prediction intervals in percent, as in 80,95"
    )
    parser.add_argument("--panel", type=Path, metavar="FILE", help="replay a panel instead of a stream")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="served values (default: standard output)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    if (options.panel is None) == (options.forecasts is None):
        found = "neither" if options.panel is None else "both"
        raise InputError(Problem("elpa route", "--forecasts, --panel", found, "one of them"))
    if options.panel is not None:
        _require_only_a_panel(options)
    inputs = (options.policy, options.actuals, options.state, options.panel, _path(options.forecasts))
    if options.output is not None and (options.panel is not None or not _is_pipe(options.output)):
        require_output(options.output, "served values", *inputs)
    policy = read_object(options.policy, or_pipe=True)
    if options.panel is not None:
        _route_panel(options, policy)
    else:
        _route_stream(options, policy)
    return 0


def _require_only_a_panel(options: argparse.Namespace) -> None:
    given = {"--actuals": options.actuals, "--state": options.state, "--horizon": options.horizon}
    expected = (
        "it with --forecasts only: a panel has actuals and blocks of its own, and is replayed from its start"
    )
    if problems := [
        Problem("elpa route", name, "it with --panel", expected)
        for name, value in given.items()
        if value is not None
    ]:
        raise InputError(problems)


def _route_stream(options: argparse.Namespace, policy: dict[str, Any]) -> None:
    from elpa_core.routing.routing_policy import RoutingPolicy
    from elpa_core.serving.session import Session, begun, route_stream
    from elpa_core.serving.streams import Actuals, Lines, open_text, read_blocks

    if options.forecasts == "-" and sys.stdin is None:
        expected = "a pipe or a file"
        raise InputError(Problem("elpa route", "--forecasts -", "standard input closed", expected))
    output = standard_output() if options.output is None else None
    checked = RoutingPolicy.of(policy, options.horizon, str(options.policy))
    folder = options.policy.parent
    levels = _levels(options.levels)
    session = Session(policy, options.state, options.horizon, levels=levels, folder=folder, warn=_warn)
    with ExitStack() as files:
        actuals = None
        if options.actuals is not None:
            actuals = files.enter_context(Actuals(options.actuals))
        path = _path(options.forecasts)
        # In a file, the next row shows the end of a block; in a pipe, it may come only after the answer.
        file = sys.stdin if path is None else files.enter_context(open_text(path))
        if output is None and _is_pipe(options.output):  # its reader may open it before the first forecast
            output = files.enter_context(file_output(options.output))
        if path is not None and path.is_file():
            blocks = read_blocks(lines_of(file.readline), options.forecasts, checked, warn=_warn)
        else:
            lines = Lines(file.fileno())
            blocks = read_blocks(
                lines, options.forecasts, checked, rows=options.horizon, pause=lines.pause, warn=_warn
            )
        if output is None:
            blocks = begun(session, blocks)  # a refused block leaves the output unchanged
            output = files.enter_context(file_output(options.output))
        route_stream(session, blocks, actuals, cast("TextIO", output))


def _route_panel(options: argparse.Namespace, policy: dict[str, Any]) -> None:
    from elpa_core.backtest.comparison import replay
    from elpa_core.backtest.panels import read_panel
    from elpa_core.routing.routing_policy import RoutingPolicy
    from elpa_core.serving.session import interval_columns, level_names, number_text

    if options.output is None:
        raise InputError(Problem("elpa route", "--output", "nothing", "a file, with --panel"))
    panel = read_panel(options.panel)
    columns = [f"{group}:{name}" for group, name in panel.models]
    checked = RoutingPolicy.of(policy, source=str(options.policy))
    check_models(str(options.panel), columns, checked.online, checked.offline)
    if absent := models_without_column(str(options.panel), columns, checked.online, checked.offline):
        _warn(absent)
    levels = _levels(options.levels)
    given = interval_columns(replay(panel, policy, levels=levels))
    rows = enumerate(zip(*(column.tolist() for column in given), strict=True), panel.validation_rows)
    lines = [",".join(["row", "served", *level_names(levels)])]
    lines += [",".join([str(row), *map(number_text, values)]) for row, values in rows]
    write_atomic(options.output, ("\n".join(lines) + "\n").encode())


def _warn(text: str) -> None:
    print_problem("warning", text)


def _levels(text: str) -> tuple[float, ...]:
    from elpa_core.routing.intervals import checked_levels

    levels = text.split(",") if text else []
    numbers = [float(level) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", level) else math.nan for level in levels]
    return checked_levels(numbers, "elpa route: --levels")


def _path(text: str | None) -> Path | None:
    return None if text is None or text == "-" else Path(text)


def _is_pipe(path: Path) -> bool:
    return path.is_fifo() or path.is_char_device()
