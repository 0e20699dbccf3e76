"""Notifiers for a Dags folder, and what they noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Without the word by which Airflow knows files that it must parse.
NOTIFIERS = """
import os
import signal
from pathlib import Path

from airflow.sdk import BaseNotifier


class Note(BaseNotifier):
    template_fields = ("path", "text")

    def __init__(self, path, text):
        super().__init__()
        self.path, self.text = path, text

    def notify(self, context):
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(self.text + "\\n")


class Break(BaseNotifier):
    def notify(self, context):
        raise ConnectionError("no line to the pager")


class Kill(BaseNotifier):
    def notify(self, context):
        os.kill(os.getpid(), signal.SIGKILL)
"""
TEXT = "{{ run_id }}|{{ events | join(' ') }}|{{ missing | map(attribute='name') | join(' ') }}"


def notes(path: Path, *events: str, text: str = TEXT) -> list[dict[str, Any]]:
    """Return two blocks for these events: one notifier that fails, and one that adds a line to a file."""
    here = {"on": list(events), "notifier": "notifiers_of_tests.Note", "path": str(path), "text": text}
    return [{"on": list(events), "notifier": "notifiers_of_tests.Break"}, here]


def noted(path: Path) -> list[list[str]]:
    """Return the parts of each line that was noted."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.split("|") for line in lines]
