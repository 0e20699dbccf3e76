"""Many processes on one store: readers during publications, publishers at once. Runs in about 8 seconds."""

import json
import subprocess
import sys

import pytest
from support.death_cases import shares
from support.programs import PROGRAMS
from support.stores import actions, check_repaired, current_run, day, policy

from elpa_core.store import PolicyStore

pytestmark = pytest.mark.slow

PUBLISH = """
import sys
from pathlib import Path
from elpa_core.store import PolicyStore
store = PolicyStore(Path(sys.argv[1]), "pool")
policy = __import__("json").load(open(sys.argv[2]))
sys.stdin.read(1)
for number in map(int, sys.argv[3:]):
    recorded = store.record(f"day{number}", f"2026-01-{number:02}T00:00:00Z", policy)
    store.publish(recorded.run_id, recorded.number)
"""


def publish(store, number):
    """Publish a run whose policy tells which one it is."""
    as_of = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    store.record(f"day{number}", as_of, policy({"ets": float(number)}))
    assert store.publish(f"day{number}").entry.number == number


@pytest.mark.parametrize(
    ("readers", "publications"), [(10, 40), pytest.param(100, 100, marks=pytest.mark.sweep)]
)
def test_many_readers_never_see_a_part_or_a_step_back(quick_path, readers, publications):
    store = PolicyStore(quick_path, "pool")
    publish(store, 1)
    program = [sys.executable, PROGRAMS / "readers.py", store.folder.current, str(publications), str(readers)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            for number in range(2, publications + 1):
                publish(store, number)
            complaints = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert complaints == ""
    assert process.returncode == 0
    check_repaired(store)


@pytest.mark.parametrize(
    ("first", "second"),
    [(("day1", day(1)), ("day2", day(2))), (("day2", day(2)), ("day1", day(1))), (("day1", day(1)),) * 2],
    ids=["older first", "newer first", "the same run"],
)
@shares(3)
def test_two_publishers_come_to_the_same_end_in_any_interleaving(quick_path, first, second, every):
    program = [sys.executable, PROGRAMS / "change.py", "pause", str(every), quick_path, *first, *second]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names, places = json.loads(done.stdout)
    assert len(names) > 30
    assert len(places) >= len(names) // every
    newest = max(first, second)[0]
    for at in [*places, len(names)]:
        store = PolicyStore(quick_path / str(at), "pool")
        assert current_run(store) == newest
        assert len(store.history()) == 2
        if first == second:
            assert sorted(actions(store)) == ["published day1 1", "published day1 2"]
        check_repaired(store)


def test_many_publishers_at_once_lose_nothing(quick_path):
    root, path = quick_path / "store", quick_path / "policy.json"
    path.write_text(json.dumps(policy()))
    processes = [
        subprocess.Popen([sys.executable, "-c", PUBLISH, root, path, *map(str, days)], stdin=subprocess.PIPE)
        for days in ([1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [16, 12, 8, 4])
    ]
    for process in processes:
        process.stdin.close()
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    store = PolicyStore(root, "pool")
    assert sorted(entry.run_id for entry in store.history()) == sorted(f"day{n}" for n in range(1, 17))
    assert current_run(store) == "day16"
    check_repaired(store)
