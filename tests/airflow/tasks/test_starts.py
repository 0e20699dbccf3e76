"""Where a training starts, how often it saves, which exit codes end it; without Airflow. About 1 second."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from elpa_airflow.tasks.train import _failure
from elpa_airflow.tasks.upload_interval import upload_interval
from elpa_airflow.tasks.warm_start import WarmStart
from elpa_core.artifacts.error_artifact import ErrorArtifact, artifact_of
from elpa_core.errors import ConfigError
from elpa_core.runs.earlier_artifacts import EarlierArtifact
from elpa_core.runs.training import TrainingOutcome


def trained(store: Path, run_id: str) -> EarlierArtifact:
    folder = store / "pool" / "runs" / run_id / "models" / "tide"
    folder.mkdir(parents=True)
    (folder / "errors.csv").write_text("abs_error\n1\n", encoding="utf-8")
    artifact: ErrorArtifact = artifact_of(
        folder / "errors.csv", model="tide", group="offline", started_at="", finished_at=""
    )
    return EarlierArtifact(artifact, "2026-01-01T00:00:00+00:00", run_id, folder, {})


def test_a_training_that_was_pruned_meanwhile_is_no_start(tmp_path: Path) -> None:
    pruned, there = trained(tmp_path, "pruned"), trained(tmp_path, "there")
    (tmp_path / "pool" / "runs" / "pruned").rename(tmp_path / "gone")
    own = tmp_path / "own"
    run = SimpleNamespace(store=tmp_path)
    for earlier, run_id, folder in (([pruned, there], "there", there.folder), ([pruned], None, own)):
        start, written = WarmStart("tide", earlier, own), []
        start.begin(run, "pool", lambda start=start, written=written: written.append(start.run_id))
        assert (written, start.folder) == ([run_id], folder)
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("value", ["-1", "0", "soon", "nan", "inf", "1e300", ""])
def test_an_interval_that_is_no_number_above_0_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AIRFLOW__ELPA__RESUME_UPLOAD_INTERVAL", value)
    with pytest.raises(
        ConfigError, match=f'resume_upload_interval: found "{value}"; expected seconds, a number'
    ):
        upload_interval()
    monkeypatch.setenv("AIRFLOW__ELPA__RESUME_UPLOAD_INTERVAL", "2.5")
    assert upload_interval() == 2.5


@pytest.mark.parametrize("stopped", [True, False])
def test_the_exit_code_of_a_command_that_was_stopped_says_nothing(stopped: bool) -> None:
    outcome = TrainingOutcome("", "", 2, "the command failed", stopped=stopped)
    planned = SimpleNamespace(options=SimpleNamespace(no_retry_exit_codes=[2]))
    ended = _failure(SimpleNamespace(failure=str), outcome, planned)
    assert (type(ended).__name__ == "AirflowFailException") is not stopped
