"""The log of an Airflow of one's own. Under 1 s."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from bounded_log import BoundedLog


def test_it_keeps_the_newest_lines_in_two_files_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "standalone.log"
    lines = [f"{number} % \udc80" for number in range(1000)]
    with closing(BoundedLog(path, most=2000)) as log:
        for line in lines:
            log.write(line)
    files = sorted(tmp_path.iterdir(), reverse=True)
    assert [file.name for file in files] == ["standalone.log.1", "standalone.log"]
    assert all(file.stat().st_size <= 2010 for file in files)
    kept = "".join(file.read_text(encoding="utf-8") for file in files).splitlines()
    assert kept == [f"{number} % \\udc80" for number in range(1000 - len(kept), 1000)]
    assert len(kept) > 2000 / len("999 % \\udc80\n")
