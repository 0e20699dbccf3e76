"""``elpa integrate``: make a policy from validation errors."""

from __future__ import annotations

import argparse
from pathlib import Path

from elpa_core.cli.console import print_line, print_problem
from elpa_core.cli.paths import require_output, require_text
from elpa_core.config.integration import load_integration_config
from elpa_core.errors import InputError, Problem
from elpa_core.policy.table import policy_lines

_DESCRIPTION = """\
Score every model by its validation errors (an exponentially weighted moving average of their
absolute values), weight the models of each group by the inverse of their scores, and write the
policy as JSON.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], words: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "integrate",
        help=words,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, metavar="CONFIG", help="integration config (JSON)")
    source.add_argument("--run-dir", type=Path, metavar="DIR", help="folder of a finished elpa train")
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="the run's manifest, if elpa train wrote it to --manifest-out",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="policy to write (JSON)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from elpa_core.policy.evaluation import write_policy
    from elpa_core.policy.integration import integrate_config, integrate_run

    require_output(options.output, "the policy", options.config, options.manifest)
    if options.config and options.manifest:
        raise InputError(Problem("--manifest", "", "it together with --config", "it together with --run-dir"))
    if options.config:
        loaded = load_integration_config(options.config)
        for warning in loaded.warnings:
            print_problem("warning", warning)
        evaluated = integrate_config(loaded)
    else:
        require_text(options.run_dir.absolute())
        evaluated = integrate_run(options.run_dir, options.manifest)
    policy = write_policy(options.output, evaluated)
    for line in policy.warnings:
        print_problem("warning", line)
    for line in policy_lines(policy):
        print_line(line)
    print_line(f"policy: {options.output}")
    return 0
