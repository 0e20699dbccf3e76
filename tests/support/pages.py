"""The pages of the repository: their fences, their commands, their links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md", "dags/README.md", "plugins/README.md", "elpa_core/README.md", "elpa_core/routing/README.md",
    "tests/README.md",
)  # fmt: skip
PROGRAMS = ("elpa", "airflow", "make", "docker", "pip", "python", ".ci/run", ".venv/bin/python")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"<<'END'[^\n]*\n.*?^END$", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"^\| `([^`]+)` \| ([^|`]+) \|$", re.MULTILINE)


class Fence(NamedTuple):
    """A fenced part of a page."""

    line: int
    language: str
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fences(page: str) -> list[Fence]:
    text = text_of(page)
    return [Fence(text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in _FENCE.finditer(text)]


def not_run() -> dict[str, str]:
    """Return the beginnings of commands that no test runs, with reasons, as tests/README.md lists them."""
    _, _, rest = text_of("tests/README.md").partition("### Commands that no test runs")
    return dict(_NOT_RUN.findall(rest.partition("\n## ")[0]))


def is_run(line: str) -> bool:
    return not any(line == command or line.startswith(f"{command} ") for command in not_run())


def runnable(script: str) -> str:
    """Return a shell script of a page without the commands that no test runs."""
    kept, inside = [], False
    for line in script.splitlines(keepends=True):
        if inside or is_run(line.strip()):
            kept.append(line)
        inside = line.strip() != "END" and (inside or "<<'END'" in line)
    return "".join(kept)


def commands(page: str) -> Iterator[str]:
    """Yield each command of a page: of its scripts, and those that its text names."""
    for fence in fences(page):
        if fence.language == "sh":
            for line in _HERE_DOCUMENT.sub("", fence.text).splitlines():
                yield line.strip()
    for span in re.findall(r"`([^`\n]+)`", _FENCE.sub("", text_of(page))):
        if span.split(" ")[0] in PROGRAMS:
            yield span


def words(command: str) -> list[str]:
    return [word for word in shlex.split(command, comments=True) if not re.fullmatch(r"\w+=.*", word)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    result = set()
    for title in re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        result.add(slug if slug not in found else f"{slug}-{found[slug]}")
        found[slug] = found.get(slug, 0) + 1
    return result


def links(page: str) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text_of(page)))
    yield from (re.sub(r"\s+", "", link) for link in re.findall(r"\]\(([^)]*)\)", text))
