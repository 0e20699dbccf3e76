"""The reference of every field in dags/README.md is the one that the code makes."""

from __future__ import annotations

from pathlib import Path

from elpa_core.cli.field_reference import END, START, field_reference

PAGE = Path(__file__).parents[3] / "dags" / "README.md"


def test_the_page_is_up_to_date():
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    shown, _, _ = rest.partition(END)
    hint = "run: python -m elpa_core.cli.field_reference dags/README.md"
    assert shown.strip() == field_reference(), hint
