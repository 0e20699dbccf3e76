"""The demo beside other Dags: its serving Dag, and two of its models in a pool of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from support.airflow_site import ROOT

DAGS = ROOT / "dags"
POOL: dict[str, Any] = json.loads((DAGS / "configs" / "water_flow.json").read_text(encoding="utf-8"))


def add_demo(dags: Path) -> None:
    """Put the serving Dag and the training programs into a Dags folder."""
    shutil.copy(DAGS / "serve_water_flow.py", dags)
    (dags / "training").symlink_to(DAGS / "training")


def small_pool(*names: str) -> dict[str, Any]:
    """Return the demo's config with some of its models."""
    models = [block for block in POOL["models"] if block["name"] in names]
    return POOL | {"models": models, "airflow": {"retries": 0}}
