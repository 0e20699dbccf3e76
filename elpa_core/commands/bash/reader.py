"""Hold the place in the text of a bash program while its lexer reads it, and what it has found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elpa_core.commands.bash.syntax import (
    EXPANSION,
    SLOT,
    Heredoc,
    Program,
    Slot,
    Strict,
    Where,
    Word,
    stricter,
)

_MAX_DEPTH = 40
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_LINES = re.compile(r"(?:[ \t\n]|\\\n|#[^\n\0]*(?=\n))*")


_LOST = Strict("in a command whose structure is not clear", plain=True)


class LostError(Exception):
    """The structure of the text is not one that the lexer can follow."""


class Reader:
    """Reads ``text`` from left to right.

    Parameters
    ----------
    text : str
        A program, or a part of one.
    strict : Strict or None
        Set if few characters are safe in all of it.
    depth : int
        How deep in another text it stands.
    backticks : bool
        Whether it stands in backticks.
    """

    def __init__(
        self, text: str, strict: Strict | None = None, depth: int = 0, *, backticks: bool = False
    ) -> None:
        self.text = text
        self.at = 0
        self.found = Program()
        self.strict = strict
        self.depth = depth
        self.backticks = backticks
        self.in_array = ""
        self.nested = depth > 0
        self.pending: list[Heredoc] = []
        self.outer_pending = False

    def read(self, what: Callable[[], None]) -> None:
        """Read by ``what``; if it gets lost, what it found before may be something else, too."""
        try:
            what()
        except LostError:
            missing = self.text.count(SLOT) - len(self.found.slots)
            for slot in self.found.slots:
                slot.strict = stricter(slot.strict, _LOST)
            self.found.slots += [Slot(Where.UNKNOWN, "", Word()) for _ in range(missing)]

    def peek(self, length: int = 1) -> str:
        """Return the next characters, fewer at the end of the text."""
        return self.text[self.at : self.at + length]

    def add(self, where: Where, before: str, word: Word) -> None:
        """Note a slot."""
        slot = Slot(where, before, word, self.strict, backticks=self.backticks)
        around = self.in_array or ("backticks" if self.backticks else "")
        if around and (before or where not in {Where.WORD, Where.DOUBLE, Where.SINGLE}):
            slot.strict = stricter(slot.strict, Strict(f"{where.value} inside {around}", plain=True))
        word.text += SLOT
        word.marks.append(slot)
        self.found.slots.append(slot)

    def expand(
        self, where: Where, word: Word, variable: str, *, several: bool = False, changed: bool = False
    ) -> None:
        """Note an expansion."""
        word.text += EXPANSION
        word.marks.append(Slot(where, "", word, variable=variable, several=several, changed=changed))

    def expect(self, character: str) -> None:
        """Skip a character that has to follow."""
        if self.peek() != character:
            raise LostError
        self.at += 1

    @contextmanager
    def stricter(self, rule: Strict | None) -> Iterator[None]:
        """Let a rule hold for what is read in this context."""
        outer, self.strict = self.strict, stricter(self.strict, rule)
        yield
        self.strict = outer

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
        self.found.read_again += inner.found.read_again
        self.found.fallbacks += inner.found.fallbacks
        self.found.functions |= inner.found.functions

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
