"""``elpa validate``: print all problems of all configs."""

from __future__ import annotations

import argparse
from pathlib import Path

from elpa_core.cli.console import print_line, print_problem
from elpa_core.config.integration import check_integration_config
from elpa_core.config.loading import check_training_config
from elpa_core.config.training import config_kind
from elpa_core.errors import InputError
from elpa_core.files.strict_json import parse_object, read_file


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "validate",
        help="print every problem of every config",
        description="Check training and integration configs as a Dag file does; exit status 2 on a problem.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="config (JSON)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    status = 0
    for path in options.files:
        try:
            warnings, summary = _check(path)
        except InputError as error:
            status = error.exit_status
            for problem in error.problems:
                print_problem("error", str(problem))
            continue
        for warning in warnings:
            print_problem("warning", warning)
        print_line(f"{path}: {summary}")
    return status


def _check(path: Path) -> tuple[tuple[str, ...], str]:
    data = read_file(path)
    raw = parse_object(data, str(path))
    if config_kind(raw) == "integration":
        integration = check_integration_config(raw, path)
        return (
            integration.warnings,
            f"integration config of {len(integration.config.models)} models, no problem",
        )
    loaded = check_training_config(raw, data, path, both_groups=True)
    return loaded.warnings, f"training config of {len(loaded.config.models)} models, no problem"
