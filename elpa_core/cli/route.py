"""What ``elpa route``, ``backtest`` and ``mutation-plot`` do; `elpa_core.cli.routing` has their options."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TextIO, cast

from elpa_core.backtest.comparison import backtest, served_test_rows, table_lines
from elpa_core.backtest.panels import Panel, read_panel
from elpa_core.cli.paths import require_output
from elpa_core.errors import ElpaError, InputError, Problem
from elpa_core.files.atomic import naming, write_atomic
from elpa_core.files.strict_json import parse_object
from elpa_core.routing.plot import mutation_svg
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.serving.session import Session, begun, route_stream
from elpa_core.serving.streams import Actuals, Lines, check_models, open_text, read_blocks


def route(options: argparse.Namespace) -> int:
    """Carry ``route`` out and return its exit status."""
    if (options.panel is None) == (options.forecasts is None):
        found = "neither" if options.panel is None else "both"
        raise InputError(Problem("elpa route", "--forecasts, --panel", found, "one of them"))
    if options.panel is not None:
        _require_only_a_panel(options)
    inputs = (options.policy, options.actuals, options.state, options.panel, _path(options.forecasts))
    if options.output is not None and (options.panel is not None or not _is_pipe(options.output)):
        require_output(options.output, "served values", *inputs)
    policy = read_policy(options.policy)
    if options.panel is not None:
        return _route_panel(options, policy)
    if options.forecasts == "-" and sys.stdin is None:
        expected = "a pipe or a file"
        raise InputError(Problem("elpa route", "--forecasts -", "standard input closed", expected))
    output = _standard_output() if options.output is None else None
    checked = RoutingPolicy.of(policy, options.horizon, str(options.policy))
    session = Session(policy, options.state, options.horizon)
    with ExitStack() as files:
        actuals = None
        if options.actuals is not None:
            actuals = files.enter_context(Actuals(options.actuals))
        path = _path(options.forecasts)
        # The end of a block shows in a file by what follows; in a pipe nothing follows until it is answered.
        file = sys.stdin if path is None else files.enter_context(open_text(path))
        if output is None and _is_pipe(options.output):  # its reader may open it before it writes a forecast
            output = files.enter_context(_file(options.output))
        if path is not None and path.is_file():
            blocks = read_blocks(file, options.forecasts, checked)
        else:
            lines = Lines(file.fileno())
            blocks = read_blocks(lines, options.forecasts, checked, rows=options.horizon, pause=lines.pause)
        if output is None:
            blocks = begun(session, blocks)  # what is refused leaves the file as it was
            output = files.enter_context(_file(options.output))
        route_stream(session, blocks, actuals, cast("TextIO", output))
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


def _route_panel(options: argparse.Namespace, policy: dict[str, Any]) -> int:
    if options.output is None:
        raise InputError(Problem("elpa route", "--output", "nothing", "a file, with --panel"))
    panel = read_panel(options.panel)
    columns = [f"{group}:{name}" for group, name in panel.models]
    check_models(str(options.panel), columns, RoutingPolicy.of(policy, source=str(options.policy)))
    served = served_test_rows(panel, policy)
    lines = [f"{row},{value!r}\n" for row, value in enumerate(served.tolist(), panel.validation_rows)]
    write_atomic(options.output, ("row,served\n" + "".join(lines)).encode())
    return 0


def run_backtest(options: argparse.Namespace) -> int:
    """Carry ``backtest`` out and return its exit status."""
    result = backtest(_panels(options.panel))
    text = json.dumps(result, indent=2) if options.json else "\n".join(table_lines(result))
    output = _standard_output()
    output.write(text + "\n")
    output.flush()
    return 0


def run_plot(options: argparse.Namespace) -> int:
    """Carry ``mutation-plot`` out and return its exit status."""
    require_output(options.output, "the plot", options.panel)
    write_atomic(options.output, mutation_svg(read_panel(options.panel), options.epsilon).encode())
    return 0


def read_policy(path: Path) -> dict[str, Any]:
    """Return the JSON object in a policy file.

    Raises
    ------
    InputError
        If it cannot be read or is none, or has a key twice, or whatever else JSON may not have.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise InputError(Problem(str(path), "", found, "a policy that can be read")) from error
    return parse_object(data, str(path))


def _panels(paths: Sequence[Path]) -> list[Panel]:
    panels = [read_panel(path) for path in paths]
    names = [panel.name for panel in panels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            Problem("--panel", "", f"{name} twice", "files of different names") for name in twice
        )
    return panels


def _path(text: str | None) -> Path | None:
    return None if text is None or text == "-" else Path(text)


def _is_pipe(path: Path) -> bool:
    return path.is_fifo() or path.is_char_device()


class _Output:
    """Where served values go; an error in writing them names it, which Python's does not."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name

    def write(self, text: str) -> int:
        with naming(self._name):
            return self._file.write(text)

    def flush(self) -> None:
        with naming(self._name):
            self._file.flush()

    def close(self) -> None:
        with naming(self._name):
            self._file.close()


def _standard_output() -> _Output:
    if sys.stdout is None:
        raise ElpaError("standard output: closed; leave it open, or give --output where there is one")
    return _Output(sys.stdout, "standard output")


def _file(path: Path) -> closing[_Output]:
    return closing(_Output(path.open("w", encoding="utf-8", newline=""), str(path)))
