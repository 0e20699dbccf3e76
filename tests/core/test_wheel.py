"""What the wheel holds: both packages with their types and templates, and nothing of the demo."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_packages_and_no_demo(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("elpa_core", "plugins", "dags", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        tmp_path,
    ]
    subprocess.run([*command, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "elpa_core",
        "elpa_airflow",
    }
    for name in ("elpa_core/py.typed", "elpa_airflow/py.typed", "elpa_core/config/templates/train.json"):
        assert name in names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "elpa_core").rglob("*.py")}
    assert modules <= set(names)
    assert not any("demo" in name or "test_" in name for name in names)
