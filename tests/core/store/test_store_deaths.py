"""A change that dies, or finds the disk full, at any of its file operations. Runs in about 8 seconds."""

import json
import shutil
import subprocess
import sys

import pytest
from support.death_cases import (
    BY_HAND,
    ON_FILLED,
    case_name,
    filled,
    full,
    history_of,
    kept_policies,
    shares,
    undecided,
)
from support.programs import PROGRAMS
from support.programs.change import carry_out
from support.programs.interruptions import full_disk, operations, sample
from support.stores import actions, check, check_repaired, day, record, run

from elpa_core.errors import InputError
from elpa_core.store import PolicyStore, StoreWriteError
from elpa_core.store.local import append_history


def empty(store):
    store.folder.root.mkdir()


def left_behind(store):
    """The last change died after its decision, and left the start of a line behind it."""
    filled(store)
    before = store.folder.current.read_bytes()
    store.promote("day1", reason="by hand", actor="me")
    store.folder.current.write_bytes(before)
    (store.folder.path / ".current.next").write_bytes(b"{")
    with store.folder.history.open("ab") as history:
        history.write(b'{"number": 5, "when": "2026-01-')


CASES = [
    *ON_FILLED,
    (empty, ("run", "day5", day(5))),
    (undecided, ("promote", "day4")),
    pytest.param(full, ("run", "day5", day(5)), marks=pytest.mark.slow),
    (left_behind, ("publish", "day4")),
]
MET = {
    "run": {"mkdir", "open", "flock", "write", "fchmod", "fsync", "link", "unlink", "replace", "ftruncate"},
    "prune": {"open", "flock", "rename", "fsync", "unlink", "rmdir"},
}


@shares(3)
@pytest.mark.parametrize(("make", "action"), CASES, ids=case_name)
def test_a_change_killed_at_any_file_operation_is_repaired_by_the_next(quick_path, make, action, every):
    template = PolicyStore(quick_path / "template", "pool")
    make(template)
    before = history_of(template)
    expected = PolicyStore(quick_path / "expected", "pool")
    shutil.copytree(template.folder.root, expected.folder.root)
    carry_out(expected.folder.root, *action)
    decided = history_of(expected)
    program = [sys.executable, PROGRAMS / "change.py", "kill", str(every)]
    program += [template.folder.root, quick_path, *action]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names, places = json.loads(done.stdout)
    met = {names[at] for at in places}
    assert met == set(names) >= MET.get(action[0], {"open", "flock", "unlink", "write", "fsync"})
    for at in places:
        where = f"killed at operation {at}, {names[at]}"
        store = PolicyStore(quick_path / str(at), "pool")
        check(store)
        left = history_of(store)
        assert left in (before, decided), where
        policies = kept_policies(store)
        # Airflow tries again in any case; a person looks at the history first.
        if action[0] not in BY_HAND or left == before:
            carry_out(store.folder.root, *action)
            check_repaired(store)
        assert run(store, 9).entry.action == "published", where
        check_repaired(store)
        assert set(decided) < set(history_of(store)) or action[0] == "run", where
        assert policies.items() <= kept_policies(store).items() or action[0] == "prune", where
        if action[0] == "prune":
            assert {path.name for path in store.folder.runs.iterdir()} == {
                *expected.folder.run_folders(),
                "day9",
            }, where
        assert list(store.folder.path.rglob("*.tmp")) == [], where


@shares(3)
@pytest.mark.parametrize("for_good", [True, False], ids=["for good", "once"])
@pytest.mark.parametrize(("make", "action"), CASES[:-1], ids=case_name)
def test_a_full_disk_at_any_file_operation_leaves_what_was_current(quick_path, make, action, for_good, every):
    template = PolicyStore(quick_path / "template", "pool")
    make(template)
    before, was_current = history_of(template), contents(template.folder.current)
    whole = PolicyStore(quick_path / "whole", "pool")
    shutil.copytree(template.folder.root, whole.folder.root)
    names = []
    with operations(lambda _, name: names.append(name)):
        carry_out(whole.folder.root, *action)
    assert len(names) > 5
    for at in sample(names, every):
        store = PolicyStore(quick_path / str(at), "pool")
        shutil.copytree(template.folder.root, store.folder.root)
        met = []
        message = ""
        with operations(full_disk(at, met, for_good=for_good)):
            try:
                carry_out(store.folder.root, *action)
            except StoreWriteError as error:
                message = str(error)
        assert met[0] == names[at]
        where = f"disk full at operation {at}, {met[0]}: {message}"
        check(store)
        if message:
            assert f"{store.folder.path}" in message
            assert "No space left on device" in message
        if message and "is decided" not in message:
            assert history_of(store) == before, where
            assert contents(store.folder.current) == was_current, where
        assert run(store, 9).entry.action == "published", where
        check_repaired(store)


def contents(path):
    return path.read_bytes() if path.exists() else None


def test_the_start_of_a_line_is_passed_over_and_cut_off(store):
    run(store, 1)
    whole = store.folder.history.read_bytes()
    for length in range(1, len(whole)):
        store.folder.history.write_bytes(whole + whole[:length])
        assert actions(store) == ["published day1 1"]
    record(store, 2)
    store.publish("day2")
    assert store.folder.history.read_bytes().startswith(whole)
    assert actions(store) == ["published day1 1", "published day2 1"]


def test_zeros_that_a_power_failure_left_are_cut_off(store):
    run(store, 1)
    with store.folder.history.open("ab") as history:
        history.write(bytes(300))
    run(store, 2)
    assert actions(store) == ["published day1 1", "published day2 1"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"torn\n", 'line 2: found "torn"; expected one decision as JSON; restore the file from a backup'),
        (b"null\n", "line 2: $: found null; expected an object"),
        (b"\n", 'line 2: found ""; expected one decision'),
        (b'{"action": "published"}\n', "line 2: $.when: found nothing; expected a value"),
        (b"\xff\n", 'line 2: found "\\\\xff"; expected one decision'),
    ],
)
def test_a_whole_line_that_is_no_decision_is_refused(store, line, words):
    run(store, 1)
    with store.folder.history.open("ab") as history:
        history.write(line)
    with pytest.raises(InputError) as refused:
        run(store, 2)
    assert f"{store.folder.history}, {words}" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": 1}, "found publication 1; expected a number greater than 1"),
        ({"action": "recorded"}, "found a publication number; expected none where nothing was published"),
        (
            {"action": "rolled_back", "restores": 7},
            "found a rollback to publication 7; expected one to a pub",
        ),
    ],
)
def test_a_line_that_cannot_follow_is_refused(store, change, words):
    entry = run(store, 1).entry
    other = entry.model_copy(update={"number": 2, **change})
    append_history(store.folder.history, other, store.folder.history.stat().st_size)
    with pytest.raises(InputError) as refused:
        run(store, 2)
    assert f"{store.folder.history}, line 2: {words}" in str(refused.value)
