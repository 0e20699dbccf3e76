"""Stores for the tests: policies made as a run makes them, days as moments, what always holds."""

import hashlib
import json

from elpa_core import files
from elpa_core.config.training import PolicyFields
from elpa_core.policy.build import ScoredModel, build_policy
from elpa_core.schema.policy import RunReference
from elpa_core.store import PolicyStore
from elpa_core.store.history import Entry, read_history
from elpa_core.store.ledger import Ledger
from elpa_core.store.summaries import Summary

PUBLISHING = {"published", "promoted", "rolled_back"}


def day(number):
    """Return the moment of a day of January 2026."""
    return f"2026-01-{number:02}T00:00:00+00:00"


def policy(online=None, offline=None, *, missing=(), **fields):
    """Return a policy as JSON, made from scores."""
    groups = {"online": online or {"ets": 2.0, "naive": 4.0}, "offline": offline or {"tide": 1.0}}
    scored = [ScoredModel(name, group, s) for group, scores in groups.items() for name, s in scores.items()]
    reference = RunReference(dag_id="pool", run_id="r", run_dir="run", as_of=day(1), config_sha256="0")
    return build_policy(
        PolicyFields(**fields),
        scored,
        created_at="2026-01-31T00:00:00Z",
        source="pool.json",
        missing=missing,
        run=reference,
    ).to_json()


def record(store, number, content=None):
    """Record a policy of the run of a day; the run is named after it."""
    return store.record(f"day{number}", day(number), content or policy())


def run(store, number, content=None, **options):
    """Record and publish a policy of the run of a day."""
    recorded = record(store, number, content)
    return store.publish(recorded.run_id, recorded.number, **options)


def leave_rows(store, run_id, models, *, path_of=lambda path: path, forecast=lambda i: i + 1.0, time=None):
    """Leave what the training of a run leaves: validation rows of its models, by name with their groups.

    Returns `errors` of its policy.
    """
    run_dir, entries, errors = store.folder.run(run_id), [], {}
    for name, group in models.items():
        path = run_dir / "models" / name / "errors.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{i},{forecast(i)}" + (f",{time(i)}" if time else "") for i in range(30)]
        path.write_text("\n".join(["y_true,pred" + (",timestamp" if time else ""), *lines, ""]))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = {"rows": 30, "sha256": digest, "written_at": "", "started_at": "", "finished_at": ""}
        artifact = {"model": name, "group": group, "path": str(path_of(path)), **facts}
        when = {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:02Z"}
        entries.append({"name": name, "group": group, "status": "ok", **when, "artifact": artifact})
        errors[name] = {"rows": 30, "sha256": digest}
    (run_dir / "train_manifest.json").write_text(json.dumps({"horizon": 1, "models": entries}))
    configs = [{"name": name, "group": group, "train_cmd": "true"} for name, group in models.items()]
    (run_dir / "config.json").write_text(json.dumps({"models": configs}))
    return errors


def put_before(store, count):
    """Let history and summaries begin with lines about runs that were removed since, as in an old store."""
    fields = [
        {"when": "", "run_id": f"old{number}", "as_of": day(1), "best": {"online": "ets", "offline": "tide"}}
        for number in range(count)
    ]
    old = {"action": "recorded", "actor": "dag run", "policy_number": 1, "reason": "as of an old moment"}
    lines = {
        store.folder.history: [Entry(**one, **old).line() for one in fields],
        store.folder.summaries: [Summary(**one, number=1, models={}).line() for one in fields],
    }
    for path, some in lines.items():
        files.write(path, b"".join(some) + (files.read(path) if files.exists(path) else b""))


def actions(store):
    """Return the history as text: action, day, policy number."""
    return [f"{entry.action} {entry.run_id} {entry.policy_number}" for entry in store.history()]


def current_run(store):
    return store.current().record.run_id


def check(store: PolicyStore):
    """Check what holds at every moment, and return the number of the current publication."""
    folder = store.folder
    entries = read_history(folder.history)
    ledger = Ledger.of(entries, "history")
    numbers = [entry.number for entry in entries if entry.number is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    published = [entry.key for entry in entries if entry.action == "published"]
    assert len(published) == len(set(published)), "published twice"
    for policies in [folder.runs / name / "policies" for name in folder.run_folders()]:
        for name in [child.name for child in files.children(policies) if child.name.endswith(".json")]:
            record = json.loads(files.read(policies / name))["record"]
            assert str(policies / name) == str(folder.policy(record["run_id"], record["number"]))
    if not files.exists(folder.current):
        assert not numbers or numbers == [1], "current.json got lost"
        return 0
    current = json.loads(files.read(folder.current))
    publication = current.pop("publication")
    assert publication["number"] in {ledger.last_number, ledger.last_number - 1}
    (entry,) = [entry for entry in entries if entry.number == publication["number"]]
    assert entry.action in PUBLISHING
    assert publication.items() <= entry.to_json().items()
    assert current == json.loads(files.read(folder.policy(*entry.key)))
    return publication["number"]


def check_repaired(store: PolicyStore):
    """Check what holds after a change that was not killed."""
    folder = store.folder
    assert check(store) == Ledger.of(store.history(), "history").last_number
    assert files.read(folder.history).endswith(b"\n")
    names = {child.name for child in files.children(folder.path)}
    files_of_store = {".lock", "current.json", "history.jsonl", "pruning.json", "summaries.jsonl"}
    assert names <= {*files_of_store, "artifacts", "history", "runs", "summaries"}
