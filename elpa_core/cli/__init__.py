# PYTHON_ARGCOMPLETE_OK
"""The command ``elpa``: its subcommands and its exit status."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from elpa_core import __version__
from elpa_core.cli import backtest, init, integrate, policy, route, runs, schema, train, validate
from elpa_core.cli.console import print_problem
from elpa_core.cli.subcommands import add_commands
from elpa_core.errors import ElpaError, InputError

_DESCRIPTION = """\
Train a pool of forecasting sub-models, each by its own command, and build from their validation
errors the policy that weights and routes them.

  elpa init my-pool                                     write a config to start from
  elpa validate my-pool/train.json                      see what is wrong with it
  elpa train --config my-pool/train.json                see what would run
  elpa train --config my-pool/train.json --execute --run-dir run
  elpa integrate --run-dir run --output policy.json     scores, weights, policy
  elpa policy list --store DIR --dag DAG_ID             what the runs of a Dag published
  elpa route --policy policy.json --forecasts F --actuals A      combine forecasts with the policy
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="elpa", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = add_commands(parser)
    for command in (init, validate, train, integrate, policy, runs, route, backtest, schema):
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Returns
    -------
    int
        0 on success; 1 if a model failed or the system reported an error; 2 if the input was
        refused; 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # its encoding may lack characters of a model's name
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    _complete(parser)
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _terminated)
    try:
        status = int(options.run(options))
        if sys.stdout is not None:
            sys.stdout.flush()
    except InputError as error:
        for problem in error.problems:
            print_problem("error", str(problem))
        return error.exit_status
    except ElpaError as error:
        print_problem("error", str(error))
        return error.exit_status
    except BrokenPipeError:
        _give_up_output()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_problem("error", f"{where}{error.strerror or error}")
        _give_up_output()
        return 1
    except KeyboardInterrupt:
        print_problem("error", "interrupted")
        return 130
    return status


def _complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell's request for completions, and exit; argcomplete comes with Airflow."""
    if "_ARGCOMPLETE" in os.environ:
        with suppress(ImportError):
            import argcomplete  # noqa: PLC0415

            argcomplete.autocomplete(parser)


def _give_up_output() -> None:
    """Discard output that cannot be written: Python flushes standard output again at its exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """Turn a signal into SystemExit, so that commands are stopped and the manifest is completed."""
    del frame
    raise SystemExit(128 + number)
