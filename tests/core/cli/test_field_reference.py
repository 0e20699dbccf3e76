"""The README's reference of every field is the one that the code makes."""

from __future__ import annotations

from pathlib import Path

from elpa_core.cli.field_reference import END, START, field_reference

README = Path(__file__).parents[3] / "README.md"


def test_the_readme_is_up_to_date():
    _, _, rest = README.read_text(encoding="utf-8").partition(START)
    shown, _, _ = rest.partition(END)
    hint = "run: python -m elpa_core.cli.field_reference README.md"
    assert shown.strip() == field_reference(), hint
