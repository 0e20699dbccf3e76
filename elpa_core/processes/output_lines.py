"""Split a command's output into lines as it arrives, in bounded memory; sample progress bars."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

MAX_LINE = 1 << 16
REDRAW_INTERVAL = 5.0  # seconds
_CONTINUATION = range(0x80, 0xC0)
_UP = b"\x1b[A"
"""Moves the cursor of a terminal up: progress bars below each other go back to the first one by it."""


class Filter(Protocol):
    """What changes a stream of bytes on its way, such as `elpa_core.commands.masking.MaskedStream`."""

    def feed(self, data: bytes) -> bytes:
        """Add bytes, and return those that can go on."""

    def close(self) -> bytes:
        """Return the rest."""


class LineSplitter:
    """Cut a stream of bytes into lines.

    Parameters
    ----------
    on_line : callable
        Called with each line, without its line ending.
    clean : Filter, optional
        What the bytes go through before they are cut.
    """

    def __init__(self, on_line: Callable[[str], None], clean: Filter | None = None) -> None:
        self._on_line = on_line
        self._clean = clean
        self._whole: deque[bytes] = deque()
        self._rest = b""
        self._hidden = b""
        self._next_look = time.monotonic() + REDRAW_INTERVAL
        self._interrupted = False

    def feed(self, data: bytes) -> None:
        """Add output, and pass on the lines that are complete."""
        self._cut(self._clean.feed(data) if self._clean else data)
        self._pass_on()

    def _cut(self, data: bytes) -> None:
        *whole, rest = (self._rest + data).split(b"\n")
        for line in whole:
            if _UP in line:
                self._hidden = _shown(line)
                self._show_now_and_then(self._hidden)
                continue
            self._show_hidden()
            self._whole += _pieces(_shown(line))
        redrawn = rest.rfind(b"\r", 0, len(rest.rstrip(b"\r"))) + 1
        up = _UP if _UP in rest[:redrawn] else b""
        *whole, self._rest = _pieces(up + rest[redrawn:])
        self._whole += whole
        if redrawn:
            self._show_now_and_then(_shown(self._rest))

    def _show_now_and_then(self, redrawn: bytes) -> None:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + REDRAW_INTERVAL
            self._hidden = b""
            self._whole += _pieces(redrawn)

    def _show_hidden(self) -> None:
        if self._hidden.strip():
            self._whole += _pieces(self._hidden)
        self._hidden = b""

    def close(self) -> None:
        """Pass on the last line if it has no line ending."""
        if self._clean:
            self._cut(self._clean.close())
        if _shown(self._rest):
            self._cut(b"\n")
        self._show_hidden()
        self._pass_on()

    def _pass_on(self) -> None:
        # After an exception in on_line, such as in a log handler, do not call it again.
        while self._whole and not self._interrupted:
            line = self._whole.popleft()
            self._interrupted = True
            self._on_line(line.decode("utf-8", errors="replace"))
            self._interrupted = False


def _shown(line: bytes) -> bytes:
    r"""Return the part of a line that a terminal shows in the end.

    >>> _shown(b"10%\r20%\r")
    b'20%'
    """
    return line.replace(_UP, b"").rstrip(b"\r").rpartition(b"\r")[2]


def _pieces(line: bytes) -> list[bytes]:
    """Cut a line into pieces of at most ``MAX_LINE`` bytes, not inside a UTF-8 character."""
    pieces = []
    while len(line) > MAX_LINE:
        cut = MAX_LINE
        while cut > MAX_LINE - 4 and line[cut] in _CONTINUATION:
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]
