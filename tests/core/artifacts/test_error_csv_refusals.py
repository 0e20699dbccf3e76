"""Error CSVs that are refused, each by file and place."""

import os
from pathlib import Path

import pytest
from support.error_csvs import BOM, with_blocks_of

from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.errors import ArtifactError

BAD = {
    "empty": (b"", ["found an empty file", 'expected a header with a column "abs_error"']),
    "a BOM alone": (BOM, ["found an empty file"]),
    "empty lines alone": (b"\n\r\n\n", ["found an empty file"]),
    "header only": (b"t,abs_error\n", ["found a header and no row"]),
    "header without a newline": (b"t,abs_error", ["found a header and no row"]),
    "blank rows only": (b"t,abs_error\na,\nb, \n", ["found a blank needed cell in every row (2 in all)"]),
    "no usable column": (
        b"time,abs_err,x\n1,2,3\n",
        ["line 1: ", 'found columns "time", "abs_err", "x"', 'rename "abs_err" to "abs_error"'],
    ),
    "y_true alone": (b"y_true,y_pred\n1,2\n", ['columns "y_true", "y_pred"', 'rename "y_pred" to "pred"']),
    "many columns": (",".join(f"c{i}" for i in range(30)).encode() + b"\n1\n", ['"c9" and 20 more']),
    "semicolons": (b"t;abs_error\n1;2\n", ["separate the cells by commas"]),
    "abs_error twice": (b"abs_error,t,abs_error\n1,2,1\n", ['line 1: found 2 columns "abs_error"']),
    "pred twice": (b"pred,y_true,pred\n1,2,1\n", ['found 2 columns "pred"']),
    "a word": (b"t,abs_error\na,1\nb,\nc,one\n", ['row 3 (line 4), column "abs_error": found "one"']),
    "NaN": (b"y_true,pred\n1,2\n1,NaN\n", ['row 2 (line 3), column "pred": found "NaN"']),
    "infinity": (b"abs_error\n1\n-Infinity\n", ['row 2 (line 3), column "abs_error": found "-Infinity"']),
    "both infinite": (b"y_true,pred\ninf,inf\n", ['column "y_true": found "inf"']),
    "an underscore": (b"abs_error\n1_000\n", ['found "1_000"', "decimal notation"]),
    "hexadecimal": (b"abs_error\n0x10\n", ['found "0x10"']),
    "digits of another script": ("abs_error\n1\n٣\n".encode(), ["row 2 (line 3)", 'found "٣"']),
    "a point alone": (b"abs_error\n1.0\n.\n", ['row 2 (line 3), column "abs_error": found "."']),
    "two signs": (b"abs_error\n--1.0\n", ['found "--1.0"']),
    "a sign inside": (b"abs_error\n1-1.0\n1.-5\n", ["row 1 (line 2)", 'found "1-1.0"']),
    "a sign behind the point": (b"abs_error\n.-5\n", ['found ".-5"']),
    "a sign alone": (b"abs_error\n-.\n5.0\n", ["row 1 (line 2)", 'found "-."']),
    "two points": (b"abs_error\n1.2.3\n4\n", ['found "1.2.3"']),
    "two numbers": (b"abs_error\n1 2\n", ['found "1 2"']),
    "a comma in a number": (b"abs_error\n1,5\n", ["row 1 (line 2): found 2 cells; expected 1 cell"]),
    "too large": (b"abs_error\n1\n1e400\n", ["row 2 (line 3)", '"1e400", which is beyond the largest']),
    "too large in digits": (b"abs_error\n" + b"9" * 310 + b".0\n", ["beyond the largest double"]),
    "difference overflows": (
        b"y_true,pred\n1,2\n1.5e308,-1.5e308\n",
        ["row 2 (line 3): found y_true 1.5e+308 and pred -1.5e+308, whose difference overflows"],
    ),
    "sum overflows": (
        b"abs_error\n1\n1e308\n\n-1e308\n",
        ["row 3 (line 5): ", "sum of all so far overflows"],
    ),
    "sum overflows in quotes": (b'abs_error\n"1e308"\n"1e308"\n', ["row 2 (line 3): ", "overflows"]),
    "too few cells": (b"t,abs_error\na,1\nb\n", ["row 2 (line 3): found 1 cell; expected 2 cells"]),
    "too many cells": (b"t,abs_error\n\na,1,\n", ["row 1 (line 3): found 3 cells; expected 2 cells"]),
    "one too many, one too few": (b"a,pred,y_true\n1,2,3,4\n5,6\n", ["row 1 (line 2): found 4 cells"]),
    "spaces for a row": (b"t,abs_error\na,1\n \n", ["row 2 (line 3): found 1 cell"]),
    "Latin-1": (b"t,abs_error\na,1\nb\xe9,2\n", ["line 3, byte 17 of the file: found the byte 0xe9"]),
    "Latin-1 after a BOM": (BOM + b"t,abs_error\nb\xe9,2\n", ["line 2, byte 16 of the file"]),
    "Latin-1 in quotes": (b't,abs_error\n"a\nb\xe9",2\n', ["line 3, byte 16 of the file"]),
    "UTF-16": ("abs_error\n1\n".encode("utf-16"), ["line 1, byte 0 of the file", "save the file as UTF-8"]),
    "an open quote": (b't,abs_error\na,1\n"b,2\nc,3\n', ["line 3: found malformed CSV"]),
    "text after a quote": (b't,abs_error\n"a"b,2\n', ["line 2: found malformed CSV"]),
    "an open quote in the header": (b't,"abs_error\n1,2\n', ["line 1: found malformed CSV"]),
    "CR alone": (b"abs_error,t\n1,a\n2,a\r3,b\n", ["line 3: found a carriage return inside a line"]),
    "CR alone beside": (b"t,abs_error\na\rb,2\n", ["line 2: found a carriage return inside a line"]),
    "CR alone as line end": (b"abs_error\r1\r2\r", ["line 1: found a carriage return", "LF or CRLF"]),
    "an endless cell": (
        b"t,abs_error\n" + b"a" * 140_000 + b",2\n",
        ["line 2: found malformed CSV", "limit"],
    ),
    "an endless line": (b"abs_error\n1\n" + b"1," * 800_000, ["line 3: found more than 1048576 bytes"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_by_file_and_place(errors_csv, name):
    content, phrases = BAD[name]
    path = errors_csv(content)
    with pytest.raises(ArtifactError) as caught:
        read_model_errors(path, beta=0.5)
    assert len(caught.value.problems) == 1
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for phrase in phrases:
        assert phrase in message
    assert with_blocks_of(1, refusal, path) == message


def refusal(path):
    with pytest.raises(ArtifactError) as caught:
        read_model_errors(path, beta=0.5)
    return str(caught.value)


def test_what_is_no_readable_file_is_refused(tmp_path):
    assert refusal(tmp_path / "none.csv") == (
        f"{tmp_path}/none.csv: found no such file; expected a CSV file with the model's validation errors;"
        f" {tmp_path} is empty"
    )
    assert refusal(Path("none.csv")).startswith(
        "none.csv: found no such file; expected a CSV file with the model's validation errors;"
        f' {Path.cwd()} holds "'
    )
    assert "found a folder; expected a CSV file" in refusal(tmp_path)
    (tmp_path / "file").touch()
    assert "cannot be read (Not a directory)" in refusal(tmp_path / "file" / "errors.csv")
    assert "cannot be read (File name too long)" in refusal(tmp_path / ("x" * 300))
    assert "cannot be read (embedded null" in refusal(tmp_path / "a\0b")
    os.mkfifo(tmp_path / "pipe")
    assert "found no regular file" in refusal(tmp_path / "pipe")


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file whose reading fails")
def test_a_file_whose_reading_fails_is_refused():
    assert "cannot be read (Input/output error)" in refusal(Path("/proc/self/mem"))


def test_a_file_without_permission_is_refused(errors_csv):
    path = errors_csv("abs_error\n1\n")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        assert "cannot be read (Permission denied)" in refusal(path)
    finally:
        os.seteuid(user)
