"""Files to resume from, saved on a real S3 server while a command writes them. About 5 seconds."""

from __future__ import annotations

import hashlib
import json

import pytest

from elpa_core.files import objects, open_location
from elpa_core.runs.resume import SavedFiles, forget_saved

pytestmark = pytest.mark.slow

PLACE = "elpa/resume/models/tide/.resume"


@pytest.fixture
def place(s3):
    found = open_location(f"s3://{PLACE}")
    yield found
    forget_saved(found.parent)


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def fetched(place, folder):
    warnings = SavedFiles(place).fetch(folder)
    found = {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}
    return found, warnings


def times(folder, *names):
    paths = [folder / name for name in names] or sorted(p for p in folder.rglob("*") if p.is_file())
    return [path.stat().st_mtime_ns for path in paths]


def puts(s3):
    return [path.rpartition("/")[2] for method, path in s3.requests()[0] if method == "PUT"]


def test_what_changed_is_uploaded_and_the_next_attempt_finds_all_of_one_moment(s3, place, work, tmp_path):
    saved = SavedFiles(place)
    assert fetched(place, tmp_path / "none") == ({}, [])
    assert saved.save(work, ["*.ckpt", "deep/**"]) == ()
    assert s3.below(PLACE) == {}
    (work / "a.ckpt").write_text("one")
    (work / "deep").mkdir()
    (work / "deep" / "é.bin").write_text("two")
    (work / "log.txt").write_text("no checkpoint")
    s3.faults()
    saved.save(work, ["*.ckpt", "deep/**"])
    assert sorted(puts(s3)) == sorted([sha256("one"), sha256("two"), "index.json"])
    assert fetched(place, tmp_path / "first") == ({"a.ckpt": "one", "deep/é.bin": "two"}, [])
    assert times(tmp_path / "first") == times(work, "a.ckpt", "deep/é.bin")

    s3.faults()
    saved.save(work, ["*.ckpt", "deep/**"])
    assert puts(s3) == []
    (work / "a.ckpt").write_text("three")
    saved.save(work, ["*.ckpt", "deep/**"])
    assert puts(s3) == [sha256("three"), "index.json"]
    assert set(s3.below(PLACE)) == {"index.json", sha256("three"), sha256("two")}

    # The next attempt goes on saving where this one has ended, and uploads nothing twice.
    other = SavedFiles(place)
    assert other.fetch(tmp_path / "next") == []
    s3.faults()
    other.save(tmp_path / "next", ["*.ckpt", "deep/**"])
    assert puts(s3) == []
    (tmp_path / "next" / "a.ckpt").unlink()
    other.save(tmp_path / "next", ["*.ckpt", "deep/**"])
    assert fetched(place, tmp_path / "last") == ({"deep/é.bin": "two"}, [])
    forget_saved(place.parent)
    assert s3.below(PLACE) == {}


def test_a_service_that_refuses_leaves_what_was_saved(s3, place, work, tmp_path):
    saved = SavedFiles(place)
    (work / "a.ckpt").write_text("one")
    saved.save(work, ["*.ckpt"])
    (work / "a.ckpt").write_text("two")
    s3.faults(("PUT", "index.json", "refuse", 1000))
    with pytest.raises(OSError, match="Please reduce your request rate"):
        saved.save(work, ["*.ckpt"])
    s3.faults()
    assert fetched(place, tmp_path / "out") == ({"a.ckpt": "one"}, [])
    saved.save(work, ["*.ckpt"])
    assert fetched(place, tmp_path / "later") == ({"a.ckpt": "two"}, [])


def test_a_file_that_is_written_during_its_upload_stays_as_it_was_saved(
    s3, place, work, tmp_path, monkeypatch
):
    saved = SavedFiles(place)
    (work / "a.ckpt").write_text("one")
    saved.save(work, ["*.ckpt"])
    (work / "a.ckpt").write_text("two")
    send = objects.upload

    def send_while_somebody_writes(source, target):
        source.write_text("three")
        send(source, target)

    monkeypatch.setattr(objects, "upload", send_while_somebody_writes)
    saved.save(work, ["*.ckpt"])
    assert set(s3.below(PLACE)) == {"index.json", sha256("one")}
    assert fetched(place, tmp_path / "out") == ({"a.ckpt": "one"}, [])


def test_the_index_goes_before_what_it_names(s3, place, work, monkeypatch):
    (work / "a.ckpt").write_text("one")
    SavedFiles(place).save(work, ["*.ckpt"])
    remove, removed = objects.remove_all, []

    def remove_once(folder, keys):
        if removed:
            raise Died
        removed.append(keys)
        remove(folder, keys)

    monkeypatch.setattr(objects, "remove_all", remove_once)
    with pytest.raises(Died):
        forget_saved(place.parent)
    monkeypatch.undo()
    assert set(s3.below(PLACE)) == {sha256("one")}


class Died(BaseException):
    pass


def test_a_bucket_that_is_not_there_is_said(s3, place, work):
    (work / "a.ckpt").write_text("one")
    with pytest.raises(OSError, match="bucket does not exist"):
        SavedFiles(open_location("s3://nowhere/elpa/.resume")).save(work, ["*.ckpt"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files | {sha256("one"): "spoilt"}, "found 6 bytes with SHA-256"),
        (lambda files: files | {"index.json": "{"}, "index.json"),
        (lambda files: files | {"index.json": '{"files": [{"bytes": 1}]}'}, "$.files: found something else"),
        (
            lambda files: files | {"index.json": files["index.json"].replace("a.ckpt", "../a.ckpt")},
            'found the file "../a.ckpt"; expected a file below the folder',
        ),
    ],
)
def test_what_is_not_as_it_was_saved_is_not_taken_and_said(s3, place, work, tmp_path, change, said):
    (work / "a.ckpt").write_text("one")
    SavedFiles(place).save(work, ["*.ckpt"])
    s3.put({f"{PLACE}/{name}": text for name, text in change(s3.below(PLACE)).items()})
    found, (warning,) = fetched(place, tmp_path / "out" / "in")
    assert found == {}
    assert said in warning
    assert warning.endswith("; the command starts without files of an earlier attempt")
    assert not (tmp_path / "out" / "a.ckpt").exists()


def test_an_attempt_in_the_same_place_removes_the_rest_and_not_the_status(s3, place, work):
    (work / "a.ckpt").write_text("one")
    saved = SavedFiles(place)
    saved.save(work, ["*.ckpt"])
    folder = PLACE.removesuffix("/.resume")
    s3.put({f"{folder}/{name}": "x" for name in ("status.json", "errors.csv", "best/model.pt")})
    saved.remove_others()
    assert set(s3.below(folder)) == {"status.json", ".resume/index.json", f".resume/{sha256('one')}"}
    assert json.loads(s3.below(PLACE)["index.json"])["files"] == [
        {"path": "a.ckpt", "bytes": 3, "sha256": sha256("one"), "mtime_ns": times(work, "a.ckpt")[0]}
    ]
