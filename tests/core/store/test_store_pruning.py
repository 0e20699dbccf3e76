"""Which folders of runs go, and which never do. Runs in about a second."""

import json
import os
import threading
import time

import pytest
from support.stores import actions, check_repaired, current_run, day, policy, record, run

from elpa_core.errors import ArtifactError, InputError
from elpa_core.runs.folder import CONFIG_NAME, MANIFEST_NAME
from elpa_core.store import StoreWriteError
from elpa_core.store.holding import hold
from elpa_core.store.pruning import prune

LONG_AGO = time.time() - 10 * 86_400


def names(store):
    return sorted(path.name for path in store.folder.runs.iterdir())


def finish(store, run_id, *, keep_runs=None, as_of=None):
    """Write what a run leaves besides its policies, config first, manifest last."""
    run_dir = store.folder.run(run_id)
    model = run_dir / "models" / "ets"
    model.mkdir(parents=True, exist_ok=True)
    options = {} if keep_runs is None else {"keep_runs": keep_runs}
    (run_dir / CONFIG_NAME).write_text(json.dumps({"airflow": options}))
    (model / "status.json").write_text('{"status": "ok"}')
    (run_dir / MANIFEST_NAME).write_text(json.dumps({"run_id": run_id, "as_of": as_of}))
    return run_dir


def full_run(store, number, content=None, **options):
    outcome = run(store, number, content)
    finish(store, f"day{number}", **options)
    return outcome


def carried(origin):
    content = policy()
    content["errors"]["tide"]["carried_from"] = origin
    return content


@pytest.fixture
def ten(store):
    for number in range(1, 11):
        full_run(store, number)
    return store


def test_the_newest_stay_by_as_of_and_the_run_that_a_rollback_goes_back_to(ten):
    pruned = prune(ten.folder, 1)
    assert [r.run_id for r in pruned.removed] == [f"day{number}" for number in range(1, 9)]
    assert names(ten) == ["day10", "day9"]
    assert (pruned.newest, pruned.kept) == (1, {"day9": "a rollback goes back to it"})
    check_repaired(ten)


def test_a_backfilled_run_is_as_old_as_its_as_of(ten):
    full_run(ten, 11)
    full_run(ten, 5)
    prune(ten.folder, 3)
    assert names(ten) == ["day10", "day11", "day9"]


def test_a_dry_run_says_the_same_and_changes_nothing(ten, snapshot):
    before = snapshot()
    dry = prune(ten.folder, 2, dry_run=True)
    assert snapshot() == before
    assert dry == prune(ten.folder, 2)


def test_the_current_run_stays_however_old(ten):
    ten.promote("day2", reason="best so far", actor="me")
    pruned = prune(ten.folder, 2)
    assert names(ten) == ["day10", "day2", "day9"]
    assert pruned.kept == {"day2": "current"}


def test_a_run_that_was_ever_promoted_stays(ten):
    ten.promote("day2", reason="best so far", actor="me")
    full_run(ten, 12)
    full_run(ten, 13)
    assert prune(ten.folder, 2).kept == {"day2": "promoted by hand"}


def test_runs_that_kept_policies_take_models_from_stay_and_those_behind_them(store):
    full_run(store, 1)
    full_run(store, 2, carried("day1"))
    full_run(store, 3)
    full_run(store, 4, carried("day2"))
    full_run(store, 5, carried("gone"))
    full_run(store, 6)
    pruned = prune(store.folder, 3)
    assert names(store) == ["day1", "day2", "day4", "day5", "day6"]
    assert pruned.kept == {
        "day1": "the policy of day2 takes a model from it",
        "day2": "the policy of day4 takes a model from it",
    }


def test_an_earlier_policy_of_a_kept_run_counts_too(store):
    full_run(store, 1)
    for number in (2, 3):
        full_run(store, number)
    run(store, 4, carried("day1"))
    full_run(store, 4)
    prune(store.folder, 1)
    assert names(store) == ["day1", "day4"]


@pytest.mark.parametrize(
    ("status", "stays"),
    [
        ({"status": "planned", "carried_from": "day1"}, True),
        ({"status": "failed", "carried_from": "day1"}, True),
        ({"status": "running", "warm_started_from": "day1"}, True),
        ({"status": "ok", "warm_started_from": "day1"}, False),
        ({"status": "ok", "carried_from": None, "warm_started_from": None}, False),
        ({"status": "ok", "carried_from": 1}, False),
    ],
    ids=str,
)
def test_a_run_stays_from_which_another_takes_a_model_that_has_no_policy_yet(store, status, stays):
    for number in (1, 2, 3):
        full_run(store, number)
    going_on = finish(store, "day4", as_of=day(4))
    (going_on / "models" / "ets" / "status.json").write_text(json.dumps(status))
    pruned = prune(store.folder, 1)
    assert pruned.kept.get("day1") == ("a task of day4 takes a model from it" if stays else None)
    assert ("day1" in names(store)) == stays


def test_nobody_prunes_while_a_run_writes_down_from_which_one_it_takes_a_model(store):
    for number in (1, 2, 3):
        full_run(store, number)
    going_on = finish(store, "day4", as_of=day(4))
    pruning = threading.Thread(target=prune, args=(store.folder, 1))

    def write():
        pruning.start()
        assert (store.folder.run("day1") / MANIFEST_NAME).exists()
        status = {"status": "planned", "carried_from": "day1"}
        (going_on / "models" / "ets" / "status.json").write_text(json.dumps(status))

    hold(store.folder, "day1", write)
    pruning.join()
    assert names(store) == ["day1", "day2", "day3", "day4"]
    with pytest.raises(ArtifactError, match="no such folder; expected the run whose training this one takes"):
        hold(store.folder, "gone", write)


class TestRunning:
    def kept(self, store):
        return prune(store.folder, 1, dry_run=True).kept.get("day1")

    @pytest.fixture(autouse=True)
    def old(self, store):
        for number in (1, 2, 3):
            full_run(store, number)
        assert self.kept(store) is None
        return store.folder.run("day1")

    @pytest.mark.parametrize("content", ['{"status": "running"}', '{"status": '])
    def test_a_model_that_runs(self, store, old, content):
        (old / "models/ets/status.json").write_text(content)
        os.utime(old / "models/ets/status.json", (LONG_AGO, LONG_AGO))
        assert self.kept(store) == "running, says models/ets/status.json"

    @pytest.mark.parametrize("part", ["models/ets/status.json", "generations/1.json", "models/new"])
    def test_work_after_the_manifest(self, store, old, part):
        ended = (old / MANIFEST_NAME).stat().st_mtime
        path = old / part
        path.parent.mkdir(exist_ok=True)
        if part == "models/new":
            path.mkdir()
            path = path.parent
        else:
            path.write_text('{"status": "ok"}')
        os.utime(path, (ended + 1, ended + 1))
        assert self.kept(store).startswith("running: it was worked on during the last day")

    def test_no_manifest_yet(self, store, old):
        (old / MANIFEST_NAME).unlink()
        assert self.kept(store).startswith("running: it was worked on during the last day")
        for path in [old, *old.rglob("*")]:
            os.utime(path, (LONG_AGO, LONG_AGO))
        assert self.kept(store) is None

    def test_a_run_that_the_caller_knows_to_run(self, store):
        assert prune(store.folder, 1, running=["day1"], dry_run=True).kept["day1"] == "running"


def test_a_run_without_a_policy_is_as_old_as_its_manifest_says(ten):
    ten.folder.run("failed").mkdir()
    finish(ten, "failed", as_of=day(4))
    prune(ten.folder, 3)
    assert "failed" not in names(ten)


def test_a_folder_that_tells_nothing_is_as_old_as_its_last_change(ten):
    for name, when in (("fresh", time.time()), ("stale", 0)):
        (ten.folder.runs / name).mkdir()
        (ten.folder.runs / name / MANIFEST_NAME).write_text("{torn")
        os.utime(ten.folder.runs / name, (when, when))
    (ten.folder.runs / "a file").write_text("")
    prune(ten.folder, 1)
    assert names(ten) == ["a file", "day10", "day9", "fresh"]


def test_how_many_is_taken_from_the_newest_config(ten):
    finish(ten, "day9", keep_runs=1)
    finish(ten, "day10", keep_runs=4)
    prune(ten.folder)
    assert names(ten) == ["day10", "day7", "day8", "day9"]


@pytest.mark.parametrize("value", [None, "4", True, 1.5])
def test_how_many_must_be_said(ten, value):
    path = ten.folder.run("day10") / CONFIG_NAME
    path.write_text(json.dumps({"airflow": {"keep_runs": value}}))
    with pytest.raises(InputError) as refused:
        prune(ten.folder)
    assert f"{path}: $.airflow.keep_runs: found " in str(refused.value)
    assert "set airflow.keep_runs in the config, or give --keep N" in str(refused.value)


@pytest.mark.parametrize("keep", [0, -1])
def test_at_least_one_run_is_kept(ten, keep):
    with pytest.raises(InputError, match=f"--keep: found {keep}; expected at least 1"):
        prune(ten.folder, keep)


def test_a_policy_of_a_kept_run_that_cannot_be_read_stops_it(ten, snapshot):
    (ten.folder.run("day10") / "policies/0001.json").write_text("{")
    before = snapshot()
    with pytest.raises(InputError, match=r"day10/policies/0001\.json"):
        prune(ten.folder, 1)
    assert snapshot() == before


def test_the_history_keeps_its_lines_and_a_pruned_run_is_named_as_such(ten):
    before = actions(ten)
    prune(ten.folder, 1)
    assert actions(ten) == before
    with pytest.raises(
        InputError, match="found a run whose folder was removed, as elpa runs prune does; exp"
    ):
        ten.promote("day3", reason="once more", actor="me")
    ten.rollback(reason="bad", actor="me")
    assert current_run(ten) == "day9"
    with pytest.raises(InputError, match="found no publication before the current one whose policy is still"):
        ten.rollback(reason="bad", actor="me")


def test_what_an_earlier_pruning_left_is_removed(ten):
    ten.folder.run("day1").rename(ten.folder.runs / ".trash-0-day1")
    assert len(ten.folder.run_folders()) == 9
    assert prune(ten.folder, 9).removed == []
    assert not list(ten.folder.runs.glob(".trash-*"))


def test_a_folder_that_cannot_be_removed_is_named(ten):
    trash, other = ten.folder.runs / ".trash-0-day1", ten.folder.runs / ".trash-1-day1"
    trash.write_text("")
    other.mkdir()
    with pytest.raises(
        StoreWriteError, match=r"/\.trash-0-day1: Not a directory; the run is out of the store"
    ):
        prune(ten.folder, 9)
    assert (trash.exists(), other.exists()) == (True, False)


def test_long_run_ids_are_pruned_too(store):
    for number in (1, 2, 3):
        run_id = f"{number}" * 240
        store.record(run_id, day(number), policy())
        store.publish(run_id)
        finish(store, run_id)
    record(store, 4)
    pruned = prune(store.folder, 1)
    assert [r.run_id for r in pruned.removed] == ["1" * 240]


def test_folders_nested_too_deeply_are_said_to_stay(ten, nest):
    nest(ten.folder.run("day1") / "models" / "ets")
    said = ""
    try:
        prune(ten.folder, 8)
    except StoreWriteError as error:
        said = str(error)
    # Later versions of Python remove any depth.
    for trash in ten.folder.runs.glob(".trash-*"):
        assert trash.name.endswith("-day1")
        reason = "folders nested too deeply to be removed, other than by rm -r; the run is out of the store"
        assert said.startswith(f"{trash}: {reason}")
    assert ten.folder.run_ids() == [f"day{number}" for number in (10, *range(3, 10))]
