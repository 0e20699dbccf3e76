"""What the tests of deaths share: stores, changes of them, and what a change leaves."""

import pytest

from elpa_core import files
from elpa_core.store.lines import SEGMENT
from support.stores import actions, day, policy, put_before, record, run


def filled(store):
    """Days 1 to 3 are published, 4, 9 and an early one recorded and not decided on."""
    for number in (1, 2, 3):
        run(store, number, policy({"ets": float(number)}))
        run_dir = store.folder.run(f"day{number}")
        files.write(run_dir / "models" / "ets" / "validation_errors.csv", b"e")
        files.write(run_dir / "models" / "ets" / "status.json", b'{"status": "ok"}')
        files.write(run_dir / "train_manifest.json", b'{"run_id": "x"}')
    undecided(store)
    store.record("early", "2025-12-31T00:00:00Z", policy())


def taken_back(store):
    """Day 3 was rolled back from, and the current policy is that of day 2."""
    filled(store)
    store.rollback(reason="by hand", actor="me")


def undecided(store):
    record(store, 4)
    record(store, 9)


def full(store):
    """The next decision closes a segment of the history, and the next policy one of the summaries."""
    undecided(store)
    put_before(store, SEGMENT)


ON_FILLED = [
    (filled, ("record", "day5", day(5))),
    (filled, ("publish", "day4")),
    (filled, ("publish", "early")),
    (filled, ("promote", "day1")),
    (filled, ("rollback",)),
    (filled, ("prune",)),
    (taken_back, ("lift",)),
]
BY_HAND = {"promote", "rollback", "lift"}


def shares(every):
    """Have a test die at some places, at least one of each kind, and in the sweeps at each."""
    return pytest.mark.parametrize(
        "every", [every, pytest.param(1, marks=pytest.mark.sweep)], ids=["at some", "at each"]
    )


def case_name(value):
    return value.__name__ if callable(value) else "-".join(value[:2])


def history_of(store):
    return actions(store) if store.folder.path.exists() else []


def kept_policies(store):
    return {path: path.read_bytes() for path in store.folder.runs.glob("[!.]*/policies/*.json")}
