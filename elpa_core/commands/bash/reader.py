"""Hold the place in the text of a bash program while its lexer reads it, and what it has found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elpa_core.commands.bash.syntax import SLOT, Heredoc, Program, Slot, Where, Word

_MAX_DEPTH = 40
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_LINES = re.compile(r"(?:[ \t\n]|\\\n|#[^\n\0]*(?=\n))*")


class LostError(Exception):
    """The structure of the text is not one that the lexer can follow."""


class Reader:
    """Reads ``text`` from left to right.

    Parameters
    ----------
    text : str
        A program, or a part of one.
    hard : str
        Why only letters and digits are safe in all of it, in words; empty if that is not so.
    depth : int
        How deep in another text it stands.
    backticks : bool
        Whether it stands in backticks.
    """

    def __init__(self, text: str, hard: str = "", depth: int = 0, *, backticks: bool = False) -> None:
        self.text = text
        self.at = 0
        self.found = Program()
        self.hard = hard
        self.depth = depth
        self.backticks = backticks
        self.in_array = ""
        self.nested = depth > 0
        self.pending: list[Heredoc] = []
        self.outer_pending = False

    def read(self, what: Callable[[], None]) -> None:
        """Read by ``what``; slots that it does not reach stand in a structure that is not clear."""
        try:
            what()
        except LostError:
            missing = self.text.count(SLOT) - len(self.found.slots)
            self.found.slots += [Slot(Where.UNKNOWN, "", Word()) for _ in range(missing)]

    def peek(self, length: int = 1) -> str:
        """Return the next characters, fewer at the end of the text."""
        return self.text[self.at : self.at + length]

    def add(self, where: Where, before: str, word: Word) -> None:
        """Note a slot."""
        slot = Slot(where, before, word, self.hard, backticks=self.backticks)
        around = self.in_array or ("backticks" if self.backticks else "")
        if around and (before or where not in {Where.WORD, Where.DOUBLE, Where.SINGLE}):
            slot.hard = slot.hard or f"{where.value} inside {around}"
        word.text += SLOT
        word.slots.append(slot)
        self.found.slots.append(slot)

    @contextmanager
    def hardened(self, reason: str) -> Iterator[None]:
        """Accept only letters and digits in what is read in this context, for ``reason`` if not empty."""
        outer, self.hard = self.hard, self.hard or reason
        yield
        self.hard = outer

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count a level of nesting, for texts that would exhaust the stack."""
        if self.depth >= _MAX_DEPTH:
            raise LostError
        self.depth += 1
        yield
        self.depth -= 1

    def adopt(self, inner: Reader) -> None:
        """Take over what a lexer of a part of the text has found."""
        self.found.slots += inner.found.slots
        self.found.commands += inner.found.commands
        self.found.heredocs += inner.found.heredocs

    def blanks(self, pattern: re.Pattern[str] = _BLANKS) -> None:
        """Skip blanks and continued lines."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def lines(self) -> None:
        """Skip blanks, line ends and comments in the middle of a command."""
        start = self.at
        self.blanks(_LINES)
        # At such a line end bash reads the bodies of here-documents.
        if (self.pending or self.outer_pending) and "\n" in self.text[start : self.at]:
            raise LostError

    def comment(self) -> None:
        """Read a comment up to the end of its line."""
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        for _ in range(self.text.count(SLOT, self.at, end)):
            self.add(Where.COMMENT, "", Word())
        self.at = end
