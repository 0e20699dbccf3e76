"""``elpa schema``: print a JSON Schema for editors."""

from __future__ import annotations

import argparse

from elpa_core.cli.console import print_json
from elpa_core.cli.schemas import SCHEMAS, json_schema


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "schema",
        help=words,
        description="Print the JSON Schema of a file, for use in an editor.",
    )
    parser.add_argument("kind", choices=SCHEMAS, help="the file to describe")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    print_json(json_schema(options.kind))
    return 0
