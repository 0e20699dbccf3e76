"""``elpa mutation-plot``: a picture of the mutations of a panel."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.made_panels import make_panel, write_panel

from elpa_core.cli import main


def test_the_plot_is_an_svg_of_the_mutation(tmp_path: Path) -> None:
    path = write_panel(make_panel(3), tmp_path / "panel.csv")
    out = tmp_path / "plot.svg"
    assert main(["mutation-plot", "--panel", str(path), "--output", str(out)]) == 0
    root = ET.parse(out).getroot()
    assert root.tag.endswith("svg")
    assert len(root.findall("{*}polyline")) == 3
    assert len([r for r in root.findall("{*}rect") if r.get("fill") == "#f3d9b1"]) >= 3


def test_a_plot_without_a_mutation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_panel(make_panel(3), tmp_path / "panel.csv")
    arguments = ["mutation-plot", "--panel", str(path), "--output", str(tmp_path / "x.svg")]
    assert main([*arguments, "--epsilon", "1e9"]) == 2
    assert "no mutation" in capsys.readouterr().err
    assert not (tmp_path / "x.svg").exists()
