"""What a store refuses, in which words, and that nothing is changed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.stores import day, policy, record, run

from elpa_core.errors import InputError
from elpa_core.store import PolicyStore, StoreWriteError


class TestRefusals:
    @pytest.mark.parametrize(
        ("as_of", "found"), [("2026-01-31T06:00:00", '"2026-01-31T06:00:00"'), ("", '""'), ("soon", '"soon"')]
    )
    def test_an_as_of_without_an_offset(self, store, as_of, found):
        with pytest.raises(InputError) as refused:
            store.record("r", as_of, policy())
        assert str(refused.value) == (
            f"run r: $.as_of: found {found}; expected a moment in ISO 8601 with its offset, such as"
            " 2026-01-31T06:00:00+00:00"
        )
        assert not store.folder.root.exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"scores": None}, "$.scores: found null; expected an object"),
            ({"skill": "other"}, '$.skill: found "other"; expected "ELPA"'),
            ({"beta": float("nan")}, "$.beta: found nan; expected a finite number"),
            ({"extra": float("inf")}, "found something that JSON does not have"),
            (
                {"online_weights": {}},
                "$.online_weights: found weights of no model; expected those of the online",
            ),
            (
                {"best_offline_model": "x"},
                "$.offline_weights: found weights of tide; expected those of the off",
            ),
        ],
    )
    def test_what_is_no_policy(self, store, change, words):
        with pytest.raises(InputError) as refused:
            store.record("r", day(1), policy() | change)
        assert f"policy of run r: {words}" in str(refused.value)
        assert not store.folder.root.exists()

    @pytest.mark.parametrize("dag_id", ["", ".", "..", "a/b", "\udcff", "\0"])
    def test_a_dag_id_that_no_folder_can_have(self, tmp_path, dag_id):
        with pytest.raises(InputError, match="found the Dag id"):
            PolicyStore(tmp_path, dag_id)

    @pytest.mark.parametrize("run_id", ["", "\udcff", "\0"])
    def test_a_run_id_that_no_run_can_have(self, store, run_id):
        with pytest.raises(InputError, match="found the run id"):
            store.record(run_id, day(1), policy())

    def test_an_unknown_run_names_the_nearest_ones(self, store):
        for number in (10, 11):
            run(store, number)
        with pytest.raises(InputError) as refused:
            store.policy("dya11")
        assert str(refused.value) == (
            f"{store.folder.runs}/dya11: found no such run; expected the id of a run;"
            ' did you mean "day11" or "day10"?'
        )

    def test_a_run_without_a_policy(self, store):
        run(store, 1)
        store.folder.run("day2").mkdir()
        with pytest.raises(InputError, match="found a run without a policy; expected a run whose integrate"):
            store.promote("day2", reason="now", actor="me")

    def test_a_number_that_the_run_does_not_have(self, store):
        run(store, 1)
        with pytest.raises(InputError, match=r"found no policy 2; expected one of the run's policies: 1$"):
            store.policy("day1", 2)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "found the end of the file; expected JSON"),
            (b'{"skill": "EL', "line 1, column 11"),
            (b"{}", "$.skill: found nothing; expected a value: the field is required"),
            (json.dumps(policy()).encode(), "$.record: found nothing"),
        ],
    )
    def test_a_policy_that_something_else_has_written(self, store, content, words):
        recorded = record(store, 1)
        recorded.path.write_bytes(content)
        with pytest.raises(InputError) as refused:
            store.publish("day1")
        assert f"{recorded.path}: " in str(refused.value)
        assert words in str(refused.value)

    def test_a_policy_of_another_run(self, store):
        path = record(store, 1).path
        path.write_bytes(record(store, 2).path.read_bytes())
        with pytest.raises(InputError, match=r"found policy 1 of run day2; expected policy 1 of run day1"):
            store.publish("day1")

    def test_a_history_that_ends_before_current(self, store):
        for number in (1, 2):
            run(store, number)
        lines = store.folder.history.read_bytes().splitlines(keepends=True)
        store.folder.history.write_bytes(lines[0])
        with pytest.raises(InputError) as refused:
            record(store, 3)
        assert str(refused.value) == (
            f"{store.folder.history}: found publications up to 1; expected publication 2, which is in"
            f" {store.folder.current}; restore history.jsonl from a backup, or move current.json away"
        )


READ_ONLY = """
import os, sys
from pathlib import Path
from elpa_core.store import PolicyStore, StoreWriteError
store = PolicyStore(Path(sys.argv[1]), "pool")
store.current()  # imports what it needs while this user may
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
assert store.current().record.run_id == "day1"
assert len(store.history()) == 1
try:
    store.promote("day2", reason="now", actor="me")
except StoreWriteError as error:
    print(error)
"""


def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_changed():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = PolicyStore(folder, "pool")
        run(store, 1)
        record(store, 2)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, name], capture_output=True, text=True, check=False
            )
        finally:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
        assert done.stderr == ""
        assert done.stdout == (
            f"{store.folder.path}/.lock: Permission denied; the policy store could not be changed, and the"
            " current policy is as it was: make room or get the right to write there, and try again\n"
        )


def test_a_file_where_the_store_should_be_is_an_error_that_names_it(store):
    store.folder.root.write_text("")
    with pytest.raises(StoreWriteError, match=r"store.*: Not a directory|store.*: File exists"):
        record(store, 1)
