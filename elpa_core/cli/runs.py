"""``elpa runs``: the folders of a Dag's runs."""

from __future__ import annotations

import argparse

from elpa_core.cli.console import print_json, print_line
from elpa_core.cli.store_commands import add_store_command, dag_folder
from elpa_core.cli.subcommands import add_commands
from elpa_core.store.pruning import Pruned, prune


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "runs",
        help=words,
        description="Remove the folders of old runs. Besides the newest runs, the command keeps: the run of"
        " the current policy, the run of the policy that a rollback would restore, runs promoted by hand,"
        " runs from which a kept policy carries a model, and running ones. Runs of"
        " airflow tasks test are never among the newest.",
    )
    action = add_store_command(add_commands(parser), "prune", _prune, words)
    action.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="number of newest runs to keep, by as_of (default: airflow.keep_runs of the newest config)",
    )
    action.add_argument(
        "--dry-run", action="store_true", help="print what would be removed, and change nothing"
    )


def _prune(options: argparse.Namespace) -> int:
    pruned = prune(dag_folder(options), options.keep, dry_run=options.dry_run)
    if options.json:
        print_json(_object(pruned, dry_run=options.dry_run))
        return 0
    for run_id, why in pruned.kept.items():
        print_line(f"kept: {run_id} ({why})")
    for run in pruned.removed:
        print_line(f"{'would remove' if options.dry_run else 'removed'}: {run.run_id}")
    removed, others = len(pruned.removed), len(pruned.kept)
    verb = "would be removed" if options.dry_run else "removed"
    print_line(f"{removed} runs {verb}; kept: the newest {pruned.newest} and {others} more")
    return 0


def _object(pruned: Pruned, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "removed": [run.run_id for run in pruned.removed],
        "kept": pruned.kept,
        "newest": pruned.newest,
    }
