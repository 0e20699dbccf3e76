"""Subcommands: a command that is called without one lists them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any, NoReturn


class RunIdParser(argparse.ArgumentParser):
    """A parser that takes ``-x`` for the id of a run: besides ``-h`` its options begin with two dashes."""

    def _parse_optional(self, arg_string: str) -> Any:
        is_run_id = arg_string.startswith("-") and not arg_string.startswith("--") and arg_string != "-h"
        return None if is_run_id else super()._parse_optional(arg_string)


def add_commands(
    parser: argparse.ArgumentParser, parser_class: type[argparse.ArgumentParser] = argparse.ArgumentParser
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Return the action to which the subcommands of ``parser`` are added.

    Without a subcommand, the command prints its help to standard error and exits with status 2.
    """
    parser.set_defaults(run=partial(_refuse, parser))
    return parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=parser_class)


def _refuse(parser: argparse.ArgumentParser, options: argparse.Namespace) -> NoReturn:
    del options
    parser.print_help(sys.stderr)
    parser.exit(2)
