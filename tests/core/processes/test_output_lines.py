"""What a command prints, line by line: in order, at once, and in little memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.real_commands import (
    ENV,
    lines_of,
    start_host,
)

from elpa_core.processes import output_lines
from elpa_core.processes.command import Command
from elpa_core.processes.output_lines import MAX_LINE


def test_both_streams_come_in_the_order_of_writing(tmp_path: Path) -> None:
    lines, _ = lines_of("for i in {1..500}; do echo o$i; echo e$i >&2; done", tmp_path)
    assert lines == [f"{stream}{i}" for i in range(1, 501) for stream in "oe"]


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "answer")
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        if line == "ask":
            (tmp_path / "answer").write_text("heard\n")

    Command("echo ask; cat answer", cwd=tmp_path, env=ENV, on_line=answer).run()
    assert lines == ["ask", "heard"]


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        (r"a\r\nb\n", ["a", "b"]),
        (r"no end", ["no end"]),
        (r"\n\na\n", ["", "", "a"]),
        (r"10%%\r20%%\r100%%\ndone\n", ["100%", "done"]),
        (r"\r10%%\r20%%\r", ["20%"]),
        (r"\r", []),
        (
            r"\repoch 1\n\rstep 1\033[A\n\rstep 2\033[A\repoch 2\n\r      \033[A\repoch 3\nend\n",
            ["epoch 1", "epoch 3", "end"],
        ),
        (r"\xff\xc3(\x00\x1b[0m\n", ["\ufffd\ufffd(\x00\x1b[0m"]),
        (r"caf\xc3\xa9\n", ["café"]),
    ],
)
def test_what_makes_a_line(printed: str, lines: list[str], tmp_path: Path) -> None:
    assert lines_of(f"printf '{printed}'", tmp_path)[0] == lines


# As tqdm draws a bar below another one, and goes back to the upper one.
NESTED = b"\repoch 1\n\rstep 1\x1b[A\n\rstep 2\x1b[A\repoch 2\n\r      \x1b[A\repoch 3\n"


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("printed", "lines"),
    [(NESTED + b"end\n", ["epoch 1", "epoch 3", "end"]), (NESTED[:-1], ["epoch 1", "epoch 3"])],
)
def test_of_bars_below_each_other_the_last_state_is_shown(
    printed: bytes, lines: list[str], size: int
) -> None:
    shown: list[str] = []
    splitter = output_lines.LineSplitter(shown.append)
    for begin in range(0, len(printed), size):
        splitter.feed(printed[begin : begin + size])
    splitter.close()
    assert shown == lines


def test_a_progress_bar_is_shown_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_lines, "REDRAW_INTERVAL", 0.0)
    os.mkfifo(tmp_path / "go")
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "20%":
            (tmp_path / "go").write_text("")

    Command(
        r"printf '\r10%%\r20%%\r'; cat go; printf '\r99%%\n'", cwd=tmp_path, env=ENV, on_line=on_line
    ).run()
    assert lines == ["20%", "99%"]


def test_a_very_long_line_comes_in_pieces_without_breaking_characters(tmp_path: Path) -> None:
    text = "x" + "é🚆" * 50_000
    (tmp_path / "text").write_text(text)
    lines, _ = lines_of("cat text; echo; echo end", tmp_path)
    assert "".join(lines) == text + "end"
    assert lines[-1] == "end"
    assert max(len(line.encode()) for line in lines) <= MAX_LINE


def test_much_output_takes_little_memory(tmp_path: Path) -> None:
    code = """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seen = 0
def on_line(line):
    global seen
    seen += len(line)
run("head -c 1000000 /dev/zero; yes | head -c 1000000", on_line=on_line)
before, seen = peak(), 0
run("head -c 30000000 /dev/zero; echo; yes 0123456789 | head -c 20000000", on_line=on_line)
print(seen, peak() - before)
"""
    said, _ = start_host(code, tmp_path).communicate(timeout=120)
    seen, growth = map(int, said.split())
    assert seen == 30_000_000 + 20_000_000 - 20_000_000 // 11
    unit = 1024 if sys.platform == "linux" else 1
    assert growth * unit < 10_000_000
