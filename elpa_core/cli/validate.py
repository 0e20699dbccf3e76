"""``elpa validate``: print all problems of all configs, as Airflow and bash would see them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elpa_core.cli.console import print_json, print_line, print_problem
from elpa_core.config.folder import clashing_ids, configs_in
from elpa_core.config.integration import load_integration_config
from elpa_core.config.loading import load_if_training
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import Caution, InputError, Problem, quoted
from elpa_core.runs.command_checks import check_commands
from elpa_core.times import now, parse_date

_DESCRIPTION = """\
Check training and integration configs: all that a Dag file would refuse or warn of, the configs
together as one Airflow sees them (two with one Dag id are refused), the syntax of each command as
bash reads it (bash -n; nothing runs), commands and variables that are too long for Linux, relative
paths. Of a folder its own *.json are taken, as a Dag file does.

Exit status 2 if there is a problem; a warning does not change it.
"""


@dataclass
class _Checked:
    """What is known of one file, or of a folder without configs."""

    source: str
    kind: str | None = None
    models: int = 0
    loaded: LoadedConfig | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Caution] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints of it."""
        return {
            "file": self.source,
            "kind": self.kind,
            "dag_id": self.loaded.dag_id if self.loaded else None,
            "problems": [
                {"place": each.place, "found": each.found, "expected": each.expected, "hint": each.hint}
                for each in self.problems
            ],
            "warnings": [
                {"place": each.place, "found": each.found, "expected": each.expected}
                for each in self.warnings
            ],
        }


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "validate",
        help=words,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="config (JSON), or a folder of configs"
    )
    parser.add_argument("--json", action="store_true", help="print problems and warnings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    checked = _check_all(options.files)
    if options.json:
        print_json({"files": [each.to_json() for each in checked]})
    else:
        for each in checked:
            _print(each)
    return 2 if any(each.problems for each in checked) else 0


def _check_all(given: list[Path]) -> list[_Checked]:
    checked: dict[str, _Checked] = {}
    for path in given:
        paths = configs_in(path) if path.is_dir() else [path]
        if not paths:
            nothing = Caution(str(path), "", "no *.json in this folder", "no Dag is made of it")
            checked[_key(path)] = _Checked(str(path), warnings=[nothing])
        for config in paths:
            if (key := _key(config)) not in checked:
                checked[key] = _check(config)
    clashes = clashing_ids(each.loaded for each in checked.values() if each.loaded)
    for each in checked.values():
        if each.loaded and (clash := clashes.get(each.loaded.path)):
            each.problems.append(clash)
    return list(checked.values())


def _key(path: Path) -> str:
    """Return what two paths of one file share; a link is a file of its own, as in a Dag file."""
    return os.path.normpath(path.absolute())


def _check(path: Path) -> _Checked:
    found = _Checked(str(path))
    try:
        loaded = load_if_training(path)
        if loaded is None:
            integration = load_integration_config(path)
            found.kind, found.models = "integration", len(integration.config.models)
            found.warnings += integration.warnings
            return found
    except InputError as error:
        found.problems += error.problems
        return found
    found.kind, found.models, found.loaded = "training", len(loaded.config.models), loaded
    found.problems, warnings = check_commands(loaded)
    found.warnings += [*loaded.warnings, *warnings, *_over(loaded)]
    return found


def _over(loaded: LoadedConfig) -> Iterator[Caution]:
    """Yield a warning of a schedule that has ended."""
    options = loaded.config.airflow
    if options.schedule and options.end_date and parse_date(options.end_date, options.timezone) < now():
        words = f"{quoted(options.end_date)}, which is past: the schedule starts no more data intervals"
        yield Caution(loaded.source, "$.airflow.end_date", words, "a later date, or none, for more runs")


def _print(checked: _Checked) -> None:
    for problem in checked.problems:
        print_problem("error", problem)
    for warning in checked.warnings:
        print_problem("warning", warning)
    if checked.kind and not checked.problems:
        print_line(f"{checked.source}: {checked.kind} config of {checked.models} models, no problem")
