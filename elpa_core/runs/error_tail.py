"""The last lines of a log, for whoever asks why a command failed."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO

from elpa_core.commands.masking import MaskedStream
from elpa_core.processes.output_lines import LineSplitter

_MOST_LINES, _MOST_BYTES, _LONGEST_LINE = 20, 1 << 15, 1000
_CONTROL_CHARACTERS = re.compile(r"([\x00-\x08\x0b-\x1f\x7f-\x9f])[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_INSIDE_A_CHARACTER = bytes(range(0x80, 0xC0))


def last_lines(log: BinaryIO, secrets: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines of a log, with secrets masked; of a very long line its end.

    Of control characters in a row the first is shown.

    Parameters
    ----------
    log : binary file
        The log, open for reading.
    secrets : sequence of str
        Texts that are never to be shown.
    """
    # A secret of which the part that is read has only the end lies in front of what is shown.
    margin = 1 + max((len(secret.encode(errors="surrogatepass")) for secret in secrets), default=0)
    start = max(log.seek(0, os.SEEK_END) - _MOST_BYTES - margin, 0)
    log.seek(start)
    stream = MaskedStream(secrets)
    text = stream.feed(log.read(_MOST_BYTES + margin)) + stream.close()
    if start:
        before, text = text[:margin], text[margin:].lstrip(_INSIDE_A_CHARACTER)
        text = text if before.endswith(b"\n") else b"..." + text
    found: deque[str] = deque(maxlen=_MOST_LINES)
    lines = LineSplitter(found.append)
    lines.feed(text)
    lines.close()
    return tuple(map(_shortened, found))


def _shortened(line: str) -> str:
    line = _CONTROL_CHARACTERS.sub(r"\1...", line)
    return line if len(line) <= _LONGEST_LINE else "..." + line[-_LONGEST_LINE:]
