"""What a model's task writes down about itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from elpa_airflow.run_record import read_status, write_status


@pytest.mark.parametrize(
    ("there", "late", "stays"),
    [
        # The process of a dead worker lives on beside the next attempt, and ends after it.
        (("a", 2), ("a", 1), True),
        (("a", 1), ("a", 2), False),
        (("a", 2), ("a", 2), False),
        # Another run under the same id begins with the first attempt again.
        (("a", 2), ("b", 1), False),
    ],
)
def test_what_a_later_attempt_wrote_stays(
    there: tuple[str, int], late: tuple[str, int], *, stays: bool, tmp_path: Path
) -> None:
    for generation, attempt in (there, late):
        status = {"generation": generation, "try_number": attempt}
        write_status(tmp_path / "models" / "on", status)
    found = read_status(tmp_path, "online.on")
    assert found is not None
    assert (found["generation"], found["try_number"]) == (there if stays else late)
