"""Which runs go from a store on S3, and what many runs cost there."""

import datetime as dt
import json
import re

import pytest
from support.stores import actions, check_repaired, current_run, day, policy, record, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.folder import CONFIG_NAME, MANIFEST_NAME
from elpa_core.store import StoreWriteError, pruning
from elpa_core.store.holding import announcing, hold
from elpa_core.store.pruning import prune

pytestmark = pytest.mark.slow


def carried(origin):
    content = policy()
    content["errors"]["tide"]["carried_from"] = origin
    return content


def finish(store, number, *, keep_runs=2):
    """Write what a run leaves besides its policies, manifest last."""
    run_dir = store.folder.run(f"day{number}")
    model = run_dir / "models" / "ets"
    files.write(run_dir / CONFIG_NAME, json.dumps({"airflow": {"keep_runs": keep_runs}}).encode())
    files.write(run_dir / "generations" / "1.json", b"{}")
    files.write(model / "validation_errors.csv", b"e")
    for name in ("model[1].pt", "a*b", "what?", "deep/er/c++ 100%.bin"):
        place = model
        for part in name.split("/"):
            place = place / part
        files.write(place, b"m")
    files.write(model / "status.json", b'{"status": "ok"}')
    files.write(
        run_dir / MANIFEST_NAME, json.dumps({"run_id": f"day{number}", "as_of": day(number)}).encode()
    )


def lived_in(store):
    """Make a store with a run for each reason why one is kept."""
    for number in range(1, 9):
        run(store, number, carried("day2") if number == 8 else None)
        finish(store, number)
    store.promote("day3", reason="good", actor="me")
    run(store, 9)
    finish(store, 9)
    record(store, 4)  # a run that was done again
    files.write(store.folder.run("day5") / "models" / "ets" / "status.json", b'{"status": "running"}')
    files.write(
        store.folder.run("failed") / MANIFEST_NAME, json.dumps({"run_id": "failed", "as_of": day(2)}).encode()
    )
    files.write(store.folder.run("torn") / MANIFEST_NAME, b"{")
    files.write(store.folder.runs / "a file", b"")


@pytest.fixture
def lived_in_store(store, copies):
    lived_in(store)
    return copies(store, 1)[0]


@pytest.mark.parametrize("keep", [None, 1, 4, 20])
def test_the_same_runs_go_as_from_a_folder(store, lived_in_store, keep):
    ends = []
    for one in (store, lived_in_store):
        dry = prune(one.folder, keep, dry_run=True)
        before = one.folder.run_folders()
        pruned = prune(one.folder, keep)
        names = [r.run_id for r in pruned.removed]
        assert names == [r.run_id for r in dry.removed]
        assert sorted(before) == sorted([*one.folder.run_folders(), *names])
        ends.append((names, pruned.kept, pruned.newest, one.folder.run_folders(), actions(one)))
        check_repaired(one)
    assert ends[0] == ends[1]
    assert ends[0][0] or keep == 20


def test_nothing_of_a_run_is_left(lived_in_store, s3):
    prune(lived_in_store.folder, 1)
    place = str(lived_in_store.folder.path).removeprefix("s3://")
    assert {key.split("/")[1] for key in s3.below(place) if key.startswith("runs/")} == {
        "a file",
        *lived_in_store.folder.run_folders(),
    }
    assert "day1" not in lived_in_store.folder.run_folders()


def test_a_run_whose_name_begins_like_another_ones_stays(s3_store):
    for run_id, number in (("day", 1), ("day1", 2), ("day10", 3), ("day100", 4)):
        s3_store.record(run_id, day(number), policy())
        s3_store.publish(run_id)
        files.write(s3_store.folder.run(run_id) / MANIFEST_NAME, b"{}")
    prune(s3_store.folder, 1)
    assert s3_store.folder.run_folders() == ["day10", "day100"]
    files.remove_tree(s3_store.folder.run("day10"))
    assert s3_store.folder.run_folders() == ["day100"]


def test_only_the_objects_below_a_folder_are_removed_whatever_their_names(s3_store):
    root = s3_store.folder.root
    for name in ("a/m[1].pt", "a/m1.pt", "a/*", "ab", "a[b]/x", "ab/x"):
        place = root
        for part in name.split("/"):
            place = place / part
        files.write(place, b"x")
    files.remove_tree(root / "a[b]")
    assert [child.name for child in files.children(root)] == ["a", "ab", "ab"]
    files.remove_tree(root / "a")
    files.remove_tree(root / "a")
    assert {child.name for child in files.children(root)} == {"ab"}


def test_objects_that_may_not_be_removed_are_named(lived_in_store, s3):
    s3.faults(("POST", "", "keep", 100))
    with pytest.raises(
        StoreWriteError, match=rf"^{lived_in_store.folder.runs}/.*: could not be removed; the policy"
    ):
        prune(lived_in_store.folder, 1)
    s3.faults()
    assert prune(lived_in_store.folder, 1).removed
    check_repaired(lived_in_store)


def test_an_object_whose_key_leads_elsewhere_as_a_path_is_left_alone(
    lived_in_store, s3, tmp_path, monkeypatch
):
    copies = tmp_path / "a" / "b"
    copies.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    place = str(lived_in_store.folder.runs).removeprefix("s3://")
    odd = [
        "../policies/x",
        "day1/models/../../../../x/status.json",
        "../../../../y/z/models/a/status.json",
        "/x/y",
    ]
    s3.put({f"{place}/{key}": "{}" for key in odd})
    assert prune(lived_in_store.folder, 1).removed
    assert list(copies.parent.rglob("*")) == [copies]
    assert {path.name for path in tmp_path.iterdir()} == {"a", "store"}
    assert {*odd} <= s3.below(place).keys()


def test_errors_name_the_objects_not_the_copy(lived_in_store):
    path = lived_in_store.folder.policy("day9", 1)
    good = files.read(path)
    files.write(path, b"{")
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: "):
        prune(lived_in_store.folder, 1)
    files.write(path, good)
    config = lived_in_store.folder.run("day9") / CONFIG_NAME
    files.write(config, b'{"airflow": {"keep_runs": "x"}}')
    with pytest.raises(InputError, match=f"^{re.escape(str(config))}: "):
        prune(lived_in_store.folder)


@pytest.mark.parametrize("when", ["before it is announced", "when it is announced"])
def test_a_run_that_another_begins_to_need_while_somebody_prunes(lived_in_store, monkeypatch, when):
    folder, looks = lived_in_store.folder, []
    look = pruning._choose

    def look_and_let_a_run_need_it(*arguments):
        found = look(*arguments)
        looks.append([run.run_id for run in found.removed])
        if len(looks) == (1 if when == "before it is announced" else 2):
            status = json.dumps({"status": "planned", "carried_from": "day1"}).encode()
            place = folder.run("late") / "models" / "tide" / "status.json"
            refused.extend(refusal(lambda: hold(folder, "day1", lambda: files.write(place, status))))
        return found

    refused = []
    monkeypatch.setattr(pruning, "_choose", look_and_let_a_run_need_it)
    removed = [run.run_id for run in prune(folder, 1).removed]
    assert ["day1" in one for one in looks] == [True, when == "when it is announced"]
    assert files.exists(folder.policy("day1", 1)) is (when == "before it is announced")
    assert ("day1" in removed) is (when == "when it is announced")
    assert ["found a run that is being removed" in text for text in refused] == [True] * ("day1" in removed)
    check_repaired(lived_in_store)


def refusal(call):
    try:
        call()
    except InputError as error:
        yield str(error)


def test_a_run_that_somebody_publishes_stays_and_one_that_goes_is_not_promoted(lived_in_store):
    folder = lived_in_store.folder
    files.write(folder.path / "upcoming" / "day1" / "0001.json", files.read(folder.policy("day1", 1)))
    assert prune(folder, 1, dry_run=True).kept["day1"] == "it is being published"
    files.remove(folder.path / "upcoming" / "day1" / "0001.json")
    with announcing(folder, ["day1"]), pytest.raises(InputError, match="found a run that is being removed"):
        lived_in_store.promote("day1", reason="good", actor="me")
    check_repaired(lived_in_store)
    lived_in_store.promote("day1", reason="good", actor="me")
    assert current_run(lived_in_store) == "day1"


def test_whoever_prunes_after_a_death_takes_the_notice_back(lived_in_store):
    folder = lived_in_store.folder
    notice = folder.path / "pruning" / "0.json"
    files.write(notice, b'{"runs": ["day1"]}')
    with pytest.raises(
        InputError, match=rf"who removes it says so in {re.escape(str(notice))}; if nobody does"
    ):
        hold(folder, "day1", list)
    assert "day1" in [run.run_id for run in prune(folder, 1).removed]
    check_repaired(lived_in_store)
    files.write(notice, b'{"runs": ["day1"]}')
    assert prune(folder, 1).removed == []
    check_repaired(lived_in_store)


def many(store, s3, count, first=1):
    """Put runs with a model's artifact each, and a policy."""
    recorded = store.record("day0", "2026-01-01T00:00:00Z", policy())
    text = files.read(recorded.path).decode()
    place, runs = str(store.folder.runs).removeprefix("s3://"), {}
    for number in range(first, count + 1):
        as_of = (dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)).isoformat()
        where = f"{place}/r{number}"
        status = {"status": "ok", "group": "online", "as_of": as_of, "run_id": f"r{number}"}
        status["artifact"] = {
            "model": "ets",
            "group": "online",
            "path": f"{store.folder.runs}/r{number}/models/ets/validation_errors.csv",
            "sha256": "0" * 64,
            "rows": 1,
            "written_at": as_of,
            "started_at": as_of,
            "finished_at": as_of,
        }
        runs[f"{where}/models/ets/validation_errors.csv"] = "e"
        runs[f"{where}/models/ets/status.json"] = json.dumps(status)
        own = json.loads(text)
        own["record"] |= {"run_id": f"r{number}", "as_of": as_of}
        runs[f"{where}/policies/0001.json"] = json.dumps(own)
        runs[f"{where}/{MANIFEST_NAME}"] = "{}"
    s3.put(runs)


@pytest.mark.parametrize("keep", [5, 60])
def test_pruning_costs_what_it_removes_however_many_runs_stay(s3_store, s3, keep):
    many(s3_store, s3, keep)
    assert prune(s3_store.folder, keep + 1).removed == []
    files.remove_tree(s3_store.folder.run("day0"))
    many(s3_store, s3, keep + 1, first=keep + 1)
    files.remove_tree(s3_store.folder.run("day0"))
    s3.faults()
    assert [one.run_id for one in prune(s3_store.folder, keep).removed] == ["r1"]
    requests, place = s3.requests()[0], str(s3_store.folder.path).removeprefix("s3:/")
    read = [path for method, path in requests if method == "GET" and path.startswith(place)]
    assert sorted(path.removeprefix(place) for path in read if "/pruning/" not in path) == [
        "/pruning.json",
        f"/runs/r{keep + 1}/models/ets/status.json",
        f"/runs/r{keep + 1}/policies/0001.json",
        f"/runs/r{keep + 1}/train_manifest.json",
    ]
    assert len(requests) == 34
    s3.faults()
    assert prune(s3_store.folder, keep).removed == []
    assert len(s3.requests()[0]) == 12


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"r2": {"digest": "x"}}'])
def test_what_was_known_of_runs_may_be_lost_or_damaged(lived_in_store, content):
    expected = [one.run_id for one in prune(lived_in_store.folder, 4, dry_run=True).removed]
    prune(lived_in_store.folder, 20)
    known = lived_in_store.folder.path / "pruning.json"
    files.remove(known) if content is None else files.write(known, content)
    assert [one.run_id for one in prune(lived_in_store.folder, 4).removed] == expected


def test_a_kept_run_that_was_done_again_is_read_again(lived_in_store):
    prune(lived_in_store.folder, 20)
    status = lived_in_store.folder.run("day9") / "models" / "ets" / "status.json"
    files.write(status, b'{"status": "planned", "carried_from": "day1"}')
    assert prune(lived_in_store.folder, 1).kept["day1"] == "a task of day9 takes a model from it"


def test_what_a_removed_run_trained_is_in_no_index(s3_store, s3):
    many(s3_store, s3, 4)
    until = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
    list(newest_artifacts(s3_store.folder.run("new"), "ets", "online", until))
    index = s3_store.folder.path / "artifacts" / "ets"
    assert len(files.children(index)) == 5
    prune(s3_store.folder, 3)
    names = [child.name.partition("~")[2] for child in files.children(index)]
    assert names == ["r4", "r3", ""]


def counted(s3):
    requests, at_once = s3.requests()
    return {
        kind: [method for method, _ in requests].count(kind) for kind in ("GET", "HEAD", "PUT", "POST")
    }, at_once


@pytest.mark.parametrize("count", [60, pytest.param(300, marks=pytest.mark.sweep)])
def test_many_runs_are_looked_at_many_at_a_time(s3_store, s3, count):
    many(s3_store, s3, count)
    s3.faults(("GET", "status.json", "meet", 4))
    until = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
    found = list(newest_artifacts(s3_store.folder.run("new"), "ets", "online", until))
    counts, at_once = counted(s3)
    assert len(found) == count
    assert found[0].run_id == f"r{count}"
    assert counts["GET"] <= 2 * count + 10
    assert counts["PUT"] == count + 1
    assert at_once >= 4
    s3.faults()
    assert len(prune(s3_store.folder, 10).removed) == count - 9
    counts, at_once = counted(s3)
    assert counts["GET"] <= 3 * (count + 1) + 25  # a listing has pages of 1,000 objects
    assert counts["POST"] <= 4
    assert counts["HEAD"] < 20
    assert len(s3_store.folder.run_folders()) == 10


def test_a_run_that_was_pruned_when_its_promoter_died_is_current_after_the_next_change(lived_in_store):
    before = files.read(lived_in_store.folder.current)
    stored = lived_in_store.policy("day1").raw
    lived_in_store.promote("day1", reason="good", actor="me")
    files.write(lived_in_store.folder.current, before)
    kept = lived_in_store.folder.path / "upcoming" / "day1" / "0001.json"
    files.write(kept, json.dumps(stored).encode())
    files.remove_tree(lived_in_store.folder.run("day1"))
    record(lived_in_store, 10)
    assert current_run(lived_in_store) == "day1"
    assert not files.exists(kept)
