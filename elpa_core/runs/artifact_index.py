"""Which runs have trained a model, the newest data first: an index, so that nobody looks at all runs.

Per model there is a folder of empty files. Their names begin with the time that is left from the moment up to
which a training used data to the end of the calendar, so that a listing begins with the newest. A training
enters itself before its status says that it ended well. So each training that ended well has an entry, and
whoever finds an entry goes by the status in the run's folder, which may say that it did not, or be gone.

The index is derived from the statuses. Where it is not complete (an earlier version trained, somebody removed
it), whoever reads it first looks at all runs, and completes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from elpa_core import files
from elpa_core.files import StorePath

_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_DIGITS = 18
_AT_ONCE = 100


class Entry(NamedTuple):
    """A training.

    Parameters
    ----------
    moment : datetime
        The moment up to which it used data.
    run : str
        The name of the run's folder.
    """

    moment: dt.datetime
    run: str

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{_left(self.moment)}~{self.run}"


@dataclass(frozen=True)
class ArtifactIndex:
    """The index of one model.

    Parameters
    ----------
    path : path
        Its folder.
    """

    path: StorePath

    @classmethod
    def of(cls, runs: StorePath, model: str) -> ArtifactIndex:
        """Return the index of a model.

        Parameters
        ----------
        runs : path
            The folder of the runs' folders.
        model : str
            The model.
        """
        return cls(runs.parent / "artifacts" / model)

    def enter(self, entries: Iterable[Entry]) -> None:
        """Enter trainings, on the disk when this returns."""
        files.touch([self.path / entry.name for entry in entries])

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove entries, of runs that are gone."""
        files.forget([self.path / entry.name for entry in entries])

    @property
    def is_complete(self) -> bool:
        """Whether each training that ended well has an entry."""
        return files.exists(self._mark)

    def complete(self, entries: Iterable[Entry]) -> None:
        """Enter all trainings that ended well, and say that these are all."""
        self.enter(entries)
        files.touch([self._mark])

    def newest_first(self, until: dt.datetime, since: dt.datetime | None = None) -> Iterator[Entry]:
        """Yield the entries of a time.

        Parameters
        ----------
        until : datetime
            The latest moment.
        since : datetime, optional
            The earliest one.
        """
        after = _left(until)
        while True:
            names = files.names_after(self.path, after, _AT_ONCE)
            for name in names:
                left, found, run = name.partition("~")
                if not found or (since is not None and left > _left(since)):
                    return
                yield Entry(_moment(left), run)
            if not names:
                return
            after = names[-1]

    @property
    def _mark(self) -> StorePath:
        return self.path / "complete"


def _left(moment: dt.datetime) -> str:
    """Return how many microseconds are left from a moment to the end of the calendar, with leading zeros."""
    return f"{10**_DIGITS - 1 - (moment - _FIRST) // _MICROSECOND:0{_DIGITS}}"


def _moment(left: str) -> dt.datetime:
    passed = 10**_DIGITS - 1 - int(left)
    return _FIRST + dt.timedelta(microseconds=passed)
