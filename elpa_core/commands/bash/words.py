"""Read the words of a bash program: quotes, expansions, arithmetic, patterns."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from elpa_core.commands.bash.reader import LostError, Reader
from elpa_core.commands.bash.syntax import (
    ASSIGNMENT,
    EXPANSION,
    META,
    SLOT,
    Reads,
    Slot,
    Strict,
    Where,
    Word,
    stricter,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_NAME = re.compile(r"[A-Za-z0-9_]")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|[*@#?$!0-9-])")
_PARAMETER = re.compile(r"([!#]?)([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[*@#?$!-])")
_FALLBACK = re.compile(r":?[-=+?]")
_PATTERN_OPERATOR = re.compile(r"##?|%%?|\^\^?|,,?|/[/#%]?")
_READ_IN_ARITHMETIC = re.compile(r"\$\{?([0-9@*])|([A-Za-z_][A-Za-z0-9_]*)")
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
                self.index(word, assignable=assignable, element=element)
            elif c == "(" and word.assigns and word.literal[-1] == "=":
                if element:
                    raise LostError
                self.array(word)
            elif c == "(" and (regex or (word.literal and word.literal[-1] in "?*+@!")):
                if assignable and word.literal == "!":
                    raise LostError  # "! (" without a blank, unless extglob is set
                self.group(word)
            elif self.peek(2) in {"<(", ">("}:
                word.quoted = word.expands = word.reads_file = True
                self.expand(Where.WORD, word, "<")
                self.at += 2
                self.substitution(word)
            else:
                break
        word.after = c
        word.is_regex = regex
        if regex and "[" in word.literal:
            for slot in word.slots:
                slot.where = Where.GROUP
        return word

    def index(self, word: Word, *, assignable: bool, element: bool) -> None:
        """Read ``[``, and what follows up to ``]`` if it is the index of a variable."""
        word.literal += "["
        word.text += "["
        self.at += 1
        name = word.literal[:-1]
        if not word.quoted and (not name if element else _NAME.fullmatch(name)):
            if assignable:
                self.number("]", word, "[]")
                word.quoted = False
                if self.peek() != "]":
                    raise LostError
            else:
                self.span("]" + META, Where.NUMBER, word, "[]")

    def number(self, stop: str, word: Word, pair: str) -> None:
        """Read arithmetic."""
        start = self.at
        self.span(stop, Where.NUMBER, word, pair)
        for match in _READ_IN_ARITHMETIC.finditer(self.text, start, self.at):
            self.found.read_again.append((match.group(1) or match.group(2), Reads.NUMBER))

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
        self.expect(")")

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
                    if c == "=" and not word.quoted and ASSIGNMENT.fullmatch(word.literal):
                        word.assigns = True
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
        free = where in {Where.WORD, Where.FALLBACK}
        rule = Strict(
            f"in quotes {where.value}", plain=where not in {Where.NUMBER, Where.GROUP, Where.OPERATOR}
        )
        with self.deeper(), self.stricter(None if free else rule):
            if quote == "'":
                self.single(Where.SINGLE if free else where, word)
            else:
                start = self.at = self.at + 1
                self.span('"', Where.DOUBLE if free else where, word)
                if where is Where.DOUBLE_FALLBACK and "'" in self.text[start : self.at]:
                    raise LostError  # so is bash 5.2, when it looks for braces to expand
                self.expect('"')
        return ""

    def single(self, where: Where, word: Word) -> None:
        """Read ``'...'``."""
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise LostError
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
                exact = where in {Where.WORD, Where.FALLBACK, Where.ASSIGNED, Where.OPERAND}
                rule = Strict(f"{Where.ANSI_C.value} inside an array or an expansion", plain=exact)
                with self.stricter(None if plain else rule):
                    self.add(Where.ANSI_C if exact else where, before, word)
            elif c == "\\" and (escape := _ANSI_ESCAPE.match(self.text, self.at)):
                if not plain and not _SIMPLE_ESCAPE.fullmatch(escape.group()):
                    raise LostError
                self.at = escape.end()
                self.expand(where, word, "(", changed=True)
                before = "" if _COMPLETE_ESCAPE.fullmatch(escape.group()) else "\\"
                continue
            else:
                word.text += c
            before = ""
            self.at += 1
        self.expect("'")

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
        unquoted = where is Where.WORD
        if variable:
            name = variable.group(1) or variable.group()[1:]
            self.expand(where, word, name, several=unquoted or name == "@")
            self.at = variable.end()
            return "$name" if variable.group(1) else ""
        around = {Where.HEREDOC: "a here-document", Where.NUMBER: "arithmetic"}.get(where)
        rule = Strict(f"in an expansion in {around}", plain=True) if around else None
        with self.deeper(), self.stricter(rule):
            self.at += 2
            if following == "{":
                self.parameter(where, word)
            elif following == "[":
                self.expand(where, word, "#", several=unquoted)
                self.number("]", Word(), "[]")
                self.expect("]")
            else:
                self.expand(where, word, "(", several=unquoted)
                if not self.arithmetic():
                    self.substitution(word)
        return ""

    def parameter(self, where: Where, word: Word) -> None:
        """Read the rest of ``${``."""
        match = _PARAMETER.match(self.text, self.at)
        mark = Slot(where, "", word, variable="(", several=where is Where.WORD, changed=True)
        word.text += EXPANSION
        word.marks.append(mark)
        with self.inside(word) as operand:
            self.parameter_parts(match, where, operand, mark)
        self.expect("}")

    @contextmanager
    def inside(self, word: Word) -> Iterator[Word]:
        """Read what is no text of a word although its values stand in it."""
        inner = Word()
        yield inner
        word.text += "".join(EXPANSION if mark.variable else SLOT for mark in inner.marks)
        word.marks += inner.marks
        word.commands += inner.commands

    def parameter_parts(self, match: re.Match[str] | None, where: Where, word: Word, mark: Slot) -> None:
        """Read the name in ``${name...}`` that ``match`` found, and what follows it."""
        if match is None or self.text[match.end() : match.end() + 1] == SLOT:
            self.span("}", Where.OPERATOR, word)
            return
        self.at = match.end()
        sign, mark.variable = match.groups()
        index = ""
        if self.peek() == "[":
            start = self.at = self.at + 1
            self.number("]", word, "[]")
            index = self.text[start : self.at]
            self.expect("]")
        mark.several |= "@" in {mark.variable, index} or sign == "!"
        mark.changed = bool(sign) or self.peek() != "}"
        if sign == "!" and not index and self.peek() not in {"@", "*"}:
            self.found.read_again.append((mark.variable, Reads.NAME))
        self.operation(where, word, mark)

    def operation(self, where: Where, word: Word, mark: Slot) -> None:
        """Read what follows the name in ``${name...}``."""
        inner = Where.NUMBER if where is Where.NUMBER else Where.OPERAND
        first = len(word.marks)
        if operator := _FALLBACK.match(self.text, self.at):
            self.at = operator.end()
            if where in {Where.WORD, Where.FALLBACK}:
                inner = Where.ASSIGNED if "=" in operator.group() else Where.FALLBACK
            elif where in {Where.DOUBLE, Where.HEREDOC}:
                inner = Where.DOUBLE_FALLBACK
            self.span("}", inner, word)
            if "=" in operator.group():
                self.found.fallbacks += [(mark.variable, inside) for inside in word.marks[first:]]
        elif self.peek() == ":":
            self.at += 1
            # "-1" would make it ${name:-1}.
            rule = Strict("directly behind the colon of a ${...} expansion", plain=False)
            with self.stricter(rule if self.peek() == SLOT else None):
                self.number("}", word, "")
        elif operator := _PATTERN_OPERATOR.match(self.text, self.at):
            start = self.at = operator.end()
            self.span("}", inner, word)
            self.pattern(self.text[start : self.at], operator.group(), word.marks[first:])
        else:
            if self.text.startswith("@P", self.at):
                self.found.read_again.append((mark.variable, Reads.CODE))
            self.span("}", Where.OPERATOR, word)

    def pattern(self, text: str, operator: str, marks: list[Slot]) -> None:
        """Accept letters only where others would mean something in the pattern of ``${name#...}``."""
        slots = [mark for mark in marks if not mark.variable]
        if "[" not in text and "(" not in text:
            slots = slots[: text.partition("/")[0].count(SLOT)] if operator[0] == "/" else []
        for slot in slots:
            slot.strict = stricter(slot.strict, Strict(Where.OPERAND.value, plain=False))

    def arithmetic(self) -> bool:
        """Read ``(...))`` as arithmetic; False if it is no second parenthesis that follows."""
        if self.peek() != "(":
            return False
        self.at += 1
        self.number(")", Word(), "()")
        if self.peek(2) != "))":
            raise LostError  # a subshell, after bash has tried to read it as arithmetic
        self.at += 2
        return True

    def substitution(self, word: Word) -> None:
        """Read the rest of ``$(`` or ``<(``, whose here-documents are its own."""
        outer = self.nested, self.pending, self.outer_pending
        self.nested, self.pending, self.outer_pending = True, [], bool(self.outer_pending or self.pending)
        first = len(self.found.commands)
        with self.deeper():
            self.commands(")")
        if self.pending:
            raise LostError
        word.commands += self.found.commands[first:]
        self.nested, self.pending, self.outer_pending = outer

    def backticked(self, where: Where, word: Word) -> str:
        """Read a command substitution in backticks, which take away a level of backslashes first."""
        match = _BACKTICKED.match(self.text, self.at)
        if match is None:
            raise LostError
        word.quoted = True
        word.expands = word.expands or where is Where.WORD
        self.expand(where, word, "(", several=where is Where.WORD)
        plain = where is Where.WORD and not self.backticks
        rule = Strict("in backticks inside quotes, an expansion or backticks", plain=True)
        body = re.sub(r"\\([$`\\])" if where in _UNQUOTED else r'\\([$`\\"])', r"\1", match.group(1))
        with self.deeper(), self.stricter(None if plain else rule):
            inner = type(self)(body, self.strict, self.depth, backticks=True)
            inner.read(inner.commands)
        self.adopt(inner)
        word.commands += inner.found.commands
        self.at = match.end()
        return ""
