"""Subcommands: a command that is called without one lists them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import NoReturn


def add_commands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return the action to which the subcommands of ``parser`` are added.

    Without a subcommand, the command prints its help to standard error and exits with status 2.
    """
    parser.set_defaults(run=partial(_refuse, parser))
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def _refuse(parser: argparse.ArgumentParser, options: argparse.Namespace) -> NoReturn:
    del options
    parser.print_help(sys.stderr)
    parser.exit(2)
