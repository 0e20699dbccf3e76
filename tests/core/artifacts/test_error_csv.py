"""Reading error CSVs: the same numbers as the csv module and float(), or a clear refusal. About 6 s."""

import csv
import hashlib
import io
import math
import random
import re
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.error_csvs import BOM, cell, dirty_cell, files, with_blocks_of

from elpa_core.artifacts.error_csv import iter_error_blocks
from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.errors import ArtifactError


def bits(number):
    return struct.pack("<d", number)


def read(path):
    """Return what a file holds as a list of (row, line, bits of the error, of y_true, of pred)."""
    found = []
    for block in iter_error_blocks(path):
        columns = [block.errors] + ([] if block.y_true is None else [block.y_true, block.pred])
        assert all(column.dtype == np.float64 and column.shape == block.errors.shape for column in columns)
        numbers = [list(map(bits, column.tolist())) for column in columns]
        found += zip(block.rows, block.lines, *numbers, strict=True)
    return found


def outcome(path):
    try:
        return read(path)
    except ArtifactError as error:
        return str(error)


def reference(data):
    """Read good content the plain way: csv.DictReader and float()."""
    text = data.decode("utf-8-sig")
    lines = text.split("\n")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    assert reader.fieldnames
    found, line = [], reader.line_num + 1
    for row, cells in enumerate(reader, start=1):
        while not lines[line - 1].strip("\r"):  # empty lines, which DictReader passes over
            line += 1
        needed = [cells["abs_error"]] if "abs_error" in cells else [cells["y_true"], cells["pred"]]
        if all(cell.strip() for cell in needed):
            numbers = [float(cell) for cell in needed]
            error = abs(numbers[0] - numbers[1] if len(numbers) == 2 else numbers[0])
            found.append((row, line, bits(error), *(map(bits, numbers) if len(numbers) == 2 else ())))
        line = reader.line_num + 1
    return found


GOOD = {
    "abs_error": "abs_error\n1.5\n2\n",
    "y_true and pred": "y_true,pred\n3,1.5\n1,-1\n",
    "other columns": "t,abs_error,note\n2024-01-01,1.5,é\n2024-01-02,2,x_y\n",
    "abs_error wins": "y_true,abs_error,pred\nn/a,1.5,nan\n,2,inf\n",
    "y_true twice beside abs_error": "y_true,y_true,abs_error\n1,2,1.5\n1,2,2\n",
    "negative errors": "abs_error\n-1.5\n-2.0\n",
    "no final newline": "abs_error\n1.5\n2",
    "CRLF": "t,abs_error\r\na,1.5\r\nb,2\r\n",
    "CRLF, no final newline": "abs_error,t\r\n1.5,a\r\n2,b",
    "mixed line ends": "abs_error,t\r\n1.5,a\n2,b\r\n",
    "CR CR LF": "t,abs_error\r\r\na,1.5\r\r\nb,2\r\r\n",
    "spaces": "t , abs_error\na,  1.5 \nb,\t2\n",
    "wide spaces": "t,abs_error\na,\u00a01.5\nb,2\u2003\n",
    "quoted cells": '"t","abs_error"\n"a, b","1.5"\n"c ""d""","2"\n',
    "quoted newlines": 't,abs_error\n"a\nb",1.5\n"c\r\n\n",2\n',
    "quote inside a cell": 't,abs_error\n5" pipe,1.5\n3" pipe,2\n',
    "quoted header with a newline": '"a\nb",abs_error\nx,1.5\ny,2\n',
    "empty lines": "\n\nt,abs_error\n\na,1.5\n\r\n\nb,2\n\n",
    "blank cells": "t,abs_error\na,1.5\nb,\nc,  \nd,2\n",
    "blank cells alone": "abs_error\n1.5\n\n \n2\n",
    "notations": "t,abs_error\na,+1.5e0\nb,.2E1\n",
    "a point last": "abs_error\n1.5\n2.\n",
    "null character beside": "t,abs_error\na\x00,1.5\nb,2\n",
}


def summary_of(path, beta):
    found = read_model_errors(path, beta)
    return found.score, found.rows, found.sha256


@pytest.mark.parametrize("bom", [b"", BOM], ids=["", "BOM"])
@pytest.mark.parametrize("name", GOOD)
def test_good_files_score_the_same_however_they_are_written(errors_csv, name, bom):
    path = errors_csv(bom + GOOD[name].encode())
    summary = summary_of(path, beta=0.5)
    assert summary == (1.75, 2, hashlib.sha256(path.read_bytes()).hexdigest())
    if name not in ("empty lines", "quoted header with a newline"):  # a header ends in the first block
        assert with_blocks_of(1, lambda path: summary_of(path, beta=0.5), path) == summary


@pytest.mark.parametrize("missing", ["1,\n", ",1\n", " ,\t\n"])
def test_a_row_with_one_blank_needed_cell_is_skipped(errors_csv, missing):
    path = errors_csv("y_true,pred\n3,1.5\n" + missing + "1,-1\n")
    assert [(row, line) for row, line, *_ in read(path)] == [(1, 2), (3, 4)]


def test_y_true_and_pred_come_with_the_errors_that_are_made_of_them(errors_csv):
    (block,) = iter_error_blocks(errors_csv("pred,y_true\n1,3.5\n-0.0,-1\n"))
    assert block.errors.tolist() == [2.5, 1.0]
    assert block.y_true.tolist() == [3.5, -1.0]
    assert list(map(bits, block.pred.tolist())) == [bits(1.0), bits(-0.0)]


# Generated files -------------------------------------------------------------------------------


@given(content=files(cell), size=st.integers(1, 60))
def test_generated_files_read_as_dictreader_and_float_read_them(tmp_path_factory, content, size):
    path = tmp_path_factory.getbasetemp() / "generated.csv"
    path.write_bytes(content.encode())
    expected = reference(content.encode())
    if expected:
        assert read(path) == expected
        assert with_blocks_of(size, read, path) == expected
    else:
        assert "blank needed cell" in outcome(path)


@given(content=files(dirty_cell), size=st.integers(1, 60))
def test_the_fast_way_and_the_csv_module_agree_on_dirty_files(tmp_path_factory, content, size):
    path = tmp_path_factory.getbasetemp() / "dirty.csv"
    path.write_bytes(content.encode())
    fast = outcome(path)
    in_blocks = with_blocks_of(size, outcome, path)
    # A quoted cell in the first row hands everything from there on to the csv module.
    quoted = re.sub(r"\A([^\r\n]*[\r\n]+)([^,\r\n]*)", r'\1"\2"', content)
    path.write_bytes(quoted.encode())
    assert fast == in_blocks == outcome(path)


def halfway_decimals(rng, count):
    """Yield decimals on and next to the middle of two doubles, with as many digits as 2 ** 63."""
    for _ in range(count):
        middle = Fraction(rng.randrange(2**53, 2**54) | 1) * Fraction(2) ** rng.randrange(-78, 9)
        places = len(str(math.floor(2**63 / middle))) - 1
        digits = math.floor(middle * 10**places) + rng.choice([-1, 0, 0, 1])
        text = f"{digits:0{places + 1}d}"
        yield f"{text[: len(text) - places]}.{text[len(text) - places :]}"


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(lambda rng: map(repr, (rng.lognormvariate(0, 4) for _ in range(30_000))), id="repr"),
        pytest.param(lambda rng: halfway_decimals(rng, 30_000), id="halfway"),
        pytest.param(
            lambda rng: (f"{rng.randrange(10**19)}.{rng.randrange(10**9)}"[:20] for _ in range(30_000)),
            id="20 characters",
        ),
        pytest.param(
            lambda _: [f"{2**53 + n}.{'0' * z}" for n in range(9) for z in range(4)], id="ties of integers"
        ),
        pytest.param(
            lambda _: [f"{2**63 + n}."[at:] for n in range(-3, 4) for at in (0, 1)] + ["9" * 30 + ".5"],
            id="about 2 ** 63",
        ),
        pytest.param(
            lambda rng: (f"0.{rng.randrange(10**18):0{rng.randrange(28, 31)}d}" for _ in range(30_000)),
            id="28 to 30 places",
        ),
        pytest.param(
            lambda _: ["0.0", "-0.0", "-.5", "5.", "-5.", "007.50", "0." + "0" * 26 + "1"], id="odd"
        ),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_decimals_are_read_to_the_bit_as_float_reads_them(errors_csv, numbers, sign):
    texts = [text if text.startswith("-") else sign + text for text in numbers(random.Random(5))]
    found = read(errors_csv("pred,y_true\n" + "".join(f"{text},0.0\n" for text in texts)))
    assert [pred for *_, pred in found] == [bits(float(text)) for text in texts]


def test_a_file_of_many_blocks_with_dirt_in_some(errors_csv):
    rng = random.Random(11)
    rows = [f"2024-01-01T00:00:00,{rng.gauss(100, 9)},{rng.gauss(100, 9)}\n" for _ in range(30_000)]
    for index, dirt in [
        (5_000, "é,1,2\n"),
        (9_000, "a,,2\n"),
        (14_000, "\n"),
        (20_000, '"q\n\nr",1e3,"2"\n'),
    ]:
        rows[index] = dirt
    data = BOM + b"timestamp,y_true,pred\n" + "".join(rows).encode()
    path = errors_csv(data)
    expected = reference(data)
    assert read(path) == expected
    score = None
    share = 1 - 0.7
    for _, _, packed, *_ in expected:
        (error,) = struct.unpack("<d", packed)
        score = error if score is None else 0.7 * score + share * error
    found, rows_used, sha256 = summary_of(path, beta=0.7)
    assert bits(found) == bits(score)
    assert rows_used == len(expected) == 29_998
    assert sha256 == hashlib.sha256(data).hexdigest()
    rows[29_000] = "x,1,oops\n"
    path = errors_csv(b"timestamp,y_true,pred\n" + "".join(rows).encode())
    assert 'row 29000 (line 29004), column "pred": found "oops"' in str(outcome(path))


def test_a_quoted_file_comes_in_blocks_too(errors_csv):
    data = b"t,abs_error\n" + b"".join(b'"a",%d.5\n' % index for index in range(10_000))
    path = errors_csv(data)
    assert read(path) == reference(data)
    assert max(block.errors.size for block in iter_error_blocks(path)) < 5_000
