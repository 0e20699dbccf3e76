"""Interrupt changes of a store on S3 at their requests, each in a process of its own.

``object_change.py kill`` reads orders, one per line: [ACTION, {URI: PLACE, ...}, [RUN_ID [AS_OF]]], JSON. It
carries the action out on each of the stores, where it dies before so many of its requests that write or
remove are made as PLACE says. Prints the requests before which it died, one per line, then ``end``. (A death
before a request that reads leaves what one before the next that writes does.)

``object_change.py pause`` reads the same orders. It carries the action out on each of the stores, stopped
before the request whose number is PLACE, and prints ``end``.

``object_change.py publish URI DAY ...`` records and publishes runs once its input ends, and now and then
promotes or rolls back; prints the decisions that it made.

``object_change.py read URI`` reads the current policy in a loop until it is the publication whose number
comes by its input; prints the publications that it saw.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import s3fs

from elpa_core.errors import InputError
from elpa_core.files import open_location
from elpa_core.store import PolicyStore
from support.programs.change import carry_out, ended, forked
from support.stores import day, policy

_WRITES = {"put_object", "delete_object", "delete_objects"}


@contextmanager
def before_each_request(meet: Callable[[str], None]) -> Iterator[None]:
    original = s3fs.S3FileSystem._call_s3

    async def call(self, method, *arguments, **options):
        meet(method)
        return await original(self, method, *arguments, **options)

    s3fs.S3FileSystem._call_s3 = call
    yield
    s3fs.S3FileSystem._call_s3 = original


def kill(action: str, stores: dict[str, int], arguments: list[str]) -> None:
    for uri, at in stores.items():
        requests = iter(range(1_000_000))

        def meet(method: str, at: int = at, requests: Iterator[int] = requests) -> None:
            if method in _WRITES and next(requests) == at:
                print(method, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

        def work(meet: Callable[[str], None] = meet, uri: str = uri) -> None:
            with before_each_request(meet):
                carry_out(open_location(uri), action, *arguments)

        if ended(forked(work)):
            raise SystemExit(f"{action} ended after {at} requests")


def pause(action: str, stores: dict[str, int], arguments: list[str]) -> None:
    left = 0

    def meet(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            # To this thread: to the process, it could go on for a moment while another one takes the signal.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    for uri, at in stores.items():
        left = at + 1
        # Refused is, for example, what is about a run that was removed meanwhile.
        with before_each_request(meet), suppress(InputError):
            carry_out(open_location(uri), action, *arguments)
        if left > 0:
            raise SystemExit(f"{action} ended after {at} requests")


def publish(uri: str, *days: str) -> None:
    store = PolicyStore(open_location(uri), "pool")
    made = []
    for number in map(int, days):
        recorded = store.record(f"day{number}", day(number), policy({"ets": float(number)}))
        made.append(store.publish(recorded.run_id, recorded.number))
        if number % 3 == 0:
            made.append(store.promote(recorded.run_id, recorded.number, reason="by hand", actor="me"))
        with suppress(InputError):  # there may be nothing to go back to
            if number % 4 == 0:
                made.append(store.rollback(reason="by hand", actor="me"))
    print(json.dumps([outcome.entry.to_json() for outcome in made if outcome.changed]))


def read(uri: str) -> None:
    store = PolicyStore(open_location(uri), "pool")
    last: list[int] = []
    threading.Thread(target=lambda: last.append(int(sys.stdin.readline())), daemon=True).start()
    seen = [0]
    while seen[-1:] != last:
        current = store.current()
        assert current.publication is not None
        assert current.contents.scores["ets"] == float(current.record.run_id.removeprefix("day"))
        if current.publication.number != seen[-1]:
            seen.append(current.publication.number)
        time.sleep(0.05)  # the server has one thing in hand at a time
    print(json.dumps(seen[1:]))


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    if mode == "publish":
        print("ready", flush=True)
        sys.stdin.read()
        publish(*rest)
    elif mode == "read":
        print("ready", flush=True)
        read(*rest)
    else:
        for line in sys.stdin:
            {"kill": kill, "pause": pause}[mode](*json.loads(line))
            print("end", flush=True)
