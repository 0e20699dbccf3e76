"""Artifacts that are never carried: of tries, from outside the store, other than what their run recorded."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.earlier import earlier_artifacts

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.config.training import RunFields
from elpa_core.errors import ArtifactError
from elpa_core.runs.earlier_artifacts import EarlierArtifact, carry, newest_artifacts
from elpa_core.runs.trained_on import trained_on

HERE = RunFields(dataset="/data/load.csv", horizon=24)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """The run that looks for artifacts of the others."""
    folder = tmp_path / "store" / "pool" / "runs" / "mine"
    folder.mkdir(parents=True)
    return folder


def trained(
    run_dir: Path, name: str = "a", *, day: int = 1, path: str | None = None, **changes: Any
) -> EarlierArtifact:
    """Leave what a run has left that trained the model ``tft``, and return it as it is found."""
    folder = run_dir.parent / name / "models" / "tft"
    folder.mkdir(parents=True)
    errors = folder / "errors.csv"
    errors.write_text(f"abs_error\n{day}\n", encoding="utf-8")
    when = "2026-02-01T00:00:00Z"
    artifact = artifact_of(errors, model="tft", group="offline", started_at=when, finished_at=when).to_json()
    status = {
        "name": "tft",
        "status": "ok",
        "group": "offline",
        "run_id": name,
        "as_of": f"2026-01-{day:02}T00:00:00+00:00",
        "artifact": artifact if path is None else {**artifact, "path": path},
        "trained_on": trained_on(HERE),
        **changes,
    }
    (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
    manifest = {"chosen": {}, "models": [status]}
    (run_dir.parent / name / "train_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = [one for one in earlier_artifacts(run_dir, "tft", "offline") if one.run_id == name]
    return found[0]


def ids(found: list[EarlierArtifact]) -> list[str]:
    return [one.run_id for one in found]


class TestWhichRuns:
    def test_those_that_airflow_makes_for_a_try_leave_nothing(self, run_dir: Path) -> None:
        trained(run_dir, "real")
        with pytest.raises(IndexError):
            trained(run_dir, "__airflow_temporary_run_2026-01-01T00:00:00+00:00__")
        assert ids(earlier_artifacts(run_dir, "tft", "offline")) == ["real"]

    @pytest.mark.parametrize("whose", [{"model": "tide"}, {"group": "online"}], ids=str)
    def test_not_the_artifact_of_another_model(self, run_dir: Path, whose: dict[str, str]) -> None:
        status = run_dir.parent / trained(run_dir).run_id / "models" / "tft" / "status.json"
        content = json.loads(status.read_text(encoding="utf-8"))
        content["artifact"] |= whose
        status.write_text(json.dumps(content), encoding="utf-8")
        assert not earlier_artifacts(run_dir, "tft", "offline")

    @pytest.mark.parametrize("as_of", ["soon", "2026-01-01", "2026-01-01T00:00:00", 5], ids=str)
    def test_not_one_whose_moment_is_none(self, run_dir: Path, as_of: object) -> None:
        with pytest.raises(IndexError):
            trained(run_dir, as_of=as_of)

    @pytest.mark.parametrize(
        ("since", "until", "expected"),
        [(4, 9, ["day 9", "day 6", "day 4"]), (5, 8, ["day 6"]), (7, 8, []), (6, 6, ["day 6"])],
    )
    def test_between_a_tick_and_the_run_the_newest_comes_first(
        self, run_dir: Path, since: int, until: int, expected: list[str]
    ) -> None:
        for day in (4, 6, 9):
            trained(run_dir, f"day {day}", day=day)
        moments = [dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (until, since)]
        assert ids(list(newest_artifacts(run_dir, "tft", "offline", *moments))) == expected


class TestWhatFits:
    def test_is_told_from_the_status(self, run_dir: Path) -> None:
        found = trained(run_dir)
        assert found.misfit(HERE) is None
        assert found.misfit(RunFields(dataset="/other/kilo.csv", horizon=24)) == (
            "trained on /data/load.csv, this run has /other/kilo.csv"
        )

    def test_what_nobody_knows_does_not_fit(self, run_dir: Path) -> None:
        reason = trained(run_dir, trained_on=None).misfit(HERE)
        assert reason is not None
        assert "what it was trained on is not known" in reason
        assert "config.json" in reason


class TestOutsideTheStore:
    @pytest.mark.parametrize(
        "path",
        [
            "/etc/hosts",
            "errors.csv",
            "/elsewhere/runs/b/models/tft/errors.csv",
            "/elsewhere/runs/a/models/tide/errors.csv",
            "/elsewhere/runs/a/models/tft/../../../../errors.csv",
            "/elsewhere/runs/a/models/tft/",
        ],
    )
    def test_a_path_elsewhere_is_refused(self, run_dir: Path, path: str) -> None:
        with pytest.raises(ArtifactError, match="outside the policy store"):
            carry(trained(run_dir, path=path), run_dir / "models" / "tft")
        assert not (run_dir / "models").exists()

    def test_a_link_that_leads_out_is_refused(self, run_dir: Path, tmp_path: Path) -> None:
        found = trained(run_dir)
        outside = tmp_path / "errors.csv"
        place = found.model_dir / "errors.csv"
        place.rename(outside)
        place.symlink_to(outside)
        with pytest.raises(ArtifactError, match="a link to a file outside the policy store"):
            carry(found, run_dir / "models" / "tft")

    def test_a_store_behind_a_link_is_one(self, run_dir: Path, tmp_path: Path) -> None:
        trained(run_dir)
        (tmp_path / "link").symlink_to(tmp_path / "store")
        mine = tmp_path / "link" / "pool" / "runs" / "mine"
        (found,) = earlier_artifacts(mine, "tft", "offline")
        assert carry(found, mine / "models" / "tft").sha256 == found.artifact.sha256


class TestTheManifest:
    def test_has_what_the_run_recorded(self, run_dir: Path) -> None:
        assert trained(run_dir).is_in_manifest()

    @pytest.mark.parametrize(
        "change",
        [
            {"sha256": "0" * 64},
            {"path": "/runs/a/models/tft/try-2/errors.csv"},
            {"rows": 7},
        ],
        ids=str,
    )
    def test_has_another_file_hash_or_path(self, run_dir: Path, change: dict[str, Any]) -> None:
        found = trained(run_dir)
        path = found.run_dir / "train_manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["models"][0]["artifact"] |= change
        path.write_text(json.dumps(manifest), encoding="utf-8")
        assert not found.is_in_manifest()

    @pytest.mark.parametrize("left", [None, b"{", b"[]", b'{"models": 3}', b'{"models": [3]}'], ids=repr)
    def test_is_missing_or_none(self, run_dir: Path, left: bytes | None) -> None:
        found = trained(run_dir)
        path = found.run_dir / "train_manifest.json"
        if left is None:
            path.unlink()
        else:
            path.write_bytes(left)
        assert not found.is_in_manifest()
