"""The history of a Dag's policies: one line per decision, only ever added to, the source of truth.

A line counts once it ends in a newline. The start of one that a killed writer left is passed over
by readers and cut off by the next writer. Heads stand between the lines, see `elpa_core.store.lines`.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.schema.problems import expected, problems_of
from elpa_core.store.lines import Head, Lines, is_head, read_whole, whole_lines
from elpa_core.times import parse_moment, utc_text

Action = Literal["published", "recorded", "held", "promoted", "rolled_back", "lifted"]
UNPUBLISHED: frozenset[Action] = frozenset({"recorded", "held", "lifted"})
"""What puts no policy in the place of the current one."""
READABLE_HISTORY = "a history that can be read"
"""What a reader of a history expects."""
PolicyKey = tuple[str, int]
"""A run id and the number of one of the run's policies."""


def _in_utc(text: str) -> str:
    try:
        return utc_text(parse_moment(text))
    except (ValueError, OverflowError) as error:
        wanted = "a moment in ISO 8601 with its offset, such as 2026-01-31T06:00:00+00:00"
        raise expected(wanted) from error


AsOf = Annotated[str, AfterValidator(_in_utc)]


class PolicyName:
    """What names a policy of the store, and orders it."""

    run_id: str
    number: int
    as_of: str

    @property
    def key(self) -> PolicyKey:
        """The policy's name in the store."""
        return self.run_id, self.number

    @property
    def moment(self) -> dt.datetime:
        """``as_of`` as a moment."""
        return parse_moment(self.as_of)


class Entry(BaseModel):
    """One decision: what became of a policy, when, by whom and why."""

    model_config = ConfigDict(frozen=True)

    number: int | None = Field(
        default=None, ge=1, description="Publication number; null where nothing was published."
    )
    when: str = Field(description="UTC, ISO 8601; information only, nothing is ordered by it.")
    action: Action
    actor: str = Field(description="Who or what decided.")
    run_id: str
    policy_number: int = Field(ge=1, description="Which of the run's policies.")
    as_of: AsOf
    reason: str
    best: dict[str, str] = Field(default_factory=dict, description="Best model of each group.")
    restores: int | None = Field(
        default=None, ge=1, description="Of a rollback: number of the publication that it goes back to."
    )
    lifts: AsOf | None = Field(
        default=None, description="Of a lift: up to this as_of runs were only recorded until then."
    )
    clock: AsOf | None = Field(
        default=None,
        description="Of a lift: when it was decided. A policy as of a later moment is out of the order.",
    )

    @property
    def key(self) -> PolicyKey:
        """The policy that this is about."""
        return self.run_id, self.policy_number

    @property
    def moment(self) -> dt.datetime:
        """``as_of`` as a moment."""
        return parse_moment(self.as_of)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as a JSON object."""
        return self.model_dump(mode="json")

    def line(self) -> bytes:
        """Return the entry as a line of the history."""
        return (json.dumps(self.to_json(), ensure_ascii=False) + "\n").encode()


def read_history(path: StorePath) -> list[Entry]:
    """Return all entries, oldest first.

    Raises
    ------
    InputError
        If a whole line is no entry, or the history cannot be read.
    """
    return entries_of(history_bytes(path), str(path))


def history_bytes(path: StorePath) -> bytes:
    """Return the content of a history, closed segments included; empty bytes if there is none.

    Raises
    ------
    InputError
        If it cannot be read, or lines are missing.
    """
    with as_input_error(path, READABLE_HISTORY), suppress(FileNotFoundError):
        return read_whole(path)
    return b""


def entries_of(data: bytes, source: str) -> list[Entry]:
    """Return the entries of a history's whole lines, oldest first.

    Raises
    ------
    InputError
        If one is no entry.
    """
    lines = whole_lines(data).split(b"\n")[:-1]
    return [
        entry
        for number, line in enumerate(lines, start=1)
        if (entry := _entry(line, f"{source}, line {number}")) is not None
    ]


def entries_behind(end: Lines, source: str) -> list[Entry]:
    """Return the entries behind a head.

    Raises
    ------
    InputError
        If one is no entry.
    """
    if end.are_all:
        return entries_of(b"".join(end.lines), source)
    return entries_of(b"".join(end.lines), f"{source}, behind the head of {end.head.lines} lines")


def highest_number(data: bytes, run_id: str, source: str) -> int:
    """Return the highest number of a run's policies that some lines of a history tell of; 0 if none.

    Only lines that hold the run's id are read.

    Raises
    ------
    InputError
        If one of them is no entry.
    """
    highest = 0
    for needle in {json.dumps(run_id, ensure_ascii=escaped).encode() for escaped in (True, False)}:
        place = data.find(needle)
        while place >= 0:
            end = data.find(b"\n", place)
            line = data[data.rfind(b"\n", 0, place) + 1 : end]
            entry = _entry(line, source)
            if entry is not None and entry.run_id == run_id:
                highest = max(highest, entry.policy_number)
            place = data.find(needle, end) if end >= 0 else -1
    return highest


def _entry(line: bytes, source: str) -> Entry | None:
    """Return the entry that a line is; None if it is a head."""
    try:
        if is_head(line) and Head.model_validate_json(line):
            return None
        return Entry.model_validate_json(line)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            found = quoted(line.decode(errors="backslashreplace"))
            hint = "restore the file from a backup"
            raise InputError(Problem(source, "", found, "one decision as JSON", hint)) from error
        raise InputError(problems_of(error, source, Entry)) from error
