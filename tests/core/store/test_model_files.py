"""The files of the trained models that a policy names, and copies of them; on disk and on S3."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from support.stores import day, policy, record, run

from elpa_core import files
from elpa_core.errors import ArtifactError, InputError
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trained_model import fetch
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.store import PolicyStore
from elpa_core.store.holding import hold
from elpa_core.store.model_files import model_files
from elpa_core.store.pruning import prune

CONTENTS = {"model.pt": b"weights", "best/1.ckpt": b"more"}


def trained(store, tmp_path, run_id, folder="models/tide", contents=CONTENTS):
    """Put the files of a trained model where a run leaves them; return what its policy says of them."""
    found = []
    for name, data in contents.items():
        local = tmp_path / "made" / name
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(data)
        place = store.folder.run(run_id)
        for part in f"{folder}/{name}".split("/"):
            place = place / part
        files.write(place, data)
        found.append(TrainedFile.of(local).at(place).to_json())
    return found


def recorded(store, tmp_path, *, folder="models/tide", origin=None, contents=CONTENTS):
    content = policy()
    content["errors"]["tide"]["artifacts"] = trained(store, tmp_path, origin or "day2", folder, contents)
    content["errors"]["tide"]["carried_from"] = origin
    record(store, 2, content)
    return store.policy("day2")


def copied(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.slow)])
def any_store(request):
    return request.getfixturevalue("store" if request.param == "disk" else "s3_store")


@pytest.mark.parametrize("folder", ["models/tide", "models/tide/try-2-0a1b2c"])
@pytest.mark.parametrize("origin", [None, "day1"])
def test_they_are_copied_from_the_run_that_trained_the_model(any_store, tmp_path, folder, origin):
    stored = recorded(any_store, tmp_path, folder=folder, origin=origin)
    found = model_files(any_store.folder, stored, "tide")
    run_dir = any_store.folder.run(origin or "day2")
    assert [(str(one.name), str(one.place)) for one in found] == [
        (name, f"{run_dir}/{folder}/{name}") for name in CONTENTS
    ]
    target = tmp_path / "deep" / "target"
    assert fetch(found, target) == [target / name for name in CONTENTS]
    assert copied(target) == CONTENTS


def test_what_is_there_already_stays(store, tmp_path):
    found = model_files(store.folder, recorded(store, tmp_path), "tide")
    target = tmp_path / "target"
    fetch(found, target)
    (target / "mine").write_bytes(b"mine")
    (target / "best" / "1.ckpt").unlink()
    before = (target / "model.pt").stat()
    fetch(found, target)
    assert copied(target) == CONTENTS | {"mine": b"mine"}
    assert (target / "model.pt").stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "mine",
    [
        lambda target: (target / "model.pt").write_bytes(b"mine"),
        lambda target: (target / "best").write_bytes(b"mine"),
        lambda target: (target / "best" / "1.ckpt" / "mine").mkdir(parents=True),
        lambda target: (target / "model.pt").symlink_to("nowhere"),
    ],
    ids=["another file", "a file for a folder", "a folder", "a link"],
)
def test_nothing_is_written_over_what_somebody_else_has_left(store, tmp_path, mine, snapshot):
    found = model_files(store.folder, recorded(store, tmp_path), "tide")
    target = tmp_path / "target"
    target.mkdir()
    mine(target)
    (there,) = target.iterdir()
    before = snapshot()
    with pytest.raises(ArtifactError) as refused:
        fetch(found, target)
    said = "found something else; expected a free place for a copy of "
    assert str(refused.value).startswith(f"{target}/")
    assert said in str(refused.value)
    assert str(refused.value).endswith("; remove it, or copy into another folder")
    assert snapshot() == before
    assert os.path.lexists(there)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"weightz"), "found 7 bytes with SHA-256 "),
        (lambda path: path.unlink(), "found no such file; expected the file that the training left, of 7"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "found no regular file"),
    ],
    ids=["changed", "gone", "pipe"],
)
def test_one_file_that_is_not_what_was_trained_is_refused_and_none_is_copied(store, tmp_path, spoil, said):
    found = model_files(store.folder, recorded(store, tmp_path), "tide")
    spoil(store.folder.run("day2") / "models" / "tide" / "model.pt")
    target = tmp_path / "target"
    with pytest.raises(ArtifactError, match=r"/models/tide/model\.pt: ") as refused:
        fetch(found, target)
    assert said in str(refused.value)
    assert copied(target) == {}


@pytest.mark.parametrize(
    ("used_by", "gone"),
    [
        ("the current policy", ["day3", "day4"]),
        ("a promoted one", ["day3"]),
        ("a run in flight", ["day2", "day3"]),
    ],
)
def test_files_in_use_are_never_pruned(any_store, tmp_path, used_by, gone):
    record(any_store, 1)
    stored = recorded(any_store, tmp_path, origin="day1")
    found = model_files(any_store.folder, stored, "tide")
    if used_by == "a run in flight":
        status = b'{"status": "planned", "carried_from": "day1"}'
        place = any_store.folder.run("day9") / "models" / "tide" / "status.json"
        hold(any_store.folder, "day1", lambda: files.write(place, status))
    if used_by == "a promoted one":
        any_store.promote("day2", reason="good", actor="me")
    for number in (3, 4, 5):
        run(any_store, number)
    if used_by == "the current policy":
        any_store.promote("day2", reason="good", actor="me")
    for number in range(1, 6):  # of a run without it nobody knows that it has ended
        end = {"run_id": f"day{number}", "as_of": day(number)}
        files.write(RunFolder(any_store.folder.run(f"day{number}")).manifest, json.dumps(end).encode())
    assert [one.run_id for one in prune(any_store.folder, 1).removed] == gone
    target = tmp_path / "target"
    assert fetch(found, target) == [target / name for name in CONTENTS]


@pytest.mark.slow
def test_an_object_that_is_gone_is_refused(s3_store, tmp_path):
    found = model_files(s3_store.folder, recorded(s3_store, tmp_path), "tide")
    files.remove(found[0].place)
    with pytest.raises(ArtifactError, match=r"model\.pt: found no such file; expected the file that the tr"):
        fetch(found, tmp_path / "target")


def test_a_store_that_has_moved_has_them_all(store, tmp_path):
    recorded(store, tmp_path, origin="day1")
    shutil.move(store.folder.root, tmp_path / "moved")
    moved = PolicyStore(tmp_path / "moved", "pool")
    fetch(model_files(moved.folder, moved.policy("day2"), "tide"), tmp_path / "target")
    assert copied(tmp_path / "target") == CONTENTS


def test_a_path_outside_the_folder_of_the_training_is_refused(store, tmp_path):
    content = policy()
    (tmp_path / "mine").write_bytes(b"mine")
    content["errors"]["tide"]["artifacts"] = [TrainedFile.of(tmp_path / "mine").to_json()]
    record(store, 2, content)
    with pytest.raises(ArtifactError, match=r"/mine: found an artifact outside the policy store; expected a"):
        model_files(store.folder, store.policy("day2"), "tide")


def test_a_model_without_files_and_an_unknown_one_are_refused(store, tmp_path):
    stored = recorded(store, tmp_path)
    with pytest.raises(InputError, match=r'found no model "tid"; expected a model of this policy; did you'):
        model_files(store.folder, stored, "tid")
    with pytest.raises(InputError) as refused:
        model_files(store.folder, stored, "ets")
    assert str(refused.value) == (
        f"{stored.path}: $.errors.ets.artifacts: found no files; expected the files of the trained model;"
        ' name them in artifacts of the model "ets" in the config, and train it again'
    )


def test_files_that_version_0_1_0_recorded_are_copied_as_they_are(store, tmp_path):
    trained(store, tmp_path, "day1")
    content = policy()
    path = str(store.folder.run("day1") / "models" / "tide" / "model.pt")
    content["errors"]["tide"] |= {"artifacts": [{"path": path}], "carried_from": "day1"}
    store.record("day2", day(2), content)
    fetch(model_files(store.folder, store.policy("day2"), "tide"), tmp_path / "target")
    assert copied(tmp_path / "target") == {"model.pt": b"weights"}


def test_two_files_of_one_name_are_refused(store, tmp_path):
    names = {"model.pt": b"new", "try-1-abcdef/model.pt": b"old"}
    found = model_files(store.folder, recorded(store, tmp_path, contents=names), "tide")
    with pytest.raises(ArtifactError, match=r"another file of the same model that is named model\.pt, too"):
        fetch(found, tmp_path / "copies")
