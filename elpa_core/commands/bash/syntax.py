"""What the lexer finds in a bash program: slots for values, words, commands, here-documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

SLOT = "\0"
"""Marks the place of a value in the text of a program: no command can hold this character."""

META = " \t\n;&|<>()"
ASSIGNMENT = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?(?:\[.*\])?\+?=", re.DOTALL)


class Where(Enum):
    """Where a value stands, in words that fit an error."""

    WORD = "outside quotes"
    FALLBACK = "in ${name:-...} outside quotes"
    ASSIGNED = "in ${name:=...} outside quotes"
    DOUBLE = "in double quotes"
    DOUBLE_FALLBACK = "in ${name:-...} inside double quotes"
    SINGLE = "in single quotes"
    ANSI_C = "in $'...' quotes"
    HEREDOC = "in a here-document"
    QUOTED_HEREDOC = "in a here-document with a quoted delimiter"
    DELIMITER = "in the delimiter of a here-document"
    COMMENT = "in a comment"
    NUMBER = "in arithmetic or an array index"
    OPERAND = "in a ${...} expansion"
    GROUP = "in a pattern with parentheses or brackets"
    UNKNOWN = "where the structure of the command is not clear"


@dataclass(eq=False, slots=True)
class Slot:
    """One place for a value.

    Parameters
    ----------
    where : Where
        The quotes or the construct around it.
    before : str
        What stands directly before it and could take it up: a backslash that quotes the next
        character, a lone ``$``, ``"$name"`` for a variable whose name would go on, else empty.
    word : Word
        The word of which it is a part.
    hard : str
        If only letters and digits are safe here although ``where`` allows more: why, in words.
    descriptor : bool
        Whether bash reads the word as a file descriptor (``>&``).
    backticks : bool
        Whether it stands inside backticks, which take a level of backslashes away.
    """

    where: Where
    before: str
    word: Word
    hard: str = ""
    descriptor: bool = False
    backticks: bool = False


@dataclass(eq=False, slots=True)
class Word:
    """One word of a command.

    ``text`` is the word after quote removal, with a ``$`` for an expansion and a NUL for a slot;
    ``literal`` is what of it stands outside quotes; ``after`` is the character that ended it.
    """

    text: str = ""
    literal: str = ""
    quoted: bool = False
    expands: bool = False
    in_condition: bool = False
    after: str = ""
    slots: list[Slot] = field(default_factory=list)
    elements: list[Word] = field(default_factory=list)

    def is_literally(self, *texts: str) -> bool:
        """Whether the word is one of ``texts``, written without quotes."""
        return not self.quoted and self.literal in texts


@dataclass(eq=False, slots=True)
class Command:
    """A simple command (or ``[[ ]]``): its words, and the slots in what it reads on standard input."""

    words: list[Word] = field(default_factory=list)
    stdin: list[Slot] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Heredoc:
    """A here-document; ``body`` has a NUL for each of its ``slots``."""

    delimiter: str
    quoted: bool
    strips_tabs: bool
    nested: bool
    command: Command
    body: str = ""
    slots: list[Slot] = field(default_factory=list)

    def lines_read(self, body: str) -> str:
        """Return a body as bash compares it with the delimiter: lines joined, tabs stripped."""
        if not self.quoted:
            body = re.sub(r"(\\[^\n])|\\\n", r"\1", body)
        return re.sub(r"^\t+", "", body, flags=re.MULTILINE) if self.strips_tabs else body

    def ends_at(self, line: str) -> bool:
        """Whether a line (as read) ends the document; in ``$(...)`` bash also takes ``EOF)``."""
        return line == self.delimiter or (self.nested and line.startswith(self.delimiter) and ")" in line)


@dataclass(slots=True)
class Program:
    """What the lexer found; ``slots`` stand in the order of the text."""

    slots: list[Slot] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    heredocs: list[Heredoc] = field(default_factory=list)
