"""Interrupt changes of a store, each in a process of its own, at each file operation in turn.

``change.py kill STORE OUT ACTION [RUN_ID [AS_OF]]``: OUT/0, OUT/1, ... become copies of the store
whose change died at operation 0, 1, ...; prints the operations as JSON.

``change.py pause OUT RUN_ID AS_OF OTHER_RUN_ID OTHER_AS_OF``: OUT/0, OUT/1, ... become stores to which
one process published the first run, stopped at operation 0, 1, ..., while another published the
second; prints how many there are.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from elpa_core.store import PolicyStore
from elpa_core.store.pruning import prune
from support.programs.interruptions import death, operations, pause
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


def kill_everywhere(template: Path, out: Path, action: str, *arguments: str) -> list[str]:
    """Kill the action at each of its operations in turn; return their names."""
    names = []
    for at in range(1000):
        root = out / str(at)
        shutil.copytree(template, root)
        receiver, sender = os.pipe()

        def work(root: Path = root, at: int = at, sender: int = sender) -> None:
            with operations(death(at, sender)):
                carry_out(root, action, *arguments)

        child = forked(work)
        os.close(sender)
        with os.fdopen(receiver) as pipe:
            name = pipe.read()
        if ended(child):
            return names
        names.append(name)
    raise SystemExit("the action has no end")


def pause_everywhere(out: Path, run_id: str, as_of: str, other_run_id: str, other_as_of: str) -> int:
    """Let a second process publish while a first one is stopped at each of its operations in turn."""
    for at in range(1000):
        root = out / str(at)

        def work(root: Path = root, at: int = at) -> None:
            with operations(pause(at)):
                carry_out(root, "run", run_id, as_of)

        first = forked(work)
        status = os.waitpid(first, os.WUNTRACED)[1]
        second = forked(lambda root=root: carry_out(root, "run", other_run_id, other_as_of))
        if os.WIFEXITED(status):
            assert ended(second)
            return at
        until = time.monotonic() + 0.03  # by then it has ended, or waits for the first one's lock
        over = 0
        while not over and time.monotonic() < until:
            over = os.waitpid(second, os.WNOHANG)[0]
            time.sleep(0.002)
        os.kill(first, signal.SIGCONT)
        assert ended(first)
        assert over or ended(second)
    raise SystemExit("the action has no end")


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    if mode == "kill":
        print(json.dumps(kill_everywhere(Path(rest[0]), Path(rest[1]), *rest[2:])))
    else:
        print(json.dumps(pause_everywhere(Path(rest[0]), *rest[1:])))
