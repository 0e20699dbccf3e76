"""A small serving Dag: when the Dag elpa_water_flow publishes a policy, forecast with its trained models.

It copies the trained models of the current policy from the store, each checked by its SHA-256, forecasts
the hours after the last one that the policy's run knew, and combines the forecasts with the router, which
goes on from the validation rows. It writes served.csv into the folder of the policy's run.

The demo has no live data. Your own serving Dag reads the newest actuals, tells them to the router, and keeps
the router's state between its runs (Router.save, Router.load).
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, dag, task

from elpa_airflow.run.store_location import open_store
from elpa_core import files
from elpa_core.files.strict_json import read_object
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trained_model import fetch
from elpa_core.store import PolicyStore
from elpa_core.store.model_files import model_files, state_file
from elpa_core.store.stored_policy import StoredPolicy

SOURCE = "elpa_water_flow"
POLICY = Asset(f"elpa://{SOURCE}/policy")
FORECAST = Path(__file__).parent / "training" / "forecast.py"


@dag(schedule=[POLICY], catchup=False, max_active_runs=1, tags=["demo", "water-flow"], doc_md=__doc__)
def serve_water_flow() -> None:
    """Forecast with each published policy."""

    @task
    def forecast(triggering_asset_events: Any = None) -> str:
        events = (triggering_asset_events or {}).get(POLICY)
        if not events:
            raise ValueError(f"no published policy: this Dag runs when {POLICY.uri} is updated")
        location, _, _ = events[0].extra["policy"].partition(f"/{SOURCE}/runs/")
        return serve(PolicyStore(open_store(location), SOURCE))

    forecast()


def serve(store: PolicyStore) -> str:
    """Write ``served.csv`` of the current policy: a time, the served forecast and that of each model."""
    from elpa_core.serving.warm_start import start_router

    policy = store.current()
    run_dir = store.folder.run(policy.record.run_id)
    run = read_object(RunFolder(run_dir).manifest)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models = trained_models(store, policy, folder)
        state = router_state(store, policy, folder)
        output = folder / "forecasts.csv"
        options = [f"--{name}={run[name]}" for name in ("dataset", "horizon", "period")]
        options += [f"--as-of={policy.record.as_of}", f"--out={output}"]
        subprocess.run([sys.executable, FORECAST, *options, *models], check=True)
        with output.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        forecasts = {name: [float(row[name]) for row in rows] for name in policy.contents.names}
        served = start_router(policy.raw, state=state, warn=print).predict(forecasts).tolist()
    lines = [",".join(["timestamp", "served", *forecasts])]
    for row, value in zip(rows, served, strict=True):
        lines.append(",".join([row["timestamp"], repr(value), *(row[name] for name in forecasts)]))
    place = run_dir / "served.csv"
    files.write(place, ("\n".join(lines) + "\n").encode())
    print(f"{len(rows)} hours with the models of run {policy.record.run_id}: {place}", flush=True)
    return str(place)


def trained_models(store: PolicyStore, policy: StoredPolicy, folder: Path) -> list[str]:
    """Copy the trained models of a policy into a folder; return NAME=FILE of each."""
    found = []
    for name in policy.contents.names:
        (model,) = fetch(model_files(store.folder, policy, name), folder / name)
        found.append(f"{name}={model}")
    return found


def router_state(store: PolicyStore, policy: StoredPolicy, folder: Path) -> Path | None:
    """Copy what the router learned on the validation rows of a policy into a folder."""
    state = state_file(store.folder, policy)
    return fetch([state], folder)[0] if state else None


serve_water_flow()
