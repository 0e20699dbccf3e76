# PYTHON_ARGCOMPLETE_OK
"""The command ``elpa``: its subcommands and its exit status."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from elpa_core import __version__
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

COMMANDS = {
    "init": "write a training and an integration config to start from",
    "validate": "print every problem of every config",
    "train": "plan a run, or run every model's training command",
    "integrate": "compute scores and weights and write the policy",
    "policy": "list, compare, promote and roll back published policies; lift what a rollback ruled",
    "runs": "remove the folders of old runs",
    "route": "combine forecasts with a policy, and learn from actuals",
    "backtest": "compare the router with other ways of combining, on panels",
    "schema": "print the JSON Schema of a config or of the policy",
}
"""The commands with what each does; the module of the same name has its options."""


def build_parser(loaded: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Parameters
    ----------
    loaded : collection of str, optional
        The commands whose options are wanted: only their modules are imported.
    """
    parser = argparse.ArgumentParser(
        prog="elpa", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = add_commands(parser)
    for name, words in COMMANDS.items():
        if name in loaded:
            importlib.import_module(f"elpa_core.cli.{name}").add_parser(commands, words)
        else:
            commands.add_parser(name, help=words)
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
    words = sys.argv[1:] if arguments is None else arguments
    completes = "_ARGCOMPLETE" in os.environ
    parser = build_parser(COMMANDS if completes else words)
    if completes:
        _complete(parser)
    options = parser.parse_args(words)
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
