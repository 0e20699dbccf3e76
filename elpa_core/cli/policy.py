"""``elpa policy``: look at a Dag's published policies, and decide on them by hand."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path

from elpa_core.cli.console import print_json, print_line, print_problem
from elpa_core.cli.store_commands import add_store_command, dag_folder
from elpa_core.cli.subcommands import RunIdParser, add_commands
from elpa_core.cli.tables import file_lines, history_lines, in_one_line, stored_lines
from elpa_core.runs.trained_model import fetch
from elpa_core.store import Outcome, PolicyStore
from elpa_core.store.comparison import moves
from elpa_core.store.model_files import model_files
from elpa_core.store.reading import publication_there
from elpa_core.store.stored_policy import StoredPolicy

_DESCRIPTION = """\
Every run that succeeds records its policy; current.json in the store is the one that serving reads.
A run publishes its policy by itself, unless its as_of is older than the current one's or in the future,
or the run is an experiment: a value was typed at its start, or a model left out for which none fits. A
person can promote any recorded policy or roll back. After a rollback, or the promotion of an older
policy, only a run with an as_of later than that of the policy taken back is published by itself, until
a person lifts that.

  elpa policy list --store STORE --dag DAG_ID
  elpa policy diff RUN_ID --store STORE --dag DAG_ID        what would move if it were promoted
  elpa policy files --model NAME --copy DIR --store STORE --dag DAG_ID
  elpa policy promote RUN_ID --reason "checked by hand" --store STORE --dag DAG_ID
  elpa policy rollback --reason "peaks missed since noon" --store STORE --dag DAG_ID
  elpa policy lift --reason "the data was mended" --store STORE --dag DAG_ID

--store may be left out where AIRFLOW__ELPA__STORE is set, and --dag where the store has one Dag. The id of
a run that begins with two dashes, and -h as an id, come last, behind --.
"""
_CURRENT = "current"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "policy",
        help=words,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = add_commands(parser, RunIdParser)
    add_store_command(actions, "list", _list, "print every decision on a policy, oldest first")
    add_store_command(
        actions, "current", _current, "print the policy that serving reads, and who put it there"
    )
    show = add_store_command(actions, "show", _show, "print a policy of a run")
    show.add_argument("run_id", metavar="RUN_ID", help="a run, or the word current")
    diff = add_store_command(actions, "diff", _diff, "say what moved between two policies")
    diff.add_argument("run_id", metavar="RUN_ID", help="a run, or the word current")
    diff.add_argument(
        "other",
        metavar="OTHER_RUN_ID",
        nargs="?",
        help="the run to go to; without it, from current to RUN_ID",
    )
    files = add_store_command(actions, "files", _files, "print or copy the files of a trained model")
    files.add_argument(
        "run_id",
        metavar="RUN_ID",
        nargs="?",
        default=_CURRENT,
        help="a run, or the word current (default: current)",
    )
    files.add_argument("--model", required=True, metavar="NAME", help="a model of the policy")
    files.add_argument(
        "--copy",
        type=Path,
        metavar="DIR",
        help="copy the files into this folder, from wherever the store is; each is checked by its SHA-256,"
        " and none is written over another file",
    )
    promote = add_store_command(actions, "promote", _promote, "publish a recorded policy, whatever its as_of")
    promote.add_argument("run_id", metavar="RUN_ID", help="the run")
    for action in (show, files, promote):
        action.add_argument(
            "--number", type=int, metavar="N", help="which policy of the run (default: the latest)"
        )
    rollback = add_store_command(actions, "rollback", _rollback, "go back to what was published before")
    lift = add_store_command(
        actions,
        "lift",
        _lift,
        "let runs be published by themselves again that a rollback, or a current policy of the future,"
        " rules out",
    )
    for action in (promote, rollback, lift):
        action.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the history")


def _list(options: argparse.Namespace) -> int:
    store = _store(options)
    entries = store.history()
    number = next((entry.number for entry in reversed(entries) if entry.number), None)
    if number is not None and publication_there(store.folder) != number:
        print_problem(
            "warning",
            f"{store.folder.current}: not publication {number} yet, because a process has died or somebody"
            " has changed the file; the next change of the store puts it there",
        )
    if options.json:
        flags = [{"current": entry.number is not None and entry.number == number} for entry in entries]
        print_json([entry.to_json() | flag for entry, flag in zip(entries, flags, strict=True)])
        return 0
    for line in history_lines(entries, number):
        print_line(line)
    return 0


def _current(options: argparse.Namespace) -> int:
    return _print_policy(_store(options).current(), options)


def _show(options: argparse.Namespace) -> int:
    return _print_policy(_policy(options, options.run_id, options.number), options)


def _print_policy(stored: StoredPolicy, options: argparse.Namespace) -> int:
    if options.json:
        print_json(stored.raw)
        return 0
    for line in stored_lines(stored):
        print_line(line)
    return 0


def _diff(options: argparse.Namespace) -> int:
    first, second = (_CURRENT, options.run_id) if options.other is None else (options.run_id, options.other)
    old, new = _policy(options, first), _policy(options, second)
    found = moves(old.contents, new.contents)
    if options.json:
        print_json(
            {
                "from": old.record.model_dump(mode="json"),
                "to": new.record.model_dump(mode="json"),
                "moves": [move.to_json() for move in found],
            }
        )
        return 0
    print_line(f"from  {in_one_line(old)}")
    print_line(f"to    {in_one_line(new)}")
    for line in [move.words for move in found] or ["nothing moved"]:
        print_line(line)
    return 0


def _files(options: argparse.Namespace) -> int:
    stored = _policy(options, options.run_id, options.number)
    files = model_files(_store(options).folder, stored, options.model)
    copies = [None] * len(files) if options.copy is None else fetch(files, options.copy)
    if options.json:
        print_json(
            [
                {"name": str(one.name), **one.file.to_json(), "copy": None if copy is None else str(copy)}
                for one, copy in zip(files, copies, strict=True)
            ]
        )
        return 0
    for line in file_lines([one.file for one in files]):
        print_line(line)
    for copy in filter(None, copies):
        print_line(f"copied: {copy}")
    return 0


def _promote(options: argparse.Namespace) -> int:
    store = _store(options)
    outcome = store.promote(options.run_id, options.number, reason=options.reason, actor=_user())
    return _print_outcome(outcome, store.folder.dag_id, options)


def _rollback(options: argparse.Namespace) -> int:
    store = _store(options)
    outcome = store.rollback(reason=options.reason, actor=_user())
    return _print_outcome(outcome, store.folder.dag_id, options)


def _lift(options: argparse.Namespace) -> int:
    outcome = _store(options).lift(reason=options.reason, actor=_user())
    if options.json:
        print_json(outcome.to_json())
        return 0
    entry = outcome.entry
    print_line(
        f"{'lifted' if outcome.changed else 'nothing to do: lifted already'}: that only runs as of later than"
        f" {entry.lifts} are published by themselves"
    )
    print_line(
        f"current: policy {entry.policy_number} of run {entry.run_id}, as of {entry.as_of}, stays for now"
    )
    return 0


def _print_outcome(outcome: Outcome, dag_id: str, options: argparse.Namespace) -> int:
    if options.json:
        print_json(outcome.to_json())
        return 0
    entry = outcome.entry
    policy = f"policy {entry.policy_number} of run {entry.run_id}, as of {entry.as_of}"
    if not outcome.changed:
        print_line(f"nothing to do: current is {policy}, as publication {entry.number}")
        return 0
    print_line(f"current: {policy}, as publication {entry.number}")
    if outcome.replaced is not None:
        print_line(f"before:  policy {outcome.replaced.policy_number} of run {outcome.replaced.run_id}")
    print_line(f"no asset event: Dags that wait for elpa://{dag_id}/policy are not started by this command")
    return 0


def _policy(options: argparse.Namespace, run_id: str, number: int | None = None) -> StoredPolicy:
    store = _store(options)
    if run_id != _CURRENT:
        return store.policy(run_id, number)
    current = store.current()
    return current if number is None else store.policy(current.record.run_id, number)


def _store(options: argparse.Namespace) -> PolicyStore:
    folder = dag_folder(options)
    return PolicyStore(folder.root, folder.dag_id)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"
