"""A change of a store on S3 that dies, or is stopped, at any of its requests."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext, suppress

import pytest
from support.death_cases import (
    BY_HAND,
    ON_FILLED,
    case_name,
    filled,
    full,
    history_of,
    kept_policies,
    shares,
    taken_back,
    undecided,
)
from support.programs import PROGRAMS
from support.programs.change import carry_out
from support.programs.interruptions import sample
from support.stores import check, check_repaired, day, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.store import PolicyStore

pytestmark = pytest.mark.slow

WRITES = {"PUT", "POST", "DELETE"}


def few(store):
    """Days 1 to 3 are published, and nothing is left of them but policies and manifests."""
    for number in (1, 2, 3):
        run(store, number)
        files.write(store.folder.run(f"day{number}") / "train_manifest.json", b"{}")


def left_behind(store):
    """The last change died after its decision, and the folder of its run was removed since."""
    filled(store)
    before = files.read(store.folder.current)
    stored = store.policy("day1").raw
    store.promote("day1", reason="by hand", actor="me")
    files.write(store.folder.current, before)
    files.write(store.folder.path / "upcoming" / "day1" / "0001.json", json.dumps(stored).encode())
    files.remove_tree(store.folder.run("day1"))


# What is only in the sweeps here, a store in a folder is put through in test_store_deaths.py.
SWEPT = [("publish", "early"), ("rollback",)]
CASES = [
    *(pytest.param(*case, marks=[pytest.mark.sweep] if case[1] in SWEPT else ()) for case in ON_FILLED),
    pytest.param(undecided, ("publish", "day4"), marks=pytest.mark.sweep),
    (full, ("publish", "day4")),
    pytest.param(full, ("record", "day5", day(5)), marks=pytest.mark.sweep),
    (left_behind, ("publish", "day4")),
]


@pytest.fixture
def seen(s3, quick_path):
    """Return a store in a folder that holds what a store on S3 holds."""

    def see(store):
        local = PolicyStore(quick_path / "seen" / store.folder.root.name, "pool")
        shutil.rmtree(local.folder.root, ignore_errors=True)
        for name, text in s3.below(str(store.folder.root).removeprefix("s3://")).items():
            path = local.folder.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return local

    return see


def kind(request):
    """Return what a request does, and to which file of a store."""
    method, path = request
    return method, path.rpartition("/")[2]


class Interrupter:
    """A program that interrupts changes, started once for all tests."""

    def __init__(self, mode):
        command = [sys.executable, PROGRAMS / "object_change.py", mode]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(self, action, stores, places):
        """Have an action carried out on each store, interrupted at its place."""
        uris = (str(one.folder.root) for one in stores)
        order = [action[0], dict(zip(uris, places, strict=True)), action[1:]]
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def answer(self):
        """Return the lines that it prints until it has carried out the order."""
        lines = []
        for line in self.process.stdout:
            if line == "end\n":
                return lines
            lines.append(line.strip())
        return pytest.fail(f"ended with {self.process.wait()} after {lines}")

    def stop(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def interrupters():
    """Return what gives interrupters by their mode; one that has ended is started again."""
    started = {}

    def give(mode):
        if mode not in started or started[mode].process.poll() is not None:
            started[mode] = Interrupter(mode)
        return started[mode]

    yield give
    for interrupter in started.values():
        interrupter.stop()


@shares(15)
@pytest.mark.parametrize(("make", "action"), CASES, ids=case_name)
def test_a_change_killed_at_any_request_is_repaired_by_the_next(
    s3, store, copies, seen, interrupters, make, action, every
):
    make(store)
    (expected,) = copies(store, 1)
    before = history_of(store)
    s3.faults()
    carry_out(expected.folder.root, *action)
    writes = [kind(request) for request in s3.requests()[0] if request[0] in WRITES]
    places = sample(writes, every)
    decided, runs = history_of(seen(expected)), expected.folder.run_folders()
    assert not files.children(expected.folder.path / "upcoming")
    killed = copies(store, len(places))
    killer = interrupters("kill")
    killer.order(action, killed, places)
    met = killer.answer()
    assert len(met) == len(killed) > 0
    for at, operation, one in zip(places, met, killed, strict=True):
        where = f"killed at request {at}, {operation}"
        left = seen(one)
        if make is not left_behind:
            check(left)
        after, policies = history_of(left), kept_policies(left)
        assert after in (before, decided), where
        # Airflow tries again in any case; a person looks at the history first.
        if action[0] not in BY_HAND or after == before:
            carry_out(one.folder.root, *action)
        assert one.publish("day9").entry.action == "published", where
        end = seen(one)
        check(end)
        assert json.loads(end.folder.current.read_bytes())["record"]["run_id"] == "day9", where
        assert history_of(end) == [*decided, "published day9 1"], where
        if action[0] == "prune":
            assert end.folder.run_folders() == sorted(runs), where
        else:
            assert policies.items() <= kept_policies(end).items(), where


FIRST_AND_SECOND = [
    (filled, ("publish", "day4"), ("publish", "day9")),
    (filled, ("publish", "day9"), ("publish", "day4")),
    (filled, ("rollback",), ("publish", "day4")),
    (few, ("promote", "day1"), ("prune",)),
    (few, ("prune",), ("promote", "day1")),
    *(
        pytest.param(case, marks=pytest.mark.sweep)
        for case in (
            (undecided, ("publish", "day4"), ("publish", "day9")),
            (full, ("publish", "day4"), ("publish", "day9")),
            (filled, ("publish", "day4"), ("publish", "day4")),
            (taken_back, ("lift",), ("promote", "day1")),
        )
    ),
]


@shares(15)
@pytest.mark.parametrize("case", FIRST_AND_SECOND, ids=lambda case: "-".join(map(case_name, case)))
def test_a_change_stopped_at_any_request_while_another_is_made(
    s3, store, copies, seen, interrupters, case, every
):
    """The stopped one goes on after the other's end, and both count."""
    make, first, second = case
    make(store)
    before = history_of(store)
    (alone,) = copies(store, 1)
    s3.faults()
    carry_out(alone.folder.root, *first)
    places = sample([kind(request) for request in s3.requests()[0]], every)
    stores = copies(store, len(places))
    pauser = interrupters("pause")
    process = pauser.process
    alarm = threading.Timer(120, process.kill)
    alarm.start()
    try:
        pauser.order(first, stores, places)
        for one in stores:
            assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
            with suppress(InputError) if "prune" in first else nullcontext():
                carry_out(one.folder.root, *second)
            process.send_signal(signal.SIGCONT)
        assert pauser.answer() == []
    except BaseException:
        pauser.stop()
        raise
    finally:
        alarm.cancel()
    for at, one in zip(places, stores, strict=True):
        end = seen(one)
        made = history_of(end)[len(before) :]
        where = f"stopped at request {at}: {made}"
        if "prune" not in first + second:
            check_repaired(end)
            assert len(made) == len({first, second}), where
        elif made:
            assert made == ["promoted day1 1"], where
            current = json.loads(end.folder.current.read_bytes())
            assert (current["record"]["run_id"], current["publication"]["number"]) == ("day1", 4), where
        else:
            assert "day1" not in end.folder.run_folders(), where
            check(end)
