"""The newest policy says which artifact is carried: the one that a look at all runs finds. About 4 s."""

import datetime as dt
import json
import random

import pytest
from support.stores import policy

from elpa_core import files
from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.config.training import RunFields
from elpa_core.errors import InputError
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.folder import MANIFEST_NAME, RunFolder
from elpa_core.runs.trained_on import trained_on
from elpa_core.store import PolicyStore, Start, carrying, history
from elpa_core.store.carrying import Wanted, artifacts_to_carry
from elpa_core.store.pruning import prune

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TICK = 6  # hours between two trainings of the offline models
OURS, THEIRS = RunFields(dataset="/ours.csv"), RunFields(dataset="/theirs.csv")


class Pool:
    """A store to which runs are added as Airflow would: what each trains, carries and records."""

    def __init__(self, root):
        self.store = PolicyStore(root, "pool")
        self.count, self.hours = 0, {}

    def model(self, run_id):
        return RunFolder(self.store.folder.run(run_id)).model("tide")

    def train(self, run_id, hour, config):
        """Leave what the task of a model leaves, and return what the policy says of it."""
        folder = self.model(run_id)
        folder.path.mkdir(parents=True)
        errors = folder.path / "errors.csv"
        errors.write_text(f"abs_error\n{self.count}\n")
        finished = f"2026-06-01T00:00:00.{self.count:06}Z"
        artifact = artifact_of(errors, model="tide", group="offline", started_at="S", finished_at=finished)
        as_of = (START + dt.timedelta(hours=hour)).isoformat()
        status = {
            "status": "ok",
            "group": "offline",
            "run_id": run_id,
            "as_of": as_of,
            "artifact": artifact.to_json(),
            "trained_on": trained_on(config),
        }
        folder.status.write_text(json.dumps(status))
        return {"sha256": artifact.sha256, "as_of": as_of, "carried_from": None}

    def record(self, run_id, hour, source):
        """Record and publish the policy of a run; without a source it does without the model."""
        content = policy(offline={"arima": 1.0, **({"tide": 2.0} if source else {})})
        if source:
            content["errors"]["tide"] |= source
        self.store.record(run_id, (START + dt.timedelta(hours=hour)).isoformat(), content)
        self.store.publish(run_id)
        manifest = {"run_id": run_id, "as_of": (START + dt.timedelta(hours=hour)).isoformat()}
        (self.store.folder.run(run_id) / MANIFEST_NAME).write_text(json.dumps(manifest))

    def found(self, run_id, hour, until, since, config):
        """Return what a run carries, and what it may carry after a look at all runs.

        A run that is done late may pass over what runs as of later moments have trained.
        """
        moments = [at if at is None else START + dt.timedelta(hours=at) for at in (until, since)]
        wanted = Wanted("tide", "offline", START + dt.timedelta(hours=hour), *moments)
        by_policy = artifacts_to_carry(self.store.folder, run_id, wanted)
        by_scan = newest_artifacts(self.store.folder.run(run_id), "tide", "offline", *moments)
        fitting = [one for one in by_scan if one.misfit(config) is None]
        allowed = (
            [fitting] if since is not None else [fitting, [one for one in fitting if self.is_past(one, hour)]]
        )
        found = next((one for one in by_policy if one.misfit(config) is None), None)
        return found, [next(iter(some), None) for some in allowed]

    def is_past(self, artifact, hour):
        return self.hours[artifact.run_id] <= hour


def carried(one, fallback_reason=None):
    return {
        "sha256": one.artifact.sha256,
        "as_of": one.as_of,
        "carried_from": one.run_id,
        "fallback_reason": fallback_reason,
    }


def live(pool, rng, runs):
    """Add runs of all kinds to a pool, one after the other; compare each time that one carries."""
    hour, lost = 0, False
    for pool.count in range(runs):
        hour = max(0, hour + rng.choice([1, 1, 1, 1, 2, 3, -7 if rng.random() < 0.3 else 1]))
        run_id, tick = f"r{pool.count}", hour // TICK * TICK
        pool.store.folder.run(run_id).mkdir(parents=True)
        pool.hours[run_id] = hour
        config = THEIRS if rng.random() < 0.15 else OURS
        kind = rng.choice(["due" if hour % TICK == 0 else "carries"] * 4 + ["named", "left out", "failed"])
        source = None
        if kind == "due":
            source = pool.train(run_id, tick, config)
            if rng.random() < 0.15:
                lost = True
                continue  # another model failed, so that there is no policy
        elif kind == "named":
            source = pool.train(run_id, hour, config)
        else:
            until, since = {
                "carries": (hour, tick), "left out": (hour, None), "failed": (tick, None)
            }[kind]  # fmt: skip
            by_policy, allowed = pool.found(run_id, hour, until, since, config)
            if not lost:
                assert by_policy in allowed, (run_id, kind, hour)
            elif since is not None:  # of one moment there may be two, one of them without a policy
                assert (by_policy and by_policy.moment) == (allowed[0] and allowed[0].moment), (run_id, hour)
            if by_policy is not None:
                source = carried(by_policy, "it failed" if kind == "failed" else None)
            elif kind == "carries":
                source = pool.train(run_id, tick, config)
        pool.record(run_id, hour, source)
        if rng.random() < 0.1:
            by_hand(pool.store, rng)


def by_hand(store, rng):
    """Do what a person does to a store."""
    decided = store.history()
    try:
        match rng.choice(["roll back", "promote", "lift", "prune"]):
            case "roll back":
                store.rollback(reason="r", actor="me")
            case "promote":
                store.promote(rng.choice(decided).run_id, reason="r", actor="me")
            case "lift":
                store.lift(reason="r", actor="me")
            case "prune":
                prune(store.folder, rng.randint(1, 8))
    except InputError:  # nothing to do
        pass


@pytest.mark.parametrize(
    "seeds", [range(6), pytest.param(range(6, 1_000), marks=pytest.mark.sweep)], ids=["sample", "sweep"]
)
@pytest.mark.parametrize("end", [65_536, 1_500], ids=["the whole history", "its end"])
def test_the_newest_policy_tells_what_a_look_at_all_runs_finds(quick_path, monkeypatch, end, seeds):
    monkeypatch.setattr(history, "_END_BYTES", end)
    for seed in seeds:
        live(Pool(quick_path / str(seed)), random.Random(seed), 25)


def a_year(root):
    """Make a pool of runs every hour, the model trained every sixth."""
    pool = Pool(root)
    for pool.count in range(40):
        run_id, hour = f"r{pool.count}", pool.count
        pool.store.folder.run(run_id).mkdir(parents=True)
        if hour % TICK == 0:
            source = pool.train(run_id, hour, OURS)
            origin = run_id
        pool.record(run_id, hour, source if origin == run_id else {**source, "carried_from": origin})
    return pool


def places_read(monkeypatch):
    read, places = files.read, []
    monkeypatch.setattr(files, "read", lambda path: places.append(path) or read(path))
    monkeypatch.setattr(carrying, "newest_artifacts", lambda *_: pytest.fail("all runs were looked at"))
    return places


@pytest.mark.parametrize("hour", [39, 41])
def test_one_policy_is_read_however_many_runs_there_are(quick_path, monkeypatch, hour):
    pool = a_year(quick_path)
    places = places_read(monkeypatch)
    until, since = (START + dt.timedelta(hours=at) for at in (hour, 36))
    wanted = Wanted("tide", "offline", until, until, since)
    found = next(artifacts_to_carry(pool.store.folder, "new", wanted))
    assert found.run_id == "r36"
    assert places == [pool.store.folder.policy("r39", 1), pool.model("r36").status]


def test_a_run_that_was_only_recorded_counts_too(quick_path, monkeypatch):
    pool = a_year(quick_path)
    pool.count = 40
    trained = pool.train("r40", 40, OURS)
    content = policy()
    content["errors"]["tide"] |= trained
    pool.store.record("r40", (START + dt.timedelta(hours=40)).isoformat(), content)
    assert pool.store.publish("r40", start=Start(publish=False)).entry.action == "recorded"
    places_read(monkeypatch)
    until = START + dt.timedelta(hours=41)
    found = next(artifacts_to_carry(pool.store.folder, "new", Wanted("tide", "offline", until, until)))
    assert found.run_id == "r40"


@pytest.mark.parametrize("change", ["removed", "trained anew"])
def test_all_runs_are_looked_at_when_the_artifact_is_not_what_the_policy_used(quick_path, change):
    pool = a_year(quick_path)
    status = pool.model("r36").status
    if change == "removed":
        status.unlink()
    else:
        status.write_text(status.read_text().replace('"sha256": "', '"sha256": "0'))
    until = START + dt.timedelta(hours=41)
    wanted = Wanted("tide", "offline", until, until)
    found = [one.run_id for one in artifacts_to_carry(pool.store.folder, "new", wanted)]
    assert found[0] == ("r30" if change == "removed" else "r36")
    assert len(found) == len(set(found)) == (6 if change == "removed" else 7)


@pytest.mark.slow
@pytest.mark.parametrize("end", [65_536, 3_000])
def test_on_object_storage_a_few_requests_find_it(quick_path, copies, s3, monkeypatch, end):
    monkeypatch.setattr(history, "_END_BYTES", end)
    pool = a_year(quick_path)
    (there,) = copies(pool.store, 1)
    s3.faults()
    until, since = (START + dt.timedelta(hours=at) for at in (41, 36))
    found = next(artifacts_to_carry(there.folder, "new", Wanted("tide", "offline", until, until, since)))
    assert found.run_id == "r36"
    requests = [(method, path.rpartition("/")[2]) for method, path in s3.requests()[0]]
    current = [("GET", "current.json")] if end < 65_536 else []
    assert requests == [("GET", "history.jsonl"), *current, ("GET", "0001.json"), ("GET", "status.json")]
