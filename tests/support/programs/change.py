"""Interrupt changes of a store, each in a process of its own, at its file operations in turn.

``change.py kill EVERY STORE OUT ACTION [RUN_ID [AS_OF]]``: OUT/0, OUT/3, ... become copies of the store
whose change died at operation 0, 3, ...: at every EVERY-th, and at the first of each kind. Prints the
names of all operations, and at which a change died, as JSON.

``change.py pause EVERY OUT RUN_ID AS_OF OTHER_RUN_ID OTHER_AS_OF``: OUT/0, OUT/3, ... become stores to
which one process published the first run, stopped at operation 0, 3, ... or at none, while another published
the second; prints the same.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from elpa_core.store import PolicyStore
from elpa_core.store.pruning import prune
from support.programs.interruptions import death, operations, pause, sample
from support.stores import policy

POLICY = policy({"new": 1.0})


def carry_out(root: Path, action: str, *arguments: str) -> None:
    store = PolicyStore(root, "pool")
    if action == "record":
        store.record(*arguments, POLICY)
    elif action == "publish":
        store.publish(*arguments)
    elif action == "run":
        store.publish(*arguments[:1], store.record(*arguments, POLICY).number)
    elif action == "promote":
        store.promote(*arguments, reason="by hand", actor="me")
    elif action == "rollback":
        store.rollback(reason="by hand", actor="me")
    elif action == "prune":
        prune(store.folder, 1)


def forked(work) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def ended(child: int) -> bool:
    """Wait for a child; return whether it got to its end."""
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    assert status == 0, status
    return True


def operations_of(work: Callable[[], None]) -> list[str]:
    """Return the names of all operations of what runs to its end, in a process of its own."""
    receiver, sender = os.pipe()

    def tell() -> None:
        names: list[str] = []
        with operations(lambda _, name: names.append(name)):
            work()
        with os.fdopen(sender, "w") as pipe:
            json.dump(names, pipe)

    child = forked(tell)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        names = json.load(pipe)
    assert ended(child)
    return names


def kill_at(
    every: int, template: Path, out: Path, action: str, *arguments: str
) -> tuple[list[str], list[int]]:
    """Kill the action at some of its operations; return the names of all, and which they were."""
    whole = out / "whole"
    shutil.copytree(template, whole)
    names = operations_of(lambda: carry_out(whole, action, *arguments))
    places = sample(names, every)
    for at in places:
        root = out / str(at)
        shutil.copytree(template, root)
        receiver, sender = os.pipe()

        def work(root: Path = root, at: int = at, sender: int = sender) -> None:
            with operations(death(at, sender)):
                carry_out(root, action, *arguments)

        child = forked(work)
        os.close(sender)
        with os.fdopen(receiver) as pipe:
            assert pipe.read() == names[at]
        assert not ended(child)
    return names, places


def pause_at(
    every: int, out: Path, run_id: str, as_of: str, other_run_id: str, other_as_of: str
) -> tuple[list[str], list[int]]:
    """Let a second process publish while a first one is stopped at some of its operations."""
    names = operations_of(lambda: carry_out(out / "whole", "run", run_id, as_of))
    places = sample(names, every)
    for at in [*places, len(names)]:
        root = out / str(at)

        def work(root: Path = root, at: int = at) -> None:
            with operations(pause(at)):
                carry_out(root, "run", run_id, as_of)

        first = forked(work)
        stopped = os.WIFSTOPPED(os.waitpid(first, os.WUNTRACED)[1])
        assert stopped == (at in places)
        second = forked(lambda root=root: carry_out(root, "run", other_run_id, other_as_of))
        if not stopped:
            assert ended(second)
            break
        until = time.monotonic() + 0.03  # by then it has ended, or waits for the first one's lock
        over = 0
        while not over and time.monotonic() < until:
            over = os.waitpid(second, os.WNOHANG)[0]
            time.sleep(0.002)
        os.kill(first, signal.SIGCONT)
        assert ended(first)
        assert over or ended(second)
    return names, places


if __name__ == "__main__":
    mode, every, *rest = sys.argv[1:]
    if mode == "kill":
        print(json.dumps(kill_at(int(every), Path(rest[0]), Path(rest[1]), *rest[2:])))
    else:
        print(json.dumps(pause_at(int(every), Path(rest[0]), *rest[1:])))
