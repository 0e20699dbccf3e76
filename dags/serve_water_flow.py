"""A small serving Dag: when the Dag elpa_water_flow publishes a policy, combine forecasts with it.

The demo has no live forecasts. Instead, this Dag takes the forecasts of the validation rows from the error
artifacts of the run, and writes served.csv into the folder of that run. This is a replay: the policy was
computed from these rows, and its router, which goes on from them, has seen them. The Dag reads a policy
store in a folder, not one on object storage.

Your own serving Dag reads live forecasts and actuals, and keeps the router's state between its runs
(Router.save, Router.load).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, dag, task

POLICY = Asset("elpa://elpa_water_flow/policy")


@dag(schedule=[POLICY], catchup=False, max_active_runs=1, tags=["demo", "water-flow"], doc_md=__doc__)
def serve_water_flow() -> None:
    """Combine forecasts with each published policy."""

    @task
    def route(triggering_asset_events: Any = None) -> str:
        events = (triggering_asset_events or {}).get(POLICY)
        if not events:
            raise ValueError(f"no published policy: this Dag runs when {POLICY.uri} is updated")
        # A run may have several events, and Airflow does not sort them.
        newest = max(events, key=lambda event: event.timestamp)
        return str(serve(Path(newest.extra["policy"])))

    route()


def serve(policy_path: Path) -> Path:
    """Write ``served.csv`` into the folder of the policy's run: time, forecast and actual of each row."""
    from elpa_core.serving.warm_start import start_router

    policy = json.loads(policy_path.read_bytes())
    run_dir = Path(policy["run"]["run_dir"])
    manifest = json.loads((run_dir / "train_manifest.json").read_bytes())
    artifacts = {model["name"]: model["artifact"] for model in manifest["models"]}
    rows = {name: _rows(Path(artifacts[name]["path"])) for name in policy["scores"]}
    times = sorted(set.intersection(*({*of_model} for of_model in rows.values())))
    router = start_router(policy, policy_path.parent, warn=print)
    lines = ["timestamp,served,y_true"]
    for first in range(0, len(times), router.policy.horizon):
        block = times[first : first + router.policy.horizon]
        served = router.predict({name: [rows[name][time][1] for time in block] for name in rows})
        actuals = [next(iter(rows.values()))[time][0] for time in block]
        lines += [
            f"{time},{value!r},{actual!r}"
            for time, value, actual in zip(block, served.tolist(), actuals, strict=True)
        ]
        router.update(actuals)
    output = run_dir / "served.csv"
    output.write_text("\n".join([*lines, ""]), encoding="utf-8")
    print(f"{len(times)} rows in blocks of {router.policy.horizon}: {output}", flush=True)
    return output


def _rows(path: Path) -> dict[str, tuple[float, float]]:
    """Return ``y_true`` and ``pred`` by timestamp."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["timestamp"]: (float(row["y_true"]), float(row["pred"])) for row in csv.DictReader(file)}


serve_water_flow()
