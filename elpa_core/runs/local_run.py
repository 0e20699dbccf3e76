"""Run a plan on this machine: one command after the other, the manifest true at every moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from elpa_core import files
from elpa_core.artifacts.error_artifact import FileState, artifact_of, require_fresh
from elpa_core.artifacts.kept_files import kept_files
from elpa_core.errors import ArtifactError, CommandError
from elpa_core.processes.command import DEFAULT_STOP_GRACE, Command
from elpa_core.runs.folder import CONFIG_NAME, STDERR_NAME, STDOUT_NAME
from elpa_core.runs.manifest import manifest_of, model_entry, write_manifest
from elpa_core.runs.plan import Plan, PlannedModel
from elpa_core.times import now_text

Report = Callable[[str], None]


class RecordedRun:
    """A plan together with its manifest on disk.

    Parameters
    ----------
    plan : Plan
        The run; its config is stored in its folder as ``config.json``.
    manifest_path : Path
        Where the manifest is kept.
    continue_on_error : bool
        Whether the other models run when one has failed.
    """

    def __init__(self, plan: Plan, manifest_path: Path, *, continue_on_error: bool = False) -> None:
        self.plan = plan
        self.continue_on_error = continue_on_error
        self._path = manifest_path
        self._created_at = now_text()
        self._entries = {planned.model.name: model_entry(planned) for planned in plan.models}
        files.write(plan.run_dir / CONFIG_NAME, plan.loaded.data)
        self._write()

    def execute(self, report: Report) -> bool:
        """Run every enabled model's command, in config order.

        Parameters
        ----------
        report : callable
            Takes one line of progress at a time.

        Returns
        -------
        bool
            True if no model failed.
        """
        enabled = [planned for planned in self.plan.models if planned.model.enabled]
        failed = 0
        for number, planned in enumerate(enabled, start=1):
            title = f"[{number}/{len(enabled)}] {planned.model.group} {planned.model.name}"
            begun = time.monotonic()
            try:
                entry = self._update(planned, status="running", started_at=now_text())
                report(f"{title}: running since {entry['started_at']}")
                self._run(planned)
            except CommandError as error:
                self._update(planned, status="failed", reason=str(error), finished_at=now_text())
            except BaseException:
                self._update(planned, status="failed", reason="interrupted", finished_at=now_text())
                raise
            reason = f": {entry['reason']}" if entry["reason"] else ""
            rows = entry["artifact"]["rows"] if entry["artifact"] else 0
            errors = f", {rows} validation error{'s' if rows > 1 else ''}" if rows else ""
            report(f"{title}: {entry['status']} after {time.monotonic() - begun:.1f} s{errors}{reason}")
            if entry["status"] == "failed":
                failed += 1
                if not self.continue_on_error:
                    if left := len(enabled) - number:
                        report(f"stopped: {left} more not run (--continue-on-error runs them all the same)")
                    break
        return failed == 0

    def _run(self, planned: PlannedModel) -> None:
        entry = self._entries[planned.model.name]
        options = planned.model.airflow.over(self.plan.loaded.config.airflow)
        with ExitStack() as logs:
            try:
                planned.model_dir.mkdir(parents=True, exist_ok=True)
                before = FileState.of(planned.error_csv)
                stdout = logs.enter_context((planned.model_dir / STDOUT_NAME).open("wb"))
                stderr = logs.enter_context((planned.model_dir / STDERR_NAME).open("wb"))
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}") from error
            result = Command(
                planned.command,
                cwd=planned.model_dir,
                env={**os.environ, **planned.environment},
                stdout=stdout,
                stderr=stderr,
                stop_grace=DEFAULT_STOP_GRACE if options.stop_grace is None else options.stop_grace,
            ).run()
        finished_at = now_text()
        if result.return_code != 0:
            log = planned.model_dir / STDERR_NAME
            reason = f"the command ended with exit code {result.return_code}; its errors are in {log}"
            self._update(
                planned,
                status="failed",
                return_code=result.return_code,
                reason=reason,
                finished_at=finished_at,
            )
            return
        artifact, files, reason_without = None, [], None
        try:
            require_fresh(planned.error_csv, before)
            artifact = artifact_of(
                planned.error_csv,
                model=planned.model.name,
                group=planned.model.group,
                started_at=entry["started_at"],
                finished_at=finished_at,
            )
            files = [str(path) for path in kept_files(planned.model_dir, planned.model.artifacts)]
        except ArtifactError as error:
            reason_without = f"no usable error artifact: {error}" if artifact is None else str(error)
        self._update(
            planned,
            status="ok",
            return_code=0,
            artifact=None if artifact is None else artifact.to_json(),
            artifacts=files,
            reason=reason_without,
            finished_at=finished_at,
        )

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
