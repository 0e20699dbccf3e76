"""The demo's serving Dag forecasts with the trained models of the current policy. About 30 seconds."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site
from support.s3_service import s3_service
from support.water_flow import POOL, add_demo, small_pool

from elpa_core.store import PolicyStore
from water_flow.series import ahead, dataset_path, read_series

pytestmark = pytest.mark.slow

SOURCE = "elpa_water_flow"
DAYS = ["2022-05-08T22:00:00+00:00", "2022-05-09T22:00:00+00:00"]
NAMES = ["bayesian_linear", "huber"]
FORECAST = """
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

events = [event("2026-01-01T00:00:00Z", policy) for policy in sys.argv[2:]]
forecast = serve_water_flow.serve_water_flow().get_task("forecast").python_callable
print(forecast(triggering_asset_events=TriggeringAssetEventsAccessor.build(events)))
"""


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    made = new_site("serving")
    add_demo(made.dags)
    made.config("water_flow", **small_pool(*NAMES))
    return made


@pytest.fixture(scope="module")
def runs(home: Site) -> list[DagRunResult]:
    return home.steps(*({"run": SOURCE, "date": day} for day in DAYS))


def serve(home: Site, *policies: Path | str, check: bool = True) -> Any:
    return home.program("-c", FORECAST, home.dags, *policies, check=check)


def numbered(run: DagRunResult) -> Path:
    return run.run_dir / "policies" / "0001.json"


def served(run: DagRunResult) -> list[dict[str, str]]:
    with (run.run_dir / "served.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_it_forecasts_the_hours_that_the_models_have_not_seen(home: Site, runs: list[DagRunResult]) -> None:
    assert [run.state for run in runs] == ["success", "success"]
    done = serve(home, *map(numbered, runs))
    assert done.stdout.splitlines()[-1] == str(runs[1].run_dir / "served.csv")
    rows = served(runs[1])
    as_of = datetime.fromisoformat(DAYS[1])
    assert [datetime.fromisoformat(row["timestamp"]) for row in rows] == [
        as_of + timedelta(hours=hours) for hours in range(POOL["horizon"])
    ]
    data = dataset_path(POOL["dataset"])
    known, slots = ahead(read_series(data, as_of), horizon=POOL["horizon"], period=POOL["period"])
    for name in NAMES:
        model = pickle.loads((runs[1].run_dir / "models" / name / "model.pkl").read_bytes())
        expected = [f"{value:.6f}" for value in model.forecast(known, slots).tolist()]
        assert [row[name] for row in rows] == expected
    actual = dict(zip((series := read_series(data)).times, series.values.tolist(), strict=True))
    errors = [abs(float(row["served"]) - actual[datetime.fromisoformat(row["timestamp"])]) for row in rows]
    day_before = [
        abs(actual[time - timedelta(hours=24)] - actual[time])
        for time in (as_of + timedelta(hours=hours) for hours in range(POOL["horizon"]))
    ]
    assert sum(errors) < sum(day_before)


def test_from_object_storage_it_forecasts_the_same(home: Site, runs: list[DagRunResult]) -> None:
    """The store is named by a connection, which only Airflow can open; the router starts warm from there."""
    store, there = home.home / "elpa", "s3://minio@policies/elpa"
    with s3_service() as service:
        service.make_bucket("policies")
        for path in (store / SOURCE).rglob("*"):
            if path.is_file() and path.name != "served.csv":
                data = path.read_bytes()
                if path.suffix in {".json", ".jsonl"}:
                    data = data.replace(str(store).encode(), there.encode())
                key = f"elpa/{path.relative_to(store)}"
                service.client.put_object(Bucket="policies", Key=key, Body=data)
        home.extra_env = {"AIRFLOW_CONN_MINIO": json.dumps(service.connection)}
        place = f"{there}/{SOURCE}/runs/{runs[1].run_id}"
        done = serve(home, f"{place}/policies/0001.json")
        home.extra_env = {}
        assert done.stdout.splitlines()[-1] == f"{place}/served.csv"
        assert "starts without what it learned" not in done.stdout
        key = f"elpa/{SOURCE}/runs/{runs[1].run_id}/served.csv"
        found = service.client.get_object(Bucket="policies", Key=key)["Body"].read()
    assert found == (runs[1].run_dir / "served.csv").read_bytes()


def test_it_takes_the_current_policy_whichever_was_published_last(
    home: Site, runs: list[DagRunResult]
) -> None:
    store = PolicyStore(home.home / "elpa", SOURCE)
    assert not (runs[0].run_dir / "served.csv").exists()
    store.rollback(reason="worse", actor="me")
    done = serve(home, numbered(runs[1]))
    assert done.stdout.splitlines()[-1] == str(runs[0].run_dir / "served.csv")
    first = datetime.fromisoformat(served(runs[0])[0]["timestamp"])
    assert first == datetime.fromisoformat(DAYS[0])


def test_a_model_that_is_not_the_trained_one_is_not_loaded(home: Site, runs: list[DagRunResult]) -> None:
    current = PolicyStore(home.home / "elpa", SOURCE).current().record.run_id
    (run,) = [run for run in runs if run.run_id == current]
    model = run.run_dir / "models" / "huber" / "model.pkl"
    model.write_bytes(model.read_bytes() + b"!")
    done = serve(home, numbered(run), check=False)
    assert done.returncode != 0
    assert f"{model}: found " in done.stderr
    assert "expected the file that the training left" in done.stderr
