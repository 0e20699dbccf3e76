"""What is shown of the errors of a command that failed."""

import io

import pytest

from elpa_core.runs.error_tail import last_lines


def shown(log, *secrets):
    return last_lines(io.BytesIO(log), secrets)


@pytest.mark.parametrize("length", [2_000, 70_000, 3_000_000])
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_of_a_long_last_line_the_end_is_shown(length, ending):
    (line,) = shown(b"x" * length + b" boom" + ending)
    assert line == "..." + "x" * 995 + " boom"


def test_of_a_long_line_before_the_last_the_end_is_shown():
    assert shown(b"x" * 100_000 + b" boom\nmake: failed\n") == ("..." + "x" * 995 + " boom", "make: failed")


@pytest.mark.parametrize("length", [2, 5_000, 3_000_000])
def test_control_characters_in_a_row_hide_nothing(length):
    for line in shown(b"a\n" + b"\0" * length + b"boom\n" + b"\x1b\0" * length + b"end")[-1:]:
        assert line.lstrip(".\0\x1b") == "end"
        assert len(line) < 20
    (line,) = shown(b"\0" * length + b"boom")
    assert line.lstrip(".") == "\0...boom"


def test_a_single_control_character_and_tabs_stay():
    assert shown(b"\x1b[31m\t\ta\x1b[0m") == ("\x1b[31m\t\ta\x1b[0m",)


@pytest.mark.parametrize("length", range(32_750, 32_790))
def test_the_beginning_of_what_is_read_shows_no_part_of_a_secret(length):
    line = shown(b"hunter22" + b"y" * 1000 + b"\0" * (length - 1000), "hunter22")[0]
    assert "2" not in line
    assert "***" in line or line.startswith("...")


def test_a_character_that_is_cut_in_two_is_left_out():
    (*_, first, last) = shown("\u65e5".encode() * 30_000 + b"\0" * 32_000 + b"\nboom")
    assert "\ufffd" not in first
    assert last == "boom"


def test_a_line_that_begins_where_reading_begins_is_whole():
    line = b"z" * 99 + b"\n"
    assert shown(line * 2_000) == ("z" * 99,) * 20
