"""Of a file that is not there, the message says what lies in its folder."""

import os
from pathlib import Path

import pytest

from elpa_core.errors import InputError, one_line
from elpa_core.files.csv_table import read_csv_table
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.os_errors import as_input_error


def test_the_files_are_listed_in_order_and_shortened(tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02}.csv").touch()
    (tmp_path / "00.csv").unlink()
    (tmp_path / "00").mkdir()
    (tmp_path / ".hidden").touch()
    names = ", ".join(['"00/"', *(f'"{number:02}.csv"' for number in range(1, 12))])
    assert what_is_there(tmp_path / "none.csv") == f"{tmp_path} holds {names} and 8 more"


def test_of_a_missing_folder_the_nearest_parent_is_shown(tmp_path):
    (tmp_path / "data").mkdir()
    assert what_is_there(tmp_path / "dta" / "old" / "x.csv") == (
        f'there is no folder {tmp_path}/dta; {tmp_path} holds "data/"'
    )
    assert what_is_there(tmp_path / "data" / "x.csv") == f"{tmp_path}/data is empty"


def test_a_relative_path_shows_where_it_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "errors.csv").touch()
    assert what_is_there("error.csv") == f'{tmp_path} holds "errors.csv"'


def test_a_link_to_nothing_says_where_it_leads(tmp_path):
    (tmp_path / "pool.json").symlink_to("gone.json")
    assert what_is_there(tmp_path / "pool.json") == 'it is a link to "gone.json"'


def test_hostile_names_stay_on_one_line_and_are_shortened(tmp_path):
    (tmp_path / "a\n\x1b[31m").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff")).touch()
    (tmp_path / ("c" * 250)).touch()
    found = one_line(what_is_there(tmp_path / "none.csv"))
    assert found.removeprefix(f"{tmp_path} holds ") == ('"a\\n\\x1b[31m", "b\\udcff", "' + "c" * 57 + '..."')


def test_of_very_many_files_not_all_are_read(tmp_path):
    for number in range(10_050):
        (tmp_path / str(number)).touch()
    assert what_is_there(tmp_path / "none.csv").startswith(
        f"{tmp_path} holds more than 10000 files, such as "
    )
    assert what_is_there(tmp_path / "none.csv").count('"') == 2 * 12


def test_where_the_system_refuses_to_look_nothing_is_said(tmp_path):
    assert what_is_there(tmp_path / ("y" * 300) / "z") == ""


def test_readers_say_it(tmp_path):
    (tmp_path / "there.csv").touch()
    with pytest.raises(InputError) as caught:
        read_csv_table(tmp_path / "none.csv")
    assert str(caught.value) == (
        f"{tmp_path}/none.csv: found no such file or directory; expected a CSV file that can be read;"
        f' {tmp_path} holds "there.csv"'
    )


def test_of_object_storage_nothing_is_listed():
    with pytest.raises(InputError) as caught, as_input_error("s3://bucket/none.json", "a JSON file"):
        raise FileNotFoundError(2, "No such key", "s3://bucket/none.json")
    assert caught.value.problems[0].hint == ""
