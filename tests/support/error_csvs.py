"""Error CSVs of tests: generated ones, and read in blocks of another size than usual."""

import pytest
from hypothesis import strategies as st

from elpa_core.artifacts import error_rows

BOM = b"\xef\xbb\xbf"


def with_blocks_of(size, function, path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(error_rows, "_BLOCK_BYTES", size)
        return function(path)


EXPONENTS = [f"{e}{sign}{digits}" for e in "eE" for sign in ("", "+", "-") for digits in (0, 7, "09", 18, 99)]


def with_point(start, whole, fraction, places):
    return f"{start}{whole}." + f"{fraction:030d}"[:places]


# Made of whole numbers and not of single characters, which would take most of the test's time.
clean_number = st.one_of(
    st.floats(-1e6, 1e6).map(repr),
    st.floats(-1e6, 1e6).map("{:.6f}".format),
    st.floats(-1e300, 1e300).map(repr),
    st.builds(
        with_point,
        st.sampled_from(["", "-", "0", "-00"]),
        st.integers(0, 10**18 - 1),
        st.integers(0, 10**30 - 1),
        st.integers(0, 30),
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "+", "-", "0", "-00", ".", "+.", "-.", ".00"]),
        st.integers(0, 10**23 - 1),
        st.sampled_from(["", *EXPONENTS]),
    ),
)
good_number = st.one_of(
    clean_number, clean_number, clean_number.map(" {}".format), clean_number.map("{}\t".format)
)
cell = st.one_of(good_number, good_number, st.sampled_from(["", " "]))
dirty_cell = st.one_of(
    cell,
    cell,
    st.sampled_from(["nan", "inf", "1e999", "1_0", "x", "1.5,2", "0x1", "٣", "--1.0", "1-1.0", ".", "-."]),
    st.text("0123456789.-+eE_ ", min_size=1, max_size=6),
)
note = st.sampled_from(["", "2024-01-01T00:00:00", "a_b", "é", "x y", "1.5", "."])
HEADERS = ["note,abs_error", "note,y_true,pred", "note,pred,y_true", "note,abs_error,z"]


@st.composite
def files(draw, cells):
    header = draw(st.sampled_from(HEADERS))
    ends = draw(st.sampled_from([("\n",), ("\r\n",), ("\n", "\r\n")]))
    end = st.sampled_from([*ends, *ends, *ends, *(line_end * 2 for line_end in ends)])  # with an empty line
    rows = draw(st.lists(st.tuples(note, *[cells] * header.count(","), end), min_size=1, max_size=8))
    text = header + ends[0] + "".join(",".join(row) + line_end for *row, line_end in rows)
    return draw(st.sampled_from(["", "\ufeff"])) + (text if draw(st.booleans()) else text.rstrip("\r\n"))
