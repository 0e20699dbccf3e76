"""Read a CSV table: a header, then rows of the same length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from elpa_core.errors import InputError, Problem
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.reading import lines_of

READABLE_CSV = "a CSV file that can be read"
"""What an error message expects at the path of a CSV file."""


def read_csv_table(path: Path) -> tuple[list[str], list[list[str]]]:
    r"""Return the header and the rows of a complete CSV file.

    Raises
    ------
    InputError
        If the file cannot be read, is not UTF-8, is not CSV or has no rows, or if a row and the header
        differ in length.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "actuals.csv")
    ...     _ = path.write_text("row,y_true\n0,1.5\n\n1,\n")
    ...     read_csv_table(path)
    (['row', 'y_true'], [['0', '1.5'], ['1', '']])
    """
    with as_input_error(path, READABLE_CSV), path.open("rb") as file:
        data = b"".join(lines_of(file.readline))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            Problem(str(path), f"byte {error.start}", "another encoding", "UTF-8 text")
        ) from error
    header, rows = csv_rows(io.StringIO(text, newline=""), str(path))
    if not (table := list(rows)):
        raise InputError(Problem(str(path), "", "no rows", "a header and at least one row"))
    return header, table


def csv_rows(lines: Iterable[str], source: str) -> tuple[list[str], Iterator[list[str]]]:
    """Return the header of a CSV text and its rows as they arrive; empty lines are skipped.

    Parameters
    ----------
    lines : iterable of str
        The lines of the text; each line is read when its row is requested.
    source : str
        The name of the text, for errors.

    Returns
    -------
    header : list of str
        Empty if the text has no line.
    rows : iterator of list of str
        Each has the length of the header.

    Raises
    ------
    InputError
        From this function or from ``rows``: if a line cannot be read or is not CSV, or a row and the header
        differ in length.
    """
    records = _records(lines, source)
    header = next(records, [])
    return header, _as_long_as(header, records, source)


def cell_count(count: int) -> str:
    """Return a number of cells as text.

    >>> cell_count(1), cell_count(2)
    ('1 cell', '2 cells')
    """
    return f"{count} cell" if count == 1 else f"{count} cells"


def _records(lines: Iterable[str], source: str) -> Iterator[list[str]]:
    try:
        with as_input_error(source, READABLE_CSV):
            yield from filter(None, csv.reader(lines))
    except csv.Error as error:
        raise InputError(Problem(source, "", str(error), "CSV")) from error


def _as_long_as(header: list[str], records: Iterator[list[str]], source: str) -> Iterator[list[str]]:
    for number, record in enumerate(records):
        if len(record) != len(header):
            expected = f"{cell_count(len(header))}, as in the header"
            raise InputError(Problem(source, f"row {number}", cell_count(len(record)), expected))
        yield record
