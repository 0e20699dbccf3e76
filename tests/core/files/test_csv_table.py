"""CSV tables and the numbers in their cells. Under 1 s."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elpa_core.errors import InputError
from elpa_core.files.csv_cells import float_or_nan, forecast_cell, number_cell, whole_number_cell
from elpa_core.files.csv_table import csv_rows, read_csv_table

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=5)
)


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@settings(deadline=None, max_examples=200)
@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_what_the_csv_module_writes_is_read_as_it_was(tmp_path_factory, table, line_end, mark):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
    path = write(tmp_path_factory.mktemp("t") / "table.csv", mark + text.getvalue().encode())
    assert read_csv_table(path) == (table[0], table[1:])


def test_empty_lines_are_no_rows_anywhere(tmp_path):
    path = write(tmp_path / "table.csv", "\n\na,b\n\n1,\r\n\r\n,2")
    assert read_csv_table(path) == (["a", "b"], [["1", ""], ["", "2"]])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", ": found no rows; expected a header and at least one row"),
        (b"\n\n", ": found no rows; expected a header and at least one row"),
        (b"a,b\n", ": found no rows; expected a header and at least one row"),
        (b"a,b\n1,2\n\n3\n", ": row 1: found 1 cell; expected 2 cells, as in the header"),
        (b"a,b\n1,2,3\n", ": row 0: found 3 cells; expected 2 cells, as in the header"),
        (b"a,b\n1,\xff\n", ": byte 6: found another encoding; expected UTF-8 text"),
        (b"a,b\n1,x\ry\n", ": row 1: found 1 cell; expected 2 cells, as in the header"),
        (b'a,b\n1,"' + b"x" * 200_000 + b'"\n', ": found field larger than field limit (131072)"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path, data, problem):
    path = write(tmp_path / "table.csv", data)
    with pytest.raises(InputError) as caught:
        read_csv_table(path)
    assert str(caught.value).startswith(f"{path}{problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path, found, hint in (
        (tmp_path / "none.csv", "no such file or directory", f"; {tmp_path} is empty"),
        (tmp_path, "is a directory", ""),
    ):
        with pytest.raises(InputError) as caught:
            read_csv_table(path)
        assert str(caught.value) == f"{path}: found {found}; expected a CSV file that can be read{hint}"


def test_no_line_is_read_before_its_row_is_asked_for():
    read: list[str] = []

    def lines() -> Iterator[str]:
        for line in ("a,b\n", "1,2\n", "3\n", "4,5\n"):
            read.append(line)
            yield line

    header, rows = csv_rows(lines(), "pipe")
    assert (header, read) == (["a", "b"], ["a,b\n"])
    assert (next(rows), read) == (["1", "2"], ["a,b\n", "1,2\n"])
    with pytest.raises(InputError, match=r"^pipe: row 1: found 1 cell; expected 2 cells, as in the header$"):
        next(rows)
    assert read[-1] == "3\n"


def test_a_text_without_a_line_has_no_header_and_no_rows():
    header, rows = csv_rows([], "pipe")
    assert (header, list(rows)) == ([], [])


NUMBERS = ["0", "-3", ".5", "1.5e-3", " 2 ", "1e308", "5e-324", "\u00a07\u2003", "0.1"]
NO_NUMBERS = ["", " ", "x", "1_000", "٣", "1,5", "0x1", "1 2"]
PLACE = ("t.csv", 3, "c")


def refused(read, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        read(*PLACE, *arguments)
    return str(caught.value)


@pytest.mark.parametrize("text", NUMBERS)
def test_plain_decimals_are_read_as_float_reads_them(text):
    read = [float_or_nan(text), number_cell(*PLACE, text, math.inf), forecast_cell(*PLACE, text)]
    assert read == [float(text)] * 3


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_plain_decimal_is_refused(text):
    assert math.isnan(float_or_nan(text))
    place = f't.csv: row 3, column c: found "{text}"; expected '
    assert refused(number_cell, text, 10) == place + "a number within ±10"
    assert refused(whole_number_cell, text) == place + "a whole number"
    if text.strip():
        assert refused(forecast_cell, text) == place + "a number, or blank if there is none"


def test_a_blank_forecast_is_none_and_others_need_not_be_finite():
    assert math.isnan(forecast_cell(*PLACE, ""))
    assert math.isnan(forecast_cell(*PLACE, " "))
    assert math.isnan(forecast_cell(*PLACE, "nan"))
    assert forecast_cell(*PLACE, "-inf") == -math.inf


def test_a_number_keeps_to_its_bound():
    assert (number_cell(*PLACE, "-10", 10), number_cell(*PLACE, "10", 10)) == (-10.0, 10.0)
    for text in ("10.001", "-10.001", "nan", "inf", "1e999"):
        assert f'found "{text}"; expected a number within ±10' in refused(number_cell, text, 10)


def test_a_whole_number_has_no_fraction_and_no_bound():
    assert whole_number_cell(*PLACE, " -12 ") == -12
    assert whole_number_cell(*PLACE, "9" * 30) == int("9" * 30)
    for text in ("1.0", "1e3", "nan"):
        assert "expected a whole number" in refused(whole_number_cell, text)
