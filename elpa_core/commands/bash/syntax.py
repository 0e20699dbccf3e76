"""What the lexer finds in a bash program: slots for values, words, commands, here-documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

SLOT = "\0"
"""Marks the place of a value in the text of a program: no command can hold this character."""

EXPANSION = "\udc00"
"""Stands in the text of a word for what an expansion gives: no program can hold half a surrogate pair."""

META = " \t\n;&|<>()"
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[\])?\+?=")
"""The unquoted beginning of a word that makes it an assignment; the text of an index is left out."""


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
    OPERATOR = "in the name or the operator of a ${...} expansion"
    GROUP = "in a pattern with parentheses or brackets"
    UNKNOWN = "where the structure of the command is not clear"


class Strict(NamedTuple):
    """Why few characters are safe in a place, in words, and whether those of a path are among them."""

    reason: str
    plain: bool


def stricter(one: Strict | None, other: Strict | None) -> Strict | None:
    """Return the rule that accepts less; of equal ones, the first."""
    if one is None or other is None:
        return one or other
    return other if one.plain and not other.plain else one


@dataclass(eq=False, slots=True)
class Slot:
    """One place for a value, or one variable that the program reads.

    Parameters
    ----------
    where : Where
        The quotes or the construct around it.
    before : str
        What stands directly before it and could take it up: a backslash that quotes the next
        character, a lone ``$``, ``"$name"`` for a variable whose name would go on, else empty.
    word : Word
        The word of which it is a part.
    strict : Strict or None
        Set if few characters are safe here although ``where`` allows more.
    descriptor : bool
        Whether bash reads the word as a file descriptor (``>&``).
    backticks : bool
        Whether it stands inside backticks, which take a level of backslashes away.
    variable : str
        Empty for a place of a value. Else the expansion is that of this variable; ``(`` stands for
        the output of a command, ``<`` for the name of a file with it, ``#`` for a number.
    several : bool
        Whether the expansion may give no word at all, or more than one.
    changed : bool
        Whether it gives only a part of the variable, or something made of it.
    """

    where: Where
    before: str
    word: Word
    strict: Strict | None = None
    descriptor: bool = False
    backticks: bool = False
    variable: str = ""
    several: bool = False
    changed: bool = False

    @property
    def is_part(self) -> bool:
        """Whether its characters are characters of the word."""
        return self.where in {Where.WORD, Where.DOUBLE, Where.SINGLE, Where.ANSI_C}


@dataclass(eq=False, slots=True)
class Word:
    """One word of a command.

    ``text`` is the word after quote removal, with `EXPANSION` and `SLOT` for what only a run knows;
    ``marks`` are these places in order. ``literal`` is what of it stands outside quotes; ``after``
    is the character that ended it; ``assigns`` tells whether it begins as an assignment;
    ``commands`` are those in its substitutions, ``elements`` the words of its array.
    """

    text: str = ""
    literal: str = ""
    quoted: bool = False
    expands: bool = False
    in_condition: bool = False
    is_regex: bool = False
    assigns: bool = False
    reads_file: bool = False
    after: str = ""
    marks: list[Slot] = field(default_factory=list)
    elements: list[Word] = field(default_factory=list)
    commands: list[BashCommand] = field(default_factory=list)

    @property
    def slots(self) -> list[Slot]:
        """The places of values in it."""
        return [mark for mark in self.marks if not mark.variable]

    def is_literally(self, *texts: str) -> bool:
        """Whether the word is one of ``texts``, written without quotes."""
        return not self.quoted and self.literal in texts


@dataclass(eq=False, slots=True)
class BashCommand:
    """A simple command (or ``[[ ]]``), or what is redirected at the end of a compound one.

    ``stdin`` are the marks in its here-documents and here-strings, ``upstream`` the commands whose
    output it reads through a pipe, ``redirections`` the operators with their words.
    """

    words: list[Word] = field(default_factory=list)
    assignments: list[Word] = field(default_factory=list)
    stdin: list[Slot] = field(default_factory=list)
    redirections: list[tuple[str, Word]] = field(default_factory=list)
    upstream: list[BashCommand] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Heredoc:
    """A here-document; ``body`` has a NUL for each of its ``slots``."""

    delimiter: str
    quoted: bool
    strips_tabs: bool
    nested: bool
    command: BashCommand
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


class Reads(Enum):
    """What bash makes of a text that it reads again, in words that fit an error."""

    NUMBER = "where bash reads arithmetic"
    NAME = "where bash reads the name of a variable"
    ARRAY = "where bash may read an array"
    CODE = "where bash reads code"
    OPTION = "where it could be an option"
    SETTING = "in a variable that changes how bash works"
    PRINTED = "in a command whose output bash reads again"
    UNSURE = "in a command that may be one of bash's own"
    UNSETTLED = "in a program that changes how bash reads words"


@dataclass(slots=True)
class Program:
    """What the lexer found; ``slots`` stand in the order of the text.

    ``read_again`` are variables with what bash makes of their text; ``fallbacks`` the marks in
    ``${name:=...}`` with that name; ``functions`` the names that the program defines.
    """

    slots: list[Slot] = field(default_factory=list)
    commands: list[BashCommand] = field(default_factory=list)
    heredocs: list[Heredoc] = field(default_factory=list)
    read_again: list[tuple[str, Reads]] = field(default_factory=list)
    fallbacks: list[tuple[str, Slot]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
