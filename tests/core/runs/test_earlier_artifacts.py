"""Artifacts that earlier runs left: which one is found, and what carrying one leaves."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.earlier import earlier_artifacts

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.errors import ArtifactError
from elpa_core.runs.earlier_artifacts import carry, newest_artifacts
from elpa_core.runs.folder import STATUS_NAME

DAYS = {day: f"2026-01-{day:02}T00:00:00+00:00" for day in range(1, 11)}


def moment(day: int) -> dt.datetime:
    return dt.datetime.fromisoformat(DAYS[day])


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """The run that looks for artifacts of the others."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    return folder


def trained(
    run_dir: Path, name: str, day: int, *, finished: str = "2026-02-01T00:00:00Z", **changes: Any
) -> Path:
    """Leave what a run called ``name`` leaves that has trained the model ``tft`` as of a day."""
    folder = run_dir.parent / name / "models" / "tft"
    folder.mkdir(parents=True)
    errors = folder / "errors.csv"
    errors.write_text(f"abs_error\n{day}\n", encoding="utf-8")
    artifact = artifact_of(errors, model="tft", group="offline", started_at=finished, finished_at=finished)
    status = {
        "status": "ok",
        "group": "offline",
        "run_id": f"run {name}",
        "as_of": DAYS[day],
        "artifact": artifact.to_json(),
        **changes,
    }
    (folder / STATUS_NAME).write_text(json.dumps(status), encoding="utf-8")
    return folder


def run_ids(run_dir: Path) -> set[str]:
    return {found.run_id for found in earlier_artifacts(run_dir, "tft", "offline")}


class TestWhatCounts:
    def test_those_of_other_runs_and_not_its_own(self, run_dir: Path) -> None:
        trained(run_dir, "mine", 1)
        trained(run_dir, "a", 1)
        trained(run_dir, "b", 2)
        assert run_ids(run_dir) == {"run a", "run b"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "failed"},
            {"status": "running"},
            {"status": "planned"},
            {"group": "online"},
            {"as_of": ""},
            {"as_of": None},
        ],
        ids=str,
    )
    def test_only_what_a_training_of_the_same_group_left_that_ended_well(
        self, run_dir: Path, changes: dict[str, Any]
    ) -> None:
        trained(run_dir, "a", 1, **changes)
        assert run_ids(run_dir) == set()

    @pytest.mark.parametrize("left", [b"", b'{"status": "ok"', b"\xff", b"[]"], ids=repr)
    def test_not_one_whose_record_is_torn(self, run_dir: Path, left: bytes) -> None:
        (trained(run_dir, "a", 1) / STATUS_NAME).write_bytes(left)
        trained(run_dir, "b", 2)
        assert run_ids(run_dir) == {"run b"}

    @pytest.mark.parametrize("changes", [{"artifact": {"path": "x"}}, {"artifact": None}], ids=str)
    def test_not_one_that_another_version_wrote(self, run_dir: Path, changes: dict[str, Any]) -> None:
        trained(run_dir, "a", 1, **changes)
        trained(run_dir, "b", 2)
        assert run_ids(run_dir) == {"run b"}

    def test_those_of_a_store_that_has_moved(self, run_dir: Path) -> None:
        folder = trained(run_dir, "a", 1)
        (folder / "try-2-000002").mkdir()
        (folder / "errors.csv").rename(folder / "try-2-000002" / "errors.csv")
        status = json.loads((folder / STATUS_NAME).read_text(encoding="utf-8"))
        for was in ("s3://minio@old/elpa/pool/runs", "/gone/elpa/pool/runs"):
            status["artifact"]["path"] = f"{was}/a/models/tft/try-2-000002/errors.csv"
            (folder / STATUS_NAME).write_text(json.dumps(status), encoding="utf-8")
            (found,) = earlier_artifacts(run_dir, "tft", "offline")
            assert found.place == folder / "try-2-000002" / "errors.csv"
            assert carry(found, run_dir / "models" / "tft").sha256 == found.artifact.sha256

    def test_not_one_that_is_being_removed(self, run_dir: Path) -> None:
        trained(run_dir, ".removed", 1)
        (run_dir.parent / "a file").touch()
        assert run_ids(run_dir) == set()


class TestWhichOne:
    def test_as_of_exactly_a_moment_however_it_is_written(self, run_dir: Path) -> None:
        for day in (1, 2, 3):
            trained(run_dir, f"day {day}", day)
        trained(run_dir, "elsewhere", 4, as_of="2026-01-05T01:00:00+01:00")
        found = {
            day: list(newest_artifacts(run_dir, "tft", "offline", moment(day), moment(day)))
            for day in (2, 4, 5)
        }
        assert {day: [one.run_id for one in those] for day, those in found.items()} == {
            2: ["run day 2"],
            4: [],
            5: ["run elsewhere"],
        }

    def test_of_several_as_of_one_moment_the_last_to_finish_comes_first(self, run_dir: Path) -> None:
        for hour in (3, 9, 6):
            trained(run_dir, f"at {hour}", 1, finished=f"2026-02-01T0{hour}:00:00Z")
        found = newest_artifacts(run_dir, "tft", "offline", moment(1), moment(1))
        assert [one.run_id for one in found] == ["run at 9", "run at 6", "run at 3"]

    def test_the_newest_is_by_data_and_not_by_the_clock(self, run_dir: Path) -> None:
        trained(run_dir, "old data", 1, finished="2026-03-01T00:00:00Z")
        trained(run_dir, "new data", 3, finished="2026-02-01T00:00:00Z")
        found = newest_artifacts(run_dir, "tft", "offline", moment(9))
        assert [(one.run_id, one.moment) for one in found] == [
            ("run new data", moment(3)),
            ("run old data", moment(1)),
        ]

    @pytest.mark.parametrize(("day", "days"), [(2, []), (3, [3]), (4, [3]), (5, [5, 3])])
    def test_none_has_used_later_data(self, run_dir: Path, day: int, days: list[int]) -> None:
        for other in (3, 5):
            trained(run_dir, f"day {other}", other)
        found = newest_artifacts(run_dir, "tft", "offline", moment(day))
        assert [one.moment for one in found] == [moment(one) for one in days]


class TestCarrying:
    def test_files_that_are_links_elsewhere_are_named_and_not_to_be_read(self, run_dir: Path) -> None:
        folder = trained(run_dir, "a", 1, artifacts=[str(run_dir.parent / "a" / "models" / "tft" / "m.pt")])
        (folder / "m.pt").symlink_to("/dev/null")
        (earlier,) = newest_artifacts(run_dir, "tft", "offline", moment(3))
        assert [file.path for file in earlier.named_files] == [str(folder / "m.pt")]
        with pytest.raises(ArtifactError, match="a link to a file outside the policy store"):
            assert earlier.files

    def test_copies_it_so_that_the_run_stays_whole_without_the_other(self, run_dir: Path) -> None:
        source = trained(run_dir, "a", 7)
        (found,) = earlier_artifacts(run_dir, "tft", "offline")
        carried = carry(found, run_dir / "models" / "tft")
        shutil.rmtree(source)
        path = Path(carried.path)
        assert path.parent == run_dir / "models" / "tft"
        assert path.read_text(encoding="utf-8") == "abs_error\n7\n"
        assert {**carried.to_json(), "path": ""} == {**found.artifact.to_json(), "path": ""}

    @pytest.mark.parametrize("gone", [True, False], ids=["removed", "trained anew"])
    def test_refuses_one_that_went_meanwhile(self, run_dir: Path, gone: bool) -> None:
        source = trained(run_dir, "a", 7)
        (found,) = earlier_artifacts(run_dir, "tft", "offline")
        if gone:
            shutil.rmtree(source)
        else:
            (source / "errors.csv").write_text("abs_error\n8\n", encoding="utf-8")
        with pytest.raises(ArtifactError, match="run a"):
            carry(found, run_dir / "models" / "tft")
        assert not (run_dir / "models").exists()

    def test_what_cannot_be_read_is_not_taken_for_gone(self, run_dir: Path) -> None:
        source = trained(run_dir, "a", 7)
        (found,) = earlier_artifacts(run_dir, "tft", "offline")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most[1]))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                carry(found, source)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, most)

    @pytest.mark.parametrize(
        ("make", "found"),
        [
            (os.mkfifo, "no regular file"),
            (Path.mkdir, "a folder"),
            (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        ],
        ids=["pipe", "folder", "loop"],
    )
    @pytest.mark.parametrize("name", ["errors.csv", STATUS_NAME])
    def test_refuses_what_is_no_file_and_waits_for_none(
        self, run_dir: Path, make: Callable[[Path], None], found: str, name: str
    ) -> None:
        source = trained(run_dir, "a", 7)
        (earlier,) = earlier_artifacts(run_dir, "tft", "offline")
        (source / name).unlink()
        make(source / name)
        if name == STATUS_NAME:
            assert run_ids(run_dir) == set()
            return
        with pytest.raises(ArtifactError, match=found):
            carry(earlier, run_dir / "models" / "tft")
