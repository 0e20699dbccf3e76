"""``elpa train``: plan a run; with --execute, run the command of every model."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from elpa_core.cli.console import print_block, print_line, print_problem
from elpa_core.cli.paths import require_output, require_text
from elpa_core.config.loading import load_training_config
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.runs.local_run import RecordedRun
from elpa_core.runs.plan import Plan, plan_run
from elpa_core.times import RunMoment, now_text

_DESCRIPTION = """\
Print the plan of a run: the exact command of every model. With --execute, run the commands of the
enabled models one after the other, each in RUN_DIR/models/NAME. Its output goes to train.stdout.log
and train.stderr.log there. The manifest records the plan and the result of each model.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train",
        help=words,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, metavar="CONFIG", help="training config (JSON)")
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="the run's folder (default: .runtime/elpa_runs/<UTC timestamp>)",
    )
    parser.add_argument(
        "--manifest-out",
        type=Path,
        metavar="FILE",
        help=f"manifest (default: {MANIFEST_NAME} in the run's folder)",
    )
    parser.add_argument("--execute", action="store_true", help="run the commands; without it nothing runs")
    parser.add_argument(
        "--continue-on-error", action="store_true", help="run the remaining models after a failure"
    )
    parser.add_argument(
        "--as-of",
        metavar="TIME",
        help="moment up to which models may use data, ISO 8601, UTC without an offset (default: now)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    loaded = load_training_config(options.config)
    now = dt.datetime.now(dt.UTC)
    as_of = _moment(options.as_of, now)
    run_dir = options.run_dir or Path(".runtime", "elpa_runs", now.strftime("%Y%m%dT%H%M%S.%fZ"))
    require_text(loaded.path, run_dir.absolute())
    plan = plan_run(loaded, run_dir.absolute(), RunMoment(as_of=as_of.isoformat()))
    manifest_path = options.manifest_out or plan.run_dir / MANIFEST_NAME
    require_output(manifest_path, "the manifest", options.config)
    if run_dir.exists() and not run_dir.is_dir():
        raise InputError(Problem(str(run_dir), "", "a file", "a folder, or a path that is free"))
    for warning in loaded.warnings:
        print_problem("warning", warning)
    recorded = RecordedRun(plan, manifest_path, continue_on_error=options.continue_on_error)
    _print_plan(plan)
    print_line(f"manifest: {manifest_path}")
    if not options.execute:
        print_line("nothing was run: --execute runs these commands")
        return 0
    done = recorded.execute(print_line, lambda warning: print_problem("warning", warning))
    print_line(f"{'done' if done else 'failed'} at {now_text()}; manifest: {manifest_path}")
    if without := recorded.without_errors:
        print_problem("error", f"no policy can be made: no usable validation errors of {', '.join(without)}")
    return 0 if done and not without else 1


def _moment(text: str | None, now: dt.datetime) -> dt.datetime:
    if text is None:
        return now
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError) as error:
        expected = "a moment in ISO 8601, such as 2026-01-31T06:00:00+00:00"
        raise InputError(Problem("--as-of", "", quoted(text), expected)) from error


def _print_plan(plan: Plan) -> None:
    enabled = len(plan.loaded.config.enabled_models())
    print_line(f"plan: {enabled} of {len(plan.models)} models, as of {plan.moment.as_of}, in {plan.run_dir}")
    for planned in plan.models:
        model = planned.model
        state = "" if model.enabled else " (disabled)"
        print_line(f"  {model.group} {model.name}{state}")
        print_block(planned.shown_command, "    ")
