"""What the system refuses is said with its place, by readers and by writers of a store. Under 1 s."""

import os
from pathlib import Path

import pytest
from upath import UPath

from elpa_core.errors import InputError
from elpa_core.files.atomic import write_atomic
from elpa_core.files.os_errors import as_error_of, as_input_error
from elpa_core.files.strict_json import read_file, read_object
from elpa_core.store.errors import StoreWriteError, as_store_error

FULL = Path("/dev/full")


def write_to_a_full_disk() -> None:
    """Let the system refuse a write to a descriptor: its error names no file."""
    handle = os.open(FULL, os.O_WRONLY)
    try:
        os.write(handle, b"x")
    finally:
        os.close(handle)


class TestAsInputError:
    @pytest.mark.parametrize("place", [Path("table.csv"), "standard input"])
    def test_it_names_the_place_and_what_should_be_there(self, place):
        with pytest.raises(InputError) as caught, as_input_error(place, "a table"):
            write_to_a_full_disk()
        (problem,) = caught.value.problems
        assert (problem.source, problem.place) == (str(place), "")
        assert (problem.found, problem.expected) == ("no space left on device", "a table")
        assert isinstance(caught.value.__cause__, OSError)

    def test_it_names_the_file_that_the_error_names(self, tmp_path):
        inner = tmp_path / "inner.csv"
        with pytest.raises(InputError, match="found no such file or directory") as caught:  # noqa: SIM117
            with as_input_error(tmp_path, "a folder of tables"):
                inner.read_bytes()
        assert caught.value.problems[0].source == str(inner)

    def test_it_changes_only_the_first_letter_of_a_reason(self):
        with pytest.raises(InputError, match="found bucket Elpa has no Key;"), as_input_error("x", "y"):
            raise OSError(5, "Bucket Elpa has no Key")

    def test_a_reason_without_a_number_is_said_too(self):
        with pytest.raises(InputError, match="x: found torn; expected y"), as_input_error("x", "y"):
            raise OSError("Torn")

    def test_other_errors_go_through(self):
        with pytest.raises(ValueError, match=r"^other$"), as_input_error("x", "y"):
            raise ValueError("other")


class TestAsErrorOf:
    def test_it_keeps_the_kind_and_names_the_place(self, tmp_path):
        with pytest.raises(FileNotFoundError) as caught, as_error_of(tmp_path / "shown"):
            (tmp_path / "temporary").read_bytes()
        assert caught.value.filename == str(tmp_path / "shown")
        assert caught.value.strerror == "No such file or directory"

    def test_an_error_without_a_name_gets_one(self):
        with pytest.raises(OSError, match="No space left on device: 'standard output'"):  # noqa: SIM117
            with as_error_of("standard output"):
                write_to_a_full_disk()

    def test_a_file_that_is_written_in_one_step_is_named_not_its_temporary_one(self, tmp_path):
        (tmp_path / "policy.json").mkdir()
        with pytest.raises(IsADirectoryError) as caught:
            write_atomic(tmp_path / "policy.json", b"x")
        assert caught.value.filename == str(tmp_path / "policy.json")


class TestAsStoreError:
    def test_on_a_disk_it_says_to_make_room(self, tmp_path):
        with pytest.raises(StoreWriteError) as caught, as_store_error(tmp_path):
            write_to_a_full_disk()
        assert str(caught.value) == (
            f"{tmp_path}: No space left on device; the policy store could not be changed, and the"
            " current policy is as it was: make room or get the right to write there, and try again"
        )

    def test_on_object_storage_it_says_to_look_at_the_bucket(self):
        with pytest.raises(StoreWriteError) as caught, as_store_error(UPath("memory://bucket/elpa")):
            raise OSError(5, "the bucket is gone", "memory://bucket/elpa/history.jsonl")
        assert str(caught.value).startswith("memory://bucket/elpa/history.jsonl: the bucket is gone; ")
        assert "see that the bucket is there" in str(caught.value)

    def test_a_refusal_inside_goes_through(self, tmp_path):
        with pytest.raises(InputError), as_store_error(tmp_path):
            read_file(tmp_path / "none.json")


class TestAJsonFile:
    def test_in_a_folder_of_strange_files_it_is_refused_by_its_kind(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.json")
        for path, found in ((tmp_path / "pipe.json", "no regular file"), (tmp_path, "a folder")):
            with pytest.raises(InputError) as caught:
                read_object(path)
            assert str(caught.value) == f"{path}: found {found}; expected a JSON file that can be read"

    def test_a_pipe_is_read_where_a_caller_asks_for_it(self, tmp_path):
        """As ``<(...)`` in bash hands one on."""
        reader, writer = os.pipe()
        os.write(writer, b'{"a": 1}')
        os.close(writer)
        try:
            assert read_object(Path(f"/dev/fd/{reader}"), or_pipe=True) == {"a": 1}
        finally:
            os.close(reader)
        with pytest.raises(InputError, match="found a folder"):
            read_object(tmp_path, or_pipe=True)
