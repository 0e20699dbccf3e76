"""Run a plan on this machine: one command after the other. The manifest is true at every moment."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.errors import InputError, Problem
from elpa_core.files.strict_json import read_object
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.manifest import manifest_of, model_entry, write_manifest
from elpa_core.runs.plan import Plan, PlannedModel
from elpa_core.runs.training import Training, TrainingOutcome
from elpa_core.times import now_text

Report = Callable[[str], None]

_ELSEWHERE = "move it away, or take another folder for the run"


class RecordedRun:
    """A plan together with its manifest on disk.

    Parameters
    ----------
    plan : Plan
        The run. Its config is kept in its folder.
    manifest_path : Path
        Where the manifest is kept.
    continue_on_error : bool
        Whether the other models run when one has failed.

    Raises
    ------
    InputError
        If files that no run left are where this one would write; then nothing is written.
    """

    def __init__(self, plan: Plan, manifest_path: Path, *, continue_on_error: bool = False) -> None:
        self.plan = plan
        self.continue_on_error = continue_on_error
        self._path = manifest_path
        self._created_at = now_text()
        self._entries = {planned.model.name: model_entry(planned) for planned in plan.models}
        if problems := list(self._in_the_way()):
            raise InputError(problems)
        files.write(RunFolder(plan.run_dir).config, plan.loaded.data, private=True)
        self._write()

    @property
    def without_errors(self) -> list[str]:
        """The models whose commands ended well and left no usable errors."""
        return [
            name
            for name, entry in self._entries.items()
            if entry["status"] == "ok" and entry["artifact"] is None
        ]

    def execute(self, report: Report, warn: Report) -> bool:
        """Run every enabled model's command, in config order.

        Parameters
        ----------
        report : callable
            Takes one line of progress at a time.
        warn : callable
            Takes one warning at a time.

        Returns
        -------
        bool
            True if no model failed; see also `without_errors`.
        """
        enabled = [planned for planned in self.plan.models if planned.model.enabled]
        failed = 0
        for number, planned in enumerate(enabled, start=1):
            title = f"[{number}/{len(enabled)}] {planned.model.group} {planned.model.name}"
            begun = time.monotonic()
            try:
                entry = self._update(planned, status="running", started_at=now_text())
                report(f"{title}: running since {entry['started_at']}")
                outcome = self._run(planned, entry["started_at"])
            except BaseException:
                self._update(planned, status="failed", reason="interrupted", finished_at=now_text())
                raise
            reason = f": {entry['reason']}" if entry["reason"] else ""
            rows = entry["artifact"]["rows"] if entry["artifact"] else 0
            errors = f", {rows} validation error{'s' if rows > 1 else ''}" if rows else ""
            report(f"{title}: {entry['status']} after {time.monotonic() - begun:.1f} s{errors}{reason}")
            for warning in outcome.warnings:
                warn(f"{planned.model.name}: {warning}")
            if entry["status"] == "failed":
                failed += 1
                for line in outcome.error_lines:
                    report(f"    {line}")
                if not self.continue_on_error:
                    if left := len(enabled) - number:
                        report(f"stopped: {left} more not run (--continue-on-error runs them all the same)")
                    break
        return failed == 0

    def _run(self, planned: PlannedModel, started_at: str) -> TrainingOutcome:
        if problem := _no_cold_start(planned):
            outcome = TrainingOutcome(started_at, now_text(), failure=str(problem))
        else:
            outcome = Training(planned).run(started_at)
        if outcome.failure is not None:
            self._update(planned, **outcome.entry("failed", outcome.failure))
            return outcome
        reason = outcome.problem
        if reason is not None and outcome.artifact is None:
            reason = f"no usable error artifact: {reason}"
        self._update(planned, **outcome.entry("ok", reason))
        return outcome

    def _in_the_way(self) -> Iterator[Problem]:
        """Yield what is in the run's folder that no run has left."""
        path = RunFolder(self.plan.run_dir).config
        if os.path.lexists(path) and not self._is_of_a_run(path):
            expected = "this config, or the one that the manifest beside it names"
            yield Problem(str(path), "", "another file", expected, _ELSEWHERE)
        for planned in self.plan.models:
            if planned.model.enabled and planned.previous_dir is not None:
                yield from filter(None, [_not_empty(planned.previous_dir)])

    def _is_of_a_run(self, config: Path) -> bool:
        try:
            data = files.read(config)
            if data == self.plan.loaded.data:
                return True
            recorded = read_object(self._path).get("config_sha256")
        except (OSError, InputError):
            return False
        return hashlib.sha256(data).hexdigest() == recorded

    def _update(self, planned: PlannedModel, **fields: Any) -> dict[str, Any]:
        entry = self._entries[planned.model.name]
        entry.update(fields)
        self._write()
        return entry

    def _write(self) -> None:
        manifest = manifest_of(
            self.plan,
            self._entries.values(),
            created_at=self._created_at,
            continue_on_error=self.continue_on_error,
        )
        write_manifest(self._path, manifest)


def _no_cold_start(planned: PlannedModel) -> Problem | None:
    """Let there be the empty folder of a cold start, if the command reads it; return why there is none."""
    folder = planned.previous_dir
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Problem(str(error.filename), "", str(error.strerror), "an empty folder", _ELSEWHERE)
    return _not_empty(folder)


def _not_empty(folder: Path) -> Problem | None:
    """Return what is in the place of an empty folder: whose it is, nobody knows."""
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return None
    found = "a folder with files" if folder.is_dir() else "a file"
    expected = "an empty folder: on the command line each training starts without an earlier one"
    return Problem(str(folder), "", found, expected, _ELSEWHERE)
