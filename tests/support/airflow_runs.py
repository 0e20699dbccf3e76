"""What people do with the runs of an Airflow, and what they see of them, by REST and in the store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from support.airflow_site import DagsFolder

ENDED = {"success", "failed"}


class AirflowRuns(DagsFolder):
    """A Dags folder and the Airflow that runs it: choose, backfill, clear, look."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = folder / "home"
        self.airflow: Any = None

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the configs, and let the Dag processor see it soon: it watches the Dag file."""
        path = super().write(name, text)
        self.dag_file.touch()
        return path

    def run_dir(self, dag_id: str, run_id: str) -> Path:
        return self.home / "elpa" / dag_id / "runs" / run_id

    def trigger(self, dag_id: str) -> str:
        self.airflow.wait_for_dag(dag_id)
        return str(self.airflow.trigger(dag_id))

    def wait(self, dag_id: str, run_id: str, seconds: float = 180) -> str:
        """Return how a run ended."""
        what = f"{dag_id} {run_id} ends"
        eventually(lambda: self.airflow.run_state(dag_id, run_id) in ENDED, what, seconds)
        return str(self.airflow.run_state(dag_id, run_id))

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        return dict(self.airflow.task_states(dag_id, run_id))

    def task(self, dag_id: str, run_id: str, task_id: str, more: str = "") -> Any:
        """Return what the REST API says of a task, or of something below it."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task_id)}{more}"
        return self.airflow.call("GET", path)

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        lines = self.task(dag_id, run_id, task_id, f"/logs/{attempt}")["content"]
        return "\n".join(str(line.get("event")) for line in lines)

    def clear(self, dag_id: str, run_id: str, task_ids: Iterable[str] | None = None) -> None:
        """Clear some tasks of a run and integrate, or all tasks."""
        chosen: Mapping[str, Any] = {"task_ids": [*task_ids, "integrate"]} if task_ids else {}
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, **chosen}
        self.airflow.call("POST", f"/dags/{dag_id}/clearTaskInstances", **body)

    def mark_failed(self, dag_id: str, run_id: str, task_id: str) -> None:
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{quote(task_id)}"
        self.airflow.call("PATCH", path, new_state="failed")

    def start_run(self, dag_id: str, conf: dict[str, Any] | None = None, **fields: Any) -> str:
        """Trigger a run over REST."""
        self.airflow.wait_for_dag(dag_id)
        return str(self.airflow.trigger(dag_id, **({"conf": conf} if conf is not None else {}), **fields))

    def start_together(self, dag_id: str, *runs: Mapping[str, Any]) -> list[str]:
        """Create runs (fields of the REST API) while the Dag is paused; then let all of them start."""
        self.airflow.wait_for_dag(dag_id)
        self.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=True)
        path = f"/dags/{dag_id}/dagRuns"
        made = [self.airflow.call("POST", path, **{"logical_date": None, **run}) for run in runs]
        self.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=False)
        return [str(run["dag_run_id"]) for run in made]

    def run(self, dag_id: str, conf: dict[str, Any] | None = None, **fields: Any) -> tuple[str, str]:
        """Trigger a run, and return its id and how it ended."""
        run_id = self.start_run(dag_id, conf, **fields)
        return run_id, self.wait(dag_id, run_id)

    def tries(self, dag_id: str, run_id: str) -> dict[str, int]:
        answer = self.airflow.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=1000")
        return {ti["task_id"]: ti["try_number"] for ti in answer["task_instances"]}

    def policy(self, dag_id: str, run_id: str) -> Any:
        """Return the policy of a run, or None if it has none."""
        path = self.run_dir(dag_id, run_id) / "elpa_policy.json"
        return read_json(path) if path.exists() else None

    def manifest(self, dag_id: str, run_id: str) -> Any:
        return read_json(self.run_dir(dag_id, run_id) / "train_manifest.json")

    def entry(self, dag_id: str, run_id: str, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.manifest(dag_id, run_id)["models"] if one["name"] == name]
        return dict(found)

    def current(self, dag_id: str) -> Any:
        return read_json(self.home / "elpa" / dag_id / "current.json")

    def history(self, dag_id: str) -> list[dict[str, Any]]:
        text = (self.home / "elpa" / dag_id / "history.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def seen(self, dag_id: str) -> list[dict[str, Any]]:
        """Return what the commands of a Dag noted, in the order in which they ran."""
        path = self.home / "elpa" / dag_id / "seen"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def asset_events(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the events that a Dag's integrate emitted.

        To be asked when the runs that they started have begun: Airflow 3.3.2 answers 500 while one
        is queued (https://github.com/apache/airflow/issues/71360).
        """
        answer = self.airflow.call("GET", f"/assets/events?source_dag_id={dag_id}&limit=100")
        return list(answer["asset_events"])


def eventually(check: Callable[[], object], what: str, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, f"never came true: {what}"
        time.sleep(0.5)


def numbers(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scores and weights of a policy, without runs and times."""
    return {name: policy[name] for name in ("scores", "online_weights", "offline_weights", "degraded")}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
