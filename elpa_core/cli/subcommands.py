"""Commands of a command: called without one, it lists them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import NoReturn


def add_commands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return where the commands of ``parser`` are added.

    Without one of them, the help goes to standard error, and the exit status is 2: what was to be
    done did not happen.
    """
    parser.set_defaults(run=partial(_refuse, parser))
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def _refuse(parser: argparse.ArgumentParser, options: argparse.Namespace) -> NoReturn:
    del options
    parser.print_help(sys.stderr)
    parser.exit(2)
