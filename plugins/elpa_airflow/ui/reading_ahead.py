"""Read from many stores at once: one that does not answer keeps nobody waiting for the others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from threading import Lock, Thread
from typing import Generic, NamedTuple, TypeVar

from elpa_core.files import is_uri

_REMOTE, _LOCAL = 16, 2
"""Threads of one store: object storage answers after some time; for a folder more would only cost."""
_FRESH = 10.0
"""For so many seconds a read that ended when nobody waited is kept for who asks again."""

_Found = TypeVar("_Found")


class Place(NamedTuple):
    """A Dag's part of a store."""

    store: str
    dag_id: str


class ReadingAhead(Generic[_Found]):
    """Reads that go on while nobody waits for them. Each store has threads of its own.

    Parameters
    ----------
    read : callable
        Reads what lies in a place.
    """

    def __init__(self, read: Callable[[Place], _Found]) -> None:
        self._read = read
        self._begun: dict[Place, Future[tuple[float, _Found]]] = {}
        self._stores: dict[str, _Threads] = {}
        self._lock = Lock()

    def get(self, places: Iterable[Place], patience: float, *, again: bool = False) -> dict[Place, _Found]:
        """Return what could be read within some seconds. The rest is read on, for who asks again.

        Parameters
        ----------
        places : iterable of Place
            What to read.
        patience : float
            How many seconds to wait.
        again : bool
            Also what a read found that has ended since somebody asked first; else all is read now.
        """
        with self._lock:
            reads = {place: self._begin(place, again) for place in places}
        wait(reads.values(), patience)
        ended = {place: read for place, read in reads.items() if read.done()}
        with self._lock:
            for place, read in ended.items():
                if self._begun.get(place) is read:
                    del self._begun[place]
        return {place: read.result()[1] for place, read in ended.items()}

    def _begin(self, place: Place, again: bool) -> Future[tuple[float, _Found]]:
        known = self._begun.get(place)
        if known is not None and (not known.done() or (again and _is_fresh(known))):
            return known
        begun: Future[tuple[float, _Found]] = Future()
        self._begun[place] = begun
        most = _REMOTE if is_uri(place.store) else _LOCAL
        self._stores.setdefault(place.store, _Threads(most)).add(lambda: self._do(place, begun))
        return begun

    def _do(self, place: Place, begun: Future[tuple[float, _Found]]) -> None:
        try:
            found = self._read(place)
        except BaseException as error:  # noqa: BLE001  (who asks for the place gets it)
            begun.set_exception(error)
        else:
            begun.set_result((time.monotonic(), found))


def _is_fresh(read: Future[tuple[float, _Found]]) -> bool:
    return read.exception() is None and time.monotonic() - read.result()[0] < _FRESH


class _Threads:
    """A few threads that live while there is work. They do not keep the process from ending."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: deque[Callable[[], None]] = deque()
        self._alive = 0
        self._lock = Lock()

    def add(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._work.append(work)
            if self._alive == self._most:
                return
            self._alive += 1
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._work:
                    self._alive -= 1
                    return
                work = self._work.popleft()
            work()
