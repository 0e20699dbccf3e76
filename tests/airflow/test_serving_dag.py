"""The demo's serving Dag writes what it served with a policy. About 10 seconds."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.airflow_site import ROOT, DagRunResult, Site, model

DAG_FILE = ROOT / "dags" / "serve_water_flow.py"
SERVE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import serve_water_flow
print(serve_water_flow.serve(Path(sys.argv[2])))
"""
ROUTE = """
import sys
from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor
sys.path.insert(0, sys.argv[1])
import serve_water_flow

def event(time, policy):
    source = dict.fromkeys(["source_dag_id", "source_run_id", "source_task_id", "source_map_index"])
    asset = {"name": serve_water_flow.POLICY.name, "uri": serve_water_flow.POLICY.uri, "extra": {}}
    fields = {"asset": asset, "extra": {"policy": policy}, "timestamp": time, "source_aliases": []}
    return AssetEventDagRunReferenceResult.model_validate({**source, **fields})

events = [event(*argument.split(" ", 1)) for argument in sys.argv[2:]]
route = serve_water_flow.serve_water_flow().get_task("route").python_callable
print(route(triggering_asset_events=TriggeringAssetEventsAccessor.build(events)))
"""


def forecasts_cmd(shift: float) -> str:
    rows = " ".join(f"2026-01-01T{hour:02}:00:00,{hour % 5},{hour % 5 + shift}" for hour in range(24))
    return f"printf '%s\\n' timestamp,y_true,pred {rows} > errors.csv"


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    made = new_site("serving")
    models = [model("low", cmd=forecasts_cmd(-1)), model("high", "offline", cmd=forecasts_cmd(1.5))]
    made.config("water_flow", models, horizon=4)
    shutil.copy(DAG_FILE, made.dags)
    return made


@pytest.fixture
def run(home: Site) -> DagRunResult:
    return home.dag_test("elpa_water_flow")["elpa_water_flow"]


def test_it_writes_the_combined_forecasts_of_a_run(home: Site, run: DagRunResult) -> None:
    assert run.state == "success"
    policy = run.policy
    assert policy["routing"]["horizon"] == 4
    assert policy["evaluation"]["rows"] == 24
    assert policy["evaluation"]["mae"] == {"low": 1.0, "high": 1.5}
    _as_after_a_killed_attempt(run.run_dir, "high")
    done = home.program("-c", SERVE, home.dags, run.run_dir / "elpa_policy.json")
    assert done.stdout.splitlines()[-1] == str(run.run_dir / "served.csv")
    with (run.run_dir / "served.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["timestamp"] for row in rows] == [f"2026-01-01T{hour:02}:00:00" for hour in range(24)]
    errors = [abs(float(row["served"]) - float(row["y_true"])) for row in rows]
    assert max(errors) < 1.5
    assert sum(errors) / 24 < 1.0


def test_of_several_policies_the_newest_is_served_in_whatever_order_they_come(
    home: Site, run: DagRunResult
) -> None:
    older = [f"2026-01-01T{time}:00Z /no/policy.json" for time in ("00:00", "00:30")]
    newest = f"2026-01-01T02:00:00+01:00 {run.run_dir / 'elpa_policy.json'}"
    done = home.program("-c", ROUTE, home.dags, older[0], newest, older[1])
    assert done.stdout.splitlines()[-1] == str(run.run_dir / "served.csv")


def _as_after_a_killed_attempt(run_dir: Path, name: str) -> None:
    """Let the artifact lie where a later attempt leaves it, and in its old place what the orphan wrote."""
    old, new = (run_dir / "models" / name / part / "errors.csv" for part in ("", "try-2-abcdef"))
    new.parent.mkdir()
    old.rename(new)
    old.write_text("timestamp,y_true,pred\n2026-01-01T00:00:00,0,900\n", encoding="utf-8")
    manifest = run_dir / "train_manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(str(old), str(new)), encoding="utf-8")
