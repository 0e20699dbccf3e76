"""Read the words of a bash program: quotes, expansions, arithmetic, patterns."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elpa_core.shell_syntax import ASSIGNMENT, META, SLOT, Heredoc, Program, Slot, Where, Word

_MAX_DEPTH = 40
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_LINES = re.compile(r"(?:[ \t\n]|\\\n|#[^\n\0]*(?=\n))*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_NAME = re.compile(r"[A-Za-z0-9_]")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|[*@#?$!0-9-])")
_PARAMETER = re.compile(r"[!#]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[*@#?$!-])")
_FALLBACK = re.compile(r":?[-=+?]")
_BACKTICKED = re.compile(r"`((?:[^`\\]++|\\.)*+)`", re.DOTALL)
_ANSI_ESCAPE = re.compile(
    r"\\(?:x\{?[0-9A-Fa-f]*\}?|u[0-9A-Fa-f]{0,4}|U[0-9A-Fa-f]{0,8}|[0-7]{1,3}|c?[^\0]?)", re.DOTALL
)
_COMPLETE_ESCAPE = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{3}|c.|[^xuUc0-7])", re.DOTALL
)
_SIMPLE_ESCAPE = re.compile(r"\\[abeEfnrtv\\]")
_UNQUOTED = frozenset({Where.WORD, Where.FALLBACK, Where.ASSIGNED, Where.NUMBER, Where.OPERAND, Where.GROUP})


class LostError(Exception):
    """The structure of the text is not one that the lexer can follow."""


class WordLexer(ABC):
    """Reads ``text`` from left to right; ``hard`` says why only letters and digits are safe in it."""

    def __init__(self, text: str, hard: str = "", depth: int = 0, *, backticks: bool = False) -> None:
        self.text = text
        self.at = 0
        self.found = Program()
        self.hard = hard
        self.depth = depth
        self.backticks = backticks
        self.fragile = "backticks" if backticks else ""
        self.nested = depth > 0
        self.pending: list[Heredoc] = []
        self.outer_pending = False

    @abstractmethod
    def commands(self, end: str = "") -> None:
        """Read a list of commands up to the parenthesis ``end``, or all of the text."""

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
        if self.fragile and (before or where not in {Where.WORD, Where.DOUBLE, Where.SINGLE}):
            slot.hard = slot.hard or f"{where.value} inside {self.fragile}"
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

    def adopt(self, inner: WordLexer) -> None:
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

    def word(self, *, assignable: bool = False, element: bool = False, regex: bool = False) -> Word:
        """Read a word; ``assignable`` where ``name[1 + 2]=`` or ``name=(...)`` may begin."""
        word = Word()
        stop = (" \t\n;&<>()" if regex else META) + "["
        while True:
            self.span(stop, Where.WORD, word)
            c = self.peek()
            if c == "[":
                word.literal += c
                word.text += c
                self.at += 1
                name = word.literal[:-1]
                if not word.quoted and (_NAME.fullmatch(name) or (element and not name)):
                    self.span("]" if assignable else "]" + META, Where.NUMBER, word, "[]")
            elif c == "(" and ASSIGNMENT.fullmatch(word.literal):
                if element:
                    raise LostError
                self.array(word)
            elif c == "(" and (regex or (word.literal and word.literal[-1] in "?*+@!")):
                self.group(word)
            elif self.peek(2) in {"<(", ">("}:
                word.quoted = word.expands = True
                self.at += 2
                self.substitution()
            else:
                break
        word.after = c
        if regex and "[" in word.literal:
            for slot in word.slots:
                slot.where = Where.GROUP
        return word

    def array(self, word: Word) -> None:
        """Read ``(...)`` after ``name=``; inside ``$(...)``, bash 5.2 misreads its backslashes."""
        outer = self.fragile
        self.fragile = self.fragile or ("an array in $(...)" if self.nested else "")
        self.at += 1
        word.quoted = True
        while True:
            self.lines()
            c = self.peek()
            if c == "#":
                self.comment()
                continue
            if c == ")":
                break
            if not c or (c in META and self.peek(2) not in {"<(", ">("}):
                raise LostError
            word.elements.append(self.word(assignable=True, element=True))
        self.at += 1
        self.fragile = outer

    def group(self, word: Word) -> None:
        """Read ``(...)`` of a pattern."""
        word.literal += "("
        self.at += 1
        self.span(")", Where.GROUP, word, "()")
        self.at += 1

    def span(self, stop: str, where: Where, word: Word, pair: str = "") -> None:
        """Read up to a character of ``stop`` that is neither quoted nor inside brackets ``pair``."""
        quotes = stop != '"' and (where in _UNQUOTED or where is Where.DOUBLE_FALLBACK)
        before, depth = "", 0
        while c := self.peek():
            if c in stop and not depth:
                return
            if c == SLOT:
                self.add(where, before, word)
                if where is Where.WORD:
                    word.literal += SLOT
                before = ""
                self.at += 1
            elif c == "\\":
                before = self.backslash(before, where, word)
            elif c == "$":
                before = self.dollar(where, word)
            elif c == "`":
                before = self.backticked(where, word)
            elif c in "'\"" and quotes:
                before = self.quotes(c, where, word)
            else:
                depth += (c in pair[:1]) - (c in pair[1:])
                before = before if before == "$name" and _IN_NAME.match(c) else ""
                word.text += c
                if where is Where.WORD:
                    word.literal += c
                self.at += 1

    def backslash(self, before: str, where: Where, word: Word) -> str:
        """Read a backslash and what it quotes; return what a value directly behind has to mind."""
        following = self.text[self.at + 1 : self.at + 2]
        if self.fragile and not self.backticks and where in _UNQUOTED and following != "\n":
            raise LostError
        if following == SLOT:
            self.at += 1
            word.quoted = True
            return "\\"
        self.at += 2
        if following == "\n":
            return before
        word.quoted = True
        word.text += following
        return ""

    def quotes(self, quote: str, where: Where, word: Word) -> str:
        """Read a string in single or double quotes."""
        word.quoted = True
        # Quotes inside arithmetic or a pattern do not make a value there harmless.
        plain = where in {Where.WORD, Where.FALLBACK}
        with self.deeper(), self.hardened("in quotes in " + where.value if not plain else ""):
            if quote == "'":
                self.single(Where.SINGLE if plain else where, word)
            else:
                start = self.at = self.at + 1
                self.span('"', Where.DOUBLE if plain else where, word)
                if where is Where.DOUBLE_FALLBACK and "'" in self.text[start : self.at]:
                    raise LostError  # so is bash 5.2, when it looks for braces to expand
                self.at += 1
        return ""

    def single(self, where: Where, word: Word) -> None:
        """Read ``'...'``."""
        end = self.text.find("'", self.at + 1)
        end = len(self.text) if end < 0 else end
        first, *rest = self.text[self.at + 1 : end].split(SLOT)
        word.text += first
        for part in rest:
            self.add(where, "", word)
            word.text += part
        self.at = end + 1

    def ansi_c(self, where: Where, word: Word) -> None:
        """Read ``$'...'``; inside ``${...}``, bash 5.2 misreads a quote that an escape makes."""
        self.at += 1
        plain = where is Where.WORD and not self.fragile
        before = ""
        while (c := self.peek()) not in {"'", ""}:
            if c == SLOT:
                with self.hardened("" if plain else f"{Where.ANSI_C.value} inside an array or an expansion"):
                    self.add(Where.ANSI_C, before, word)
            elif c == "\\" and (escape := _ANSI_ESCAPE.match(self.text, self.at)):
                if not plain and not _SIMPLE_ESCAPE.fullmatch(escape.group()):
                    raise LostError
                self.at = escape.end()
                before = "" if _COMPLETE_ESCAPE.fullmatch(escape.group()) else "\\"
                continue
            else:
                word.text += c
            before = ""
            self.at += 1
        self.at += 1

    def dollar(self, where: Where, word: Word) -> str:
        """Read an expansion; return what a value directly behind it has to mind."""
        following = self.text[self.at + 1 : self.at + 2]
        if self.text.startswith("\\\n", self.at + 1):
            raise LostError
        if following in {"'", '"'} and where in _UNQUOTED:
            word.quoted = True
            self.at += 1
            if following == "'":
                self.ansi_c(where, word)
            return ""
        variable = _VARIABLE.match(self.text, self.at)
        if following not in {"(", "{", "["} and not variable:
            self.at += 1
            word.quoted = True
            word.text += "$"
            return "$"
        word.quoted = True
        word.expands = word.expands or where is Where.WORD
        word.text += "$"
        if variable:
            self.at = variable.end()
            return "$name" if variable.group(1) else ""
        with self.deeper(), self.hardened("in an expansion in a here-document" * (where is Where.HEREDOC)):
            self.at += 2
            if following == "{":
                self.parameter(where, word)
            elif following == "[":
                self.span("]", Where.NUMBER, Word(), "[]")
                self.at += 1
            elif not self.arithmetic():
                self.substitution()
        return ""

    def parameter(self, where: Where, word: Word) -> None:
        """Read the rest of ``${``."""
        inner = Where.NUMBER if where is Where.NUMBER else Where.OPERAND
        if name := _PARAMETER.match(self.text, self.at):
            self.at = name.end()
            if self.peek() == "[":
                self.at += 1
                self.span("]", Where.NUMBER, word, "[]")
                self.at += 1
            if operator := _FALLBACK.match(self.text, self.at):
                self.at = operator.end()
                if where in {Where.WORD, Where.FALLBACK}:
                    inner = Where.ASSIGNED if "=" in operator.group() else Where.FALLBACK
                elif where in {Where.DOUBLE, Where.HEREDOC}:
                    inner = Where.DOUBLE_FALLBACK
            elif self.peek() == ":":
                inner = Where.NUMBER
        self.span("}", inner, word)
        self.at += 1

    def arithmetic(self) -> bool:
        """Read ``(...))`` as arithmetic; False if it is no second parenthesis that follows."""
        if self.peek() != "(":
            return False
        self.at += 1
        self.span(")", Where.NUMBER, Word(), "()")
        if self.peek(2) != "))":
            raise LostError  # a subshell, after bash has tried to read it as arithmetic
        self.at += 2
        return True

    def substitution(self) -> None:
        """Read the rest of ``$(`` or ``<(``, whose here-documents are its own."""
        outer = self.nested, self.pending, self.outer_pending
        self.nested, self.pending, self.outer_pending = True, [], bool(self.outer_pending or self.pending)
        with self.deeper():
            self.commands(")")
        if self.pending:
            raise LostError
        self.nested, self.pending, self.outer_pending = outer

    def backticked(self, where: Where, word: Word) -> str:
        """Read a command substitution in backticks, which take away a level of backslashes first."""
        match = _BACKTICKED.match(self.text, self.at)
        if match is None:
            raise LostError
        word.quoted = True
        word.expands = word.expands or where is Where.WORD
        word.text += "$"
        plain = where is Where.WORD and not self.backticks
        hard = "" if plain else "in backticks inside quotes, an expansion or backticks"
        body = re.sub(r"\\([$`\\])" if where in _UNQUOTED else r'\\([$`\\"])', r"\1", match.group(1))
        with self.deeper(), self.hardened(hard):
            inner = type(self)(body, self.hard, self.depth, backticks=True)
            inner.read(inner.commands)
        self.adopt(inner)
        self.at = match.end()
        return ""
