"""The script that draws a mutation. About 5 s."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.made_panels import make_panel, write_panel

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "bench" / "mutation_plot.py"


def draw(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_the_picture_of_a_panel_is_the_same_svg_each_time(tmp_path: Path) -> None:
    panel = write_panel(make_panel(3), tmp_path / "panel.csv")
    pictures = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for picture in pictures:
        assert draw(panel, picture).stderr == ""
    root = ET.parse(pictures[0]).getroot()
    assert root.tag.endswith("svg")
    styles = [path.get("style", "") for path in root.findall(".//{*}path")]
    for colour in ("#222222", "#c0392b", "#2e6da4"):  # the actuals, and both that were served
        assert any(f"stroke: {colour}" in style for style in styles)
    assert len([style for style in styles if "#f3d9b1" in style]) >= 3  # dirty steps
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_a_panel_without_a_mutation_is_refused(tmp_path: Path) -> None:
    panel = write_panel(make_panel(3), tmp_path / "panel.csv")
    done = draw(panel, tmp_path / "x.svg", "--epsilon", "1e9")
    assert done.returncode == 2
    assert "panel: found no mutation; expected a test row with a relative error above" in done.stderr
    assert not (tmp_path / "x.svg").exists()
