"""Many processes on one store on S3: publishers at once, readers all the while."""

import json
import subprocess
import sys

import pytest
from support.programs import PROGRAMS
from support.stores import check, check_repaired, policy, run

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, PROGRAMS / "object_change.py"]
DAYS = ([1, 4, 8], [4, 6, 12], [12, 3, 8])


def started(mode, store, *arguments):
    process = subprocess.Popen(
        [*PROGRAM, mode, str(store.folder.root), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process, text=""):
    answer = process.communicate(text, timeout=60)[0]
    assert process.returncode == 0
    return json.loads(answer)


@pytest.mark.parametrize(("days", "count"), [(DAYS[:2], 1), pytest.param(DAYS, 2, marks=pytest.mark.sweep)])
def test_publishers_at_once_lose_nothing_and_readers_see_whole_policies_in_order(s3_store, days, count):
    run(s3_store, 2, policy({"ets": 2.0}))
    readers, publishers = [], []
    try:
        readers += [started("read", s3_store) for _ in range(count)]
        publishers += [started("publish", s3_store, *some) for some in days]
        for process in publishers:
            process.stdin.close()
            process.stdin = None
        made = [entry for process in publishers for entry in ended(process)]
        check_repaired(s3_store)
        last = check(s3_store)
        seen = [ended(process, f"{last}\n") for process in readers]
    finally:
        for process in readers + publishers:
            process.kill()
            process.communicate()
    history = [entry.to_json() for entry in s3_store.history()]
    # Each decision in the history is one process's, and each process's is in the history.
    assert sorted(map(json.dumps, history[1:])) == sorted(map(json.dumps, made))
    assert len([entry for entry in made if entry["action"] in {"published", "recorded"}]) == sum(
        map(len, days)
    )
    published = {entry["number"]: entry for entry in history if entry["number"]}
    for numbers in seen:
        assert numbers == sorted(numbers)
        assert numbers[-1] == last
        assert set(numbers) <= set(published)
    assert max(map(len, seen)) > 2
