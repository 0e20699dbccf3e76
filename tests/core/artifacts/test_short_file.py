"""A file of few rows is checked without numpy, and judged as one of many. About 3 s."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.error_csvs import dirty_cell, files

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.artifacts.short_file import FEW_ROWS, check_short_file
from elpa_core.errors import ArtifactError

NAMES = {"time": "ds", "origin": "cutoff", "series": "unique_id"}
times = st.sampled_from(
    ["2026-01-01", "2026-01-02", "2026-01-02T00:00", "2026-01-02T01:00Z", "1", "2.5", "", "x"]
)
few_times = st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01"])
number = st.one_of(st.sampled_from(["1", "2.5", "1e308", "-1e308", " ", "x"]), st.integers(0, 9).map(str))
plain_number = st.integers(0, 9).map(str)


@st.composite
def files_of_steps(draw):
    """Draw a file with times and series, and which of its columns are named."""
    time, value = draw(st.sampled_from([(times, number), (few_times, plain_number), (few_times, number)]))
    columns = {
        "ds": time,
        "cutoff": time,
        "unique_id": st.sampled_from(["a", "b", " a", ""][: draw(st.integers(1, 4))]),
        "y_true": value,
        "pred": value,
        "abs_error": value,
    }
    header = draw(st.permutations([*columns]))[: draw(st.integers(4, 6))]
    rows = draw(st.lists(st.tuples(*[columns[name] for name in header]), min_size=1, max_size=6))
    named = draw(
        st.sets(st.sampled_from([role for role, name in NAMES.items() if name in header] or ["time"]))
    )
    text = "".join(",".join(cells) + "\n" for cells in [header, *rows])
    return text, {role: NAMES[role] for role in named}


def judged(check, path, named):
    """Return number of rows and hash, or why the file is refused."""
    try:
        found = check(path, named)
    except ArtifactError as error:
        return str(error)
    return found.rows, found.sha256


def by_arrays(path, named):
    return read_model_errors(path, 0.0, named)


@given(content=files(dirty_cell))
def test_rows_as_they_stand_are_judged_as_by_arrays(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "short.csv"
    path.write_bytes(content.encode())
    assert judged(check_short_file, path, {}) == judged(by_arrays, path, {})


@given(file=files_of_steps())
def test_named_times_and_series_are_judged_as_by_arrays(tmp_path_factory, file):
    content, named = file
    path = tmp_path_factory.getbasetemp() / "steps.csv"
    path.write_text(content)
    assert judged(check_short_file, path, named) == judged(by_arrays, path, named)


@pytest.mark.parametrize("sign", [*map(chr, range(0x1C, 0x20)), "\t", "\x85", "\xa0", "\u2003"])
@pytest.mark.parametrize("header", ["unique_id,y_true,abs_error", "unique_id,y_true,pred"])
def test_signs_around_an_actual_are_judged_as_by_arrays(errors_csv, header, sign):
    path = errors_csv(f"{header}\na,{sign}7{sign},1\n")
    named = {"series": "unique_id"}
    assert judged(check_short_file, path, named) == judged(by_arrays, path, named)


ARTIFACT = """
import json, sys
from pathlib import Path
from elpa_core.artifacts.error_artifact import artifact_of
path, named = Path(sys.argv[1]), json.loads(sys.argv[2])
found = artifact_of(path, model="a", group="online", started_at="S", finished_at="F", named=named)
print(json.dumps([found.rows, "numpy" in sys.modules]))
"""


@pytest.mark.parametrize("named", [{}, {"time": "ds", "series": "unique_id"}])
@pytest.mark.parametrize(("rows", "numpy"), [(FEW_ROWS - 1, False), (FEW_ROWS, True)])
def test_numpy_is_imported_for_many_rows_only(errors_csv, rows, numpy, named):
    path = errors_csv("ds,unique_id,y_true,pred\n" + "".join(f"{row},a,2,1\n" for row in range(rows)))
    done = subprocess.run(
        [sys.executable, "-c", ARTIFACT, path, json.dumps(named)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [rows, numpy]


def test_an_artifact_is_that_of_all_rows(errors_csv):
    few, many = ("abs_error\n" + "1\n\n" * rows for rows in (FEW_ROWS - 1, FEW_ROWS + 5_000))
    for content, rows in ((few, FEW_ROWS - 1), (many, FEW_ROWS + 5_000)):
        found = artifact_of(errors_csv(content), model="a", group="online", started_at="S", finished_at="F")
        assert found.rows == rows
