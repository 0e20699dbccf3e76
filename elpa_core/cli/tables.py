"""Stored policies and their history as plain lines."""

from __future__ import annotations

from collections.abc import Sequence

from elpa_core.policy.table import model_lines
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.store import Entry
from elpa_core.store.stored_policy import StoredPolicy

_TITLES = ("no", "when", "action", "run", "policy", "as_of", "best online", "best offline", "", "why")


def history_lines(entries: Sequence[Entry], current: int | None) -> list[str]:
    """Return a history as a table; the current publication is marked.

    Parameters
    ----------
    entries : sequence of Entry
        Oldest first.
    current : int or None
        Number of the current publication.
    """
    rows = [_TITLES, *(_cells(entry, current) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _cells(entry: Entry, current: int | None) -> tuple[str, ...]:
    published = entry.number is not None
    return (
        str(entry.number) if published else "-",
        f"{entry.when[:19]}Z",
        entry.action.replace("_", " "),
        entry.run_id,
        str(entry.policy_number),
        entry.as_of,
        *(entry.best.get(group, "-") for group in GROUPS),
        "current" if published and entry.number == current else "",
        entry.reason,
    )


def in_one_line(stored: StoredPolicy) -> str:
    """Return run, number and as_of of a policy, in one line."""
    record = stored.record
    text = f"run {record.run_id}, policy {record.number}, as of {record.as_of}"
    return f"{text} (current, publication {stored.publication.number})" if stored.publication else text


def stored_lines(stored: StoredPolicy) -> list[str]:
    """Return a policy as plain lines: its run, its publication, scores and weights, files of its models."""
    publication = stored.publication
    lines = [in_one_line(stored), f"file {stored.path}"]
    if publication is not None:
        action = publication.action.replace("_", " ")
        lines.append(f"{action} at {publication.when} by {publication.actor}: {publication.reason}")
    lines += model_lines(stored.contents)
    for name, source in stored.contents.errors.items():
        if source.artifacts:
            start = f", started from {source.warm_started_from}" if source.warm_started_from else ""
            lines += [f"files of {name}{start}:", *(f"  {line}" for line in file_lines(source.artifacts))]
    return lines


def file_lines(files: Sequence[TrainedFile]) -> list[str]:
    """Return the files of a trained model as a table: size in bytes, SHA-256, path."""
    sizes = ["-" if file.bytes is None else str(file.bytes) for file in files]
    width = max(map(len, sizes))
    return [
        f"{size:>{width}}  {file.sha256 or '-'}  {file.path}" for size, file in zip(sizes, files, strict=True)
    ]
