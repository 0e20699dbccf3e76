"""Where an attempt works, and who may say how a model's task ended. About 1 second."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.airflow_site import DagsFolder, model, pair

from elpa_airflow.run.state import RunState
from elpa_airflow.tasks.attempt import Attempt
from elpa_core import files
from elpa_core.config.loading import load_training_config
from elpa_core.errors import ArtifactError
from elpa_core.runs.artifact_index import ArtifactIndex
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.plan import PlannedModel, plan_model
from elpa_core.times import RunMoment

MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BEGUN = {"status": "running", "started_at": "2026-01-01T00:00:00Z", "finished_at": None}
ENDED = {"status": "failed", "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z"}
ENDED_WELL = ENDED | {"status": "ok", "as_of": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def run(folder: DagsFolder, tmp_path: Path) -> RunState:
    loaded = load_training_config(folder.config("pool", pair()))
    run_dir = tmp_path / "store" / "elpa_pool" / "runs" / "r"
    return RunState(loaded, run_dir, run_dir, RunMoment("2026-01-01T00:00:00+00:00"), "0", dict, None, {})


def attempt(run: RunState, number: int, *, made: int = 0) -> Attempt:
    """Return an attempt; ``made`` seconds after the moment of these tests Airflow has made its id."""
    milliseconds = 1000 * (int(MOMENT.timestamp()) + made)
    key = f"{milliseconds:012x}"
    ti = SimpleNamespace(id=f"{key[:8]}-{key[8:]}-7000-8000-{number:012}", try_number=number, max_tries=3)
    return Attempt.of(ti, run, run.loaded.config.models[0])


@pytest.fixture
def resuming(folder: DagsFolder, run: RunState) -> RunState:
    models = [model("on", resume_from=["*.ckpt"]), model("off", "offline")]
    return replace(run, loaded=load_training_config(folder.config("resuming", models)))


def begin(run: RunState, number: int, *, told: dict[str, Any], **more: Any) -> Attempt:
    """Let an attempt leave a checkpoint and something else, and end or not."""
    one = attempt(run, number)
    one.empty(["*.ckpt"])
    (one.work_dir / "a.ckpt").write_text(f"of {number}", encoding="utf-8")
    (one.work_dir / "errors.csv").touch()
    known = {"generation": run.generation, "try_number": number, "max_tries": 3, "stopped": False}
    one.record({**known, "model_dir": str(one.work_dir), **told, **more})
    return one


def left_for(run: RunState, number: int, *, made: int = 0) -> list[str]:
    """Return what an attempt finds."""
    one = attempt(run, number, made=made)
    assert one.empty(["*.ckpt"]) == []
    return sorted(path.name for path in one.work_dir.iterdir() if path.name != "status.json")


def test_a_retry_finds_what_it_can_go_on_from_in_the_same_folder(resuming: RunState) -> None:
    first = begin(resuming, 1, told=ENDED)
    assert left_for(resuming, 2) == ["a.ckpt"]
    assert attempt(resuming, 2).work_dir == first.work_dir
    assert status(resuming)["try_number"] == 1  # else whoever is killed here is no retry any more


def test_after_a_killed_attempt_it_finds_a_copy_where_the_orphan_does_not_write(resuming: RunState) -> None:
    first = begin(resuming, 1, told=BEGUN)
    assert left_for(resuming, 2) == ["a.ckpt"]
    second = begin(resuming, 2, told=BEGUN)
    (first.work_dir / "a.ckpt").write_text("of the orphan", encoding="utf-8")
    third = attempt(resuming, 3)
    third.empty(["*.ckpt"])
    assert len({first.work_dir, second.work_dir, third.work_dir}) == 3
    assert (third.work_dir / "a.ckpt").read_text(encoding="utf-8") == "of 2"


@pytest.mark.parametrize(
    ("earlier", "finds"),
    [
        ({}, True),
        ({"max_tries": 2}, True),
        ({"stopped": True}, True),
        ({"generation": "1-x", "max_tries": 2}, False),
        ({"generation": "1-x", "stopped": True}, False),
        ({"try_number": 2}, False),
        ({"try_number": None}, False),
    ],
    ids=str,
)
def test_only_what_airflow_retries_goes_on(resuming: RunState, earlier: dict[str, Any], finds: bool) -> None:
    """A task that a person cleared has more tries than before, or was stopped for it."""
    begin(resuming, 1, told=ENDED, **earlier)
    assert left_for(resuming, 2) == (["a.ckpt"] if finds else [])


@pytest.mark.parametrize("told", [BEGUN, ENDED], ids=["killed", "failed"])
@pytest.mark.parametrize(
    ("made", "generation", "finds"),
    [
        (60, {"begun_at": "2026-01-01T00:00:30Z"}, True),
        (20, {"begun_at": "2026-01-01T00:00:30Z"}, False),
        (60, {}, False),
        (60, None, False),
    ],
    ids=["tried again after another task was cleared", "cleared while it ran", "by 0.1.0", "nobody can tell"],
)
def test_only_a_clear_of_this_very_task_empties_its_folder(
    resuming: RunState, told: dict[str, Any], made: int, generation: dict[str, str] | None, finds: bool
) -> None:
    """Airflow makes a new id when a running task is cleared, and when a failed one is to be retried."""
    begin(resuming, 1, told=told, generation="earlier", stopped=False if told is ENDED else None)
    if generation is not None:
        record = RunFolder(resuming.run_dir).generation(resuming.generation)
        files.write(record, json.dumps({"config": "", **generation}).encode())
    assert left_for(resuming, 2, made=made) == (["a.ckpt"] if finds else [])


def test_without_resume_from_each_attempt_starts_with_an_empty_folder(run: RunState) -> None:
    begin(run, 1, told=ENDED)
    assert attempt(run, 2).retried is None
    assert left_for(run, 2) == []


def status(run: RunState) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.run_dir / "models" / "on" / "status.json").read_bytes())
    return found


def test_the_first_attempt_and_those_after_one_that_ended_work_in_the_models_folder(run: RunState) -> None:
    for number in (1, 2, 3):
        one = attempt(run, number)
        assert one.work_dir == one.kept_dir == run.run_dir / "models" / "on"
        one.empty()
        (one.work_dir / "junk").touch()
        one.record(BEGUN)
        one.record(ENDED, ends=True)
    assert attempt(run, 4).work_dir == attempt(run, 1).work_dir
    attempt(run, 4).empty()
    assert list((run.run_dir / "models" / "on").iterdir()) == []


@pytest.mark.parametrize("told", [BEGUN, BEGUN | {"status": "failed"}], ids=["killed", "killed, and counted"])
def test_after_a_killed_attempt_all_others_have_folders_of_their_own(
    run: RunState, told: dict[str, Any]
) -> None:
    attempt(run, 1).empty()
    attempt(run, 1).record(told)
    folders = []
    for number in (2, 3):
        one = attempt(run, number)
        one.empty()
        folders.append(one.work_dir)
        one.record(BEGUN)
        one.record(ENDED_WELL, ends=True)
    base = run.run_dir / "models" / "on"
    assert folders == [base / "try-2-000002", base / "try-3-000003"]
    # What the orphan still writes is in nobody's way.
    (base / "errors.csv").write_text("abs_error\n9\n", encoding="utf-8")
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def test_a_record_that_cannot_be_read_is_not_taken_for_none(run: RunState) -> None:
    (run.run_dir / "models" / "on" / "status.json").mkdir(parents=True)
    with pytest.raises(OSError, match="a folder"):
        attempt(run, 2)


def test_an_attempt_that_airflow_has_given_up_does_not_say_how_the_next_one_ended(run: RunState) -> None:
    old, new = attempt(run, 1), attempt(run, 2)
    old.empty()
    old.record(BEGUN)
    new.record(BEGUN)
    old.record(ENDED, ends=True)
    assert status(run)["status"] == "running"
    new.record(ENDED_WELL, ends=True)
    old.record(ENDED, ends=True)
    assert status(run)["status"] == "ok"


def planned(run: RunState, error_csv: Path) -> PlannedModel:
    model = run.loaded.config.models[0]
    return replace(plan_model(run.loaded, model, run.run_dir, run.moment), error_csv=error_csv)


@pytest.mark.parametrize(("name", "entered"), [("r", 1), ("__airflow_temporary_run_2026-01-01", 0)])
def test_a_training_is_in_the_index_before_its_status_says_that_it_ended_well(
    run: RunState, name: str, entered: int
) -> None:
    folder = run.run_dir.parent / name
    one = attempt(replace(run, run_dir=folder, work_dir=folder), 1)
    one.empty()
    (RunFolder(folder).model("on").status / "no room for it").mkdir(parents=True)
    with pytest.raises(OSError, match="Is a directory"):
        one.record(ENDED_WELL)
    index = ArtifactIndex.of(folder.parent, "on")
    assert [entry.run for entry in index.newest_first(MOMENT)] == [name] * entered


def test_the_artifact_is_copied_only_if_it_lies_elsewhere(run: RunState, tmp_path: Path) -> None:
    one = attempt(run, 1)
    one.empty()
    times = {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z"}
    for path in (one.work_dir / "deep" / "errors.csv", tmp_path / "errors.csv"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("abs_error\n1\n", encoding="utf-8")
        artifact = one.keep_artifact(planned(run, path), **times)
        kept = path if path.is_relative_to(one.work_dir) else one.work_dir / "handed_on_errors.csv"
        assert artifact.path == str(kept)
        assert kept.read_text(encoding="utf-8") == "abs_error\n1\n"


@pytest.mark.parametrize("way", ["../../errors.csv", "link.csv"])
def test_an_artifact_that_only_seems_to_lie_in_the_folder_is_copied(run: RunState, way: str) -> None:
    one = attempt(run, 1)
    one.empty()
    outside = run.run_dir / "errors.csv"
    outside.write_text("abs_error\n1\n", encoding="utf-8")
    (one.work_dir / "link.csv").symlink_to(outside)
    artifact = one.keep_artifact(planned(run, one.work_dir / way), started_at="", finished_at="")
    assert artifact.path == str(one.work_dir / "handed_on_errors.csv")


@pytest.mark.parametrize("left", ["file", "link", "dangling"])
def test_an_attempt_begins_whatever_a_command_put_in_the_place_of_its_folder(
    run: RunState, tmp_path: Path, left: str
) -> None:
    one = attempt(run, 1)
    one.work_dir.parent.mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    if left == "file":
        one.work_dir.touch()
    else:
        one.work_dir.symlink_to(tmp_path / ("mine" if left == "link" else "gone"))
    one.empty()
    assert one.work_dir.is_dir()
    assert not one.work_dir.is_symlink()
    assert (tmp_path / "mine" / "precious").exists()


def test_an_artifact_elsewhere_that_is_no_file_is_not_copied(run: RunState, tmp_path: Path) -> None:
    one = attempt(run, 1)
    one.empty()
    device = tmp_path / "errors.csv"
    device.symlink_to("/dev/null")  # not /dev/zero: a copy of that fills the disk
    with pytest.raises(ArtifactError, match=r"errors\.csv: found no regular file; expected the validation"):
        one.keep_artifact(planned(run, device), started_at="", finished_at="")
    assert list(one.work_dir.iterdir()) == []
