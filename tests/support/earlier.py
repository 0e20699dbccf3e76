"""What the tests of earlier artifacts share."""

import datetime as dt
import json
import shutil

from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.trials import is_trial
from elpa_core.times import parse_moment

END = dt.datetime.max.replace(tzinfo=dt.UTC)


def earlier_artifacts(run_dir, model, group):
    """Return the artifacts that other runs left, as a run finds them that looks first."""
    shutil.rmtree(run_dir.parent.parent / "artifacts", ignore_errors=True)
    return list(newest_artifacts(run_dir, model, group, END))


def leave(runs, run, as_of, *, model="tide", group="offline", finished="2026-02-01T00:00:00Z", status="ok"):
    """Leave what a model's task does that ended; enter it first, as the task does."""
    folder = runs / run / "models" / model
    if status == "ok":
        ArtifactIndex.of(runs, model).enter([Entry(parse_moment(as_of), run)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(status_text(folder, run, as_of, model, group, finished, status))


def status_text(folder, run, as_of, model="tide", group="offline", finished="", status="ok"):
    """Return what the task of a model writes about itself."""
    facts = {"rows": 1, "sha256": "0", "written_at": "", "started_at": "", "finished_at": finished}
    artifact = {"model": model, "group": group, "path": f"{folder}/errors.csv", **facts}
    fields = {"status": status, "group": group, "run_id": run, "as_of": as_of, "artifact": artifact}
    return json.dumps(fields)


def scanned(run_dir, model, group, until, since=None):
    """Return what a look at all runs finds, the newest first: run and moment."""
    found = []
    for path in run_dir.parent.glob(f"[!.]*/models/{model}/status.json"):
        status, name = json.loads(path.read_text()), path.parents[2].name
        if status["status"] != "ok" or status["group"] != group or name == run_dir.name or is_trial(name):
            continue
        moment = parse_moment(status["as_of"])
        if moment <= until and (since is None or since <= moment):
            found.append((moment, status["artifact"]["finished_at"], name))
    return [(name, moment) for moment, _, name in sorted(found, reverse=True)]
