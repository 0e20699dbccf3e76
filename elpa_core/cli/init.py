"""``elpa init``: write configs to start from."""

from __future__ import annotations

import argparse
import os
from importlib import resources
from pathlib import Path

from elpa_core.cli.console import print_line
from elpa_core.errors import InputError, Problem
from elpa_core.files.atomic import create_atomic

_FILES = ("train.json", "integrate.json")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "init",
        help=words,
        description="Write train.json and integrate.json into a folder; existing files are never replaced.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder; created if it does not exist")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    templates = resources.files("elpa_core.config") / "templates"
    paths = {options.folder / name: (templates / name).read_bytes() for name in _FILES}
    if options.folder.exists() and not options.folder.is_dir():
        raise InputError(Problem(str(options.folder), "", "a file", "a folder, or a path that is free"))
    if there := [path for path in paths if os.path.lexists(path)]:
        raise InputError(_taken(path) for path in there)
    for path, template in paths.items():
        if not create_atomic(path, template):
            raise InputError(_taken(path))
        print_line(f"written: {path}")
    print_line("next: put your own commands into train.json, then")
    print_line(f"  elpa validate {options.folder / 'train.json'}")
    print_line(f"  elpa train --config {options.folder / 'train.json'}")
    return 0


def _taken(path: Path) -> Problem:
    found = "a folder" if path.is_dir() else "a file"
    return Problem(str(path), "", found, "a path that is free", "choose another folder")
