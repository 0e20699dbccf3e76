"""Read the words of a bash program: quotes, expansions, arithmetic, patterns."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from elpa_core.commands.bash.reader import LostError, Reader
from elpa_core.commands.bash.syntax import ASSIGNMENT, META, SLOT, Where, Word

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


class WordLexer(Reader, ABC):
    """Reads words, and whatever can stand inside one."""

    @abstractmethod
    def commands(self, end: str = "") -> None:
        """Read a list of commands up to the parenthesis ``end``, or all of the text."""

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
        outer = self.in_array
        self.in_array = self.in_array or ("an array in $(...)" if self.nested else "")
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
        self.in_array = outer

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
        if self.in_array and where in _UNQUOTED and following != "\n":
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
        with self.deeper(), self.hardened("" if plain else f"in quotes {where.value}"):
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
        plain = where is Where.WORD and not self.in_array
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
        hard = "in an expansion in a here-document" if where is Where.HEREDOC else ""
        with self.deeper(), self.hardened(hard):
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
