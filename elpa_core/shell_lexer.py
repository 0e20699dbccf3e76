r"""Find where in a bash program a value stands: in which quotes, here-document or expansion.

A value is marked by the character NUL, which no command can hold. The lexer follows bash 5: nested
quotes, ``$(...)``, backticks, ``${...}``, arithmetic, here-documents, comments, ``case`` patterns
and ``[[ ]]``. Where it cannot follow, it says so instead of guessing.

>>> [slot.where.name for slot in read_program('a \0 "\0" <<E\n\0\nE\n').slots]
['WORD', 'DOUBLE', 'HEREDOC']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

SLOT = "\0"

_MAX_DEPTH = 40
_META = " \t\n;&|<>()"
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_LINES = re.compile(r"(?:[ \t\n]|\\\n|#[^\n\0]*(?=\n))*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_NAME = re.compile(r"[A-Za-z0-9_]")
_ASSIGNMENT = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?(?:\[.*\])?\+?=", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|[*@#?$!0-9-])")
_PARAMETER = re.compile(r"[!#]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[*@#?$!-])")
_FALLBACK = re.compile(r":?[-=+?]")
_SEPARATOR = re.compile(r";;&|;;|;&|&&|\|\||\|&|[;&|]")
_REDIRECTION = re.compile(r"(?![<>]\()(?:&>>?|<<<|<<-?|<&|>&|<>|>\||>>|<|>)")
_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_EMPTY_PARENTHESES = re.compile(r"\([ \t]*\)")
_BACKTICKED = re.compile(r"`((?:[^`\\]+|\\.)*)`", re.DOTALL)
_DELIMITER = re.compile(r"(?:[^ \t\n;&|<>()'\"\\$`]|\\[^\n]|'[^']*'|\"(?:[^\"\\$`]|\\.)*\")+", re.DOTALL)
_QUOTED_PART = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)", re.DOTALL)
_QUOTED_LINE = re.compile(r"[^\n]*")
_LINE = re.compile(r"(?:[^\\\n]+|\\.|\\$)*", re.DOTALL)
_ANSI_ESCAPE = re.compile(
    r"\\(?:x\{?[0-9A-Fa-f]*\}?|u[0-9A-Fa-f]{0,4}|U[0-9A-Fa-f]{0,8}|[0-7]{1,3}|c?[^\0]?)", re.DOTALL
)
_COMPLETE_ESCAPE = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{3}|c.|[^xuUc0-7])", re.DOTALL
)
_OPENERS = frozenset("if then else elif while until do { ! time -p coproc".split())


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


_UNQUOTED = frozenset({Where.WORD, Where.FALLBACK, Where.ASSIGNED, Where.NUMBER, Where.OPERAND, Where.GROUP})


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
    number : bool
        Whether bash reads the word as arithmetic (``let``, ``[[ a -eq b ]]``, ``>&``).
    backticks : bool
        Whether it stands inside backticks, which take a level of backslashes away.
    """

    where: Where
    before: str
    word: Word
    hard: str = ""
    number: bool = False
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


def read_program(text: str) -> Program:
    """Return the slots (NUL characters), commands and here-documents of a bash program."""
    lexer = _Lexer(text)
    lexer.read(lexer.commands)
    return lexer.found


class _LostError(Exception):
    """The structure of the text is not one that the lexer can follow."""


@dataclass(slots=True)
class _List:
    """How far the reading of a list of commands is; ``cases`` holds the open case commands."""

    command: Command = field(default_factory=Command)
    first: bool = True
    cases: list[str] = field(default_factory=list)

    @property
    def in_pattern(self) -> bool:
        return self.cases[-1:] == ["pattern"]


class _Lexer:
    def __init__(self, text: str, hard: str = "", depth: int = 0, *, backticks: bool = False) -> None:
        self.text = text
        self.at = 0
        self.found = Program()
        self.hard = hard
        self.depth = depth
        self.backticks = backticks
        self.nested = depth > 0
        self.pending: list[Heredoc] = []
        self.outer_pending = False

    def read(self, what: Callable[[], None]) -> None:
        try:
            what()
        except _LostError:
            missing = self.text.count(SLOT) - len(self.found.slots)
            self.found.slots += [Slot(Where.UNKNOWN, "", Word()) for _ in range(missing)]

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def add(self, where: Where, before: str, word: Word) -> None:
        slot = Slot(where, before, word, self.hard, backticks=self.backticks)
        if self.backticks and (before or where not in {Where.WORD, Where.DOUBLE, Where.SINGLE}):
            slot.hard = slot.hard or f"{where.value} inside backticks"
        word.text += SLOT
        word.slots.append(slot)
        self.found.slots.append(slot)

    @contextmanager
    def hardened(self, reason: str) -> Iterator[None]:
        outer, self.hard = self.hard, self.hard or reason
        yield
        self.hard = outer

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self.depth >= _MAX_DEPTH:
            raise _LostError
        self.depth += 1
        yield
        self.depth -= 1

    # Lists of commands

    def commands(self, end: str = "") -> None:
        """Read a list of commands up to the parenthesis ``end``, or all of the text."""
        state = _List()
        while True:
            self.blanks()
            c = self.peek()
            if not c or (c == end and not state.cases):
                self.at += 1
                self.close(state)
                return
            if c == "\n":
                self.at += 1
                self.close(state)
                self.bodies()
            elif c == "#":
                self.comment()
            elif redirection := _REDIRECTION.match(self.text, self.at):
                self.redirection(redirection.group(), state)
            elif separator := _SEPARATOR.match(self.text, self.at):
                self.separator(separator.group(), state)
            elif c in "()":
                self.parenthesis(c, state)
            else:
                self.keyword(self.word(assignable=state.first), state)

    def blanks(self, pattern: re.Pattern[str] = _BLANKS) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def close(self, state: _List) -> None:
        if state.command.words:
            self.found.commands.append(state.command)
        state.command = Command()
        state.first = True

    def separator(self, operator: str, state: _List) -> None:
        self.at += len(operator)
        if state.in_pattern:
            return
        if state.cases and operator in {";;", ";&", ";;&"}:
            state.cases[-1] = "pattern"
        self.close(state)

    def parenthesis(self, c: str, state: _List) -> None:
        if state.in_pattern:
            self.at += 1
            if c == ")":
                state.cases[-1] = "body"
                self.close(state)
        elif c == "(" and state.first:
            self.at += 1
            if not self.arithmetic():
                with self.deeper():
                    self.commands(")")
            state.first = False
        elif len(state.command.words) == 1 and (empty := _EMPTY_PARENTHESES.match(self.text, self.at)):
            self.at = empty.end()
            state.command = Command()
            state.first = True
        else:
            raise _LostError

    def keyword(self, word: Word, state: _List) -> None:
        """Take a word as what it is where it stands: a reserved word, an assignment, an argument."""
        if state.cases and state.cases[-1] != "body":
            self.case_word(word, state)
        elif not state.first:
            words = state.command.words
            words.append(word)
            if words[0].is_literally("function") or (len(words) == 3 and _begins_loop(words)):
                self.close(state)
        elif word.is_literally("case"):
            state.cases.append("subject")
        elif word.is_literally("esac") and state.cases:
            state.cases.pop()
            state.first = False
        elif word.is_literally("[["):
            state.command.words.append(word)
            self.condition(state.command.words)
            state.first = False
        elif not (
            word.is_literally(*_OPENERS)
            or _ASSIGNMENT.match(word.literal)
            or (word.after in {"<", ">"} and _DESCRIPTOR.fullmatch(word.literal))
        ):
            state.command.words.append(word)
            state.first = False
            if word.is_literally("for", "select"):
                self.blanks()
                if self.peek(2) == "((":
                    self.at += 1
                    state.first = self.arithmetic()

    def case_word(self, word: Word, state: _List) -> None:
        if state.cases[-1] == "subject":
            state.cases[-1] = "in"
        elif state.cases[-1] == "in":
            if not word.is_literally("in"):
                raise _LostError
            state.cases[-1] = "pattern"
        elif word.is_literally("esac"):
            state.cases.pop()
            state.first = False

    def condition(self, words: list[Word]) -> None:
        """Read what follows ``[[``, up to ``]]``."""
        while True:
            self.lines()
            c = self.peek()
            if c in {"", ";"}:
                raise _LostError
            if c == "#":
                self.comment()
            elif c in "()&|<>" and self.peek(2) not in {"<(", ">("}:
                self.at += 1
            else:
                word = self.word(regex=words[-1].text == "=~")
                word.in_condition = True
                words.append(word)
                if word.is_literally("]]"):
                    return

    def lines(self) -> None:
        start = self.at
        self.blanks(_LINES)
        # Here bash would read the bodies of here-documents, in the middle of a command.
        if (self.pending or self.outer_pending) and "\n" in self.text[start : self.at]:
            raise _LostError

    def comment(self) -> None:
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        for _ in range(self.text.count(SLOT, self.at, end)):
            self.add(Where.COMMENT, "", Word())
        self.at = end

    # Redirections and here-documents

    def redirection(self, operator: str, state: _List) -> None:
        self.at += len(operator)
        self.blanks()
        if operator in {"<<", "<<-"}:
            self.delimiter(state.command, strips_tabs=operator == "<<-")
            return
        word = self.word()
        for slot in word.slots:
            slot.number = operator in {"<&", ">&"}
        if operator == "<<<":
            state.command.stdin += word.slots

    def delimiter(self, command: Command, *, strips_tabs: bool) -> None:
        match = _DELIMITER.match(self.text, self.at)
        end = match.end() if match else self.at
        if match is None or SLOT in match.group() or self.text[end : end + 1] not in _META:
            rest = re.compile(r"[^ \t\n;&|<>()]*").match(self.text, self.at)
            for _ in range(rest.group().count(SLOT) if rest else 0):
                self.add(Where.DELIMITER, "", Word())
            raise _LostError
        raw = match.group()
        text = _QUOTED_PART.sub(_unquoted, raw)
        self.pending.append(Heredoc(text, text != raw or "'" in raw, strips_tabs, self.nested, command))
        self.at = end

    def bodies(self) -> None:
        """Read the bodies of the here-documents that were announced on the line just ended."""
        if self.outer_pending:
            raise _LostError
        pending, self.pending = self.pending, []
        for heredoc in pending:
            start = end = self.at
            line = _QUOTED_LINE if heredoc.quoted else _LINE
            while self.at < len(self.text):
                match = line.match(self.text, self.at)
                raw = match.group() if match else ""
                end = self.at
                self.at += len(raw) + 1
                read = heredoc.lines_read(raw)
                if heredoc.ends_at(read):
                    if read != heredoc.delimiter:
                        self.at = end + raw.index(heredoc.delimiter) + len(heredoc.delimiter)
                    break
                end = self.at
            heredoc.body = self.text[start:end]
            self.body(heredoc)

    def body(self, heredoc: Heredoc) -> None:
        first = len(self.found.slots)
        if heredoc.quoted:
            for _ in range(heredoc.body.count(SLOT)):
                self.add(Where.QUOTED_HEREDOC, "", Word())
        else:
            inner = _Lexer(heredoc.body, self.hard, self.depth, backticks=self.backticks)
            inner.nested = self.nested
            inner.read(lambda: inner.span("", Where.HEREDOC, Word()))
            self.adopt(inner)
        heredoc.slots = self.found.slots[first:]
        heredoc.command.stdin += heredoc.slots
        self.found.heredocs.append(heredoc)

    def adopt(self, inner: _Lexer) -> None:
        self.found.slots += inner.found.slots
        self.found.commands += inner.found.commands
        self.found.heredocs += inner.found.heredocs

    # Words and what is inside them

    def word(self, *, assignable: bool = False, element: bool = False, regex: bool = False) -> Word:
        """Read a word; ``assignable`` where ``name[1 + 2]=`` or ``name=(...)`` may begin."""
        word = Word()
        stop = (" \t\n;&<>()" if regex else _META) + "["
        while True:
            self.span(stop, Where.WORD, word)
            c = self.peek()
            if c == "[":
                word.literal += c
                word.text += c
                self.at += 1
                name = word.literal[:-1]
                if not word.quoted and (_NAME.fullmatch(name) or (element and not name)):
                    self.span("]" if assignable else "]" + _META, Where.NUMBER, word, "[]")
            elif c == "(" and _ASSIGNMENT.fullmatch(word.literal):
                self.array(word)
            elif c == "(" and word.literal and (regex or word.literal[-1] in "?*+@!"):
                self.group(word)
            elif c == "(" and regex:
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
        self.at += 1
        word.quoted = True
        while True:
            self.lines()
            c = self.peek()
            if c == "#":
                self.comment()
                continue
            if c == ")":
                self.at += 1
                return
            if not c or (c in _META and self.peek(2) not in {"<(", ">("}):
                raise _LostError
            word.elements.append(self.word(assignable=True, element=True))

    def group(self, word: Word) -> None:
        word.literal += "("
        self.at += 1
        self.span(")", Where.GROUP, word, "()")
        self.at += 1

    def span(self, stop: str, where: Where, word: Word, pair: str = "") -> None:
        """Read up to a character of ``stop`` that is neither quoted nor inside brackets ``pair``."""
        quotes = where in _UNQUOTED and stop != '"'
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
                before = self.backslash(before, word)
            elif c == "$":
                before = self.dollar(where, word)
            elif c == "`":
                before = self.backticked(where, word)
            elif c in "'\"" and (quotes or where is Where.DOUBLE_FALLBACK):
                before = self.quotes(c, where, word)
            else:
                depth += (c in pair[:1]) - (c in pair[1:])
                before = before if before == "$name" and _IN_NAME.match(c) else ""
                word.text += c
                if where is Where.WORD:
                    word.literal += c
                self.at += 1

    def backslash(self, before: str, word: Word) -> str:
        following = self.text[self.at + 1 : self.at + 2]
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
        word.quoted = True
        # Quotes inside arithmetic or a pattern do not make a value there harmless.
        plain = where in {Where.WORD, Where.FALLBACK}
        with self.deeper(), self.hardened("in quotes in " + where.value if not plain else ""):
            if quote == "'":
                self.single(Where.SINGLE if plain else where, word)
            else:
                self.at += 1
                self.span('"', Where.DOUBLE if plain else where, word)
                self.at += 1
        return ""

    def single(self, where: Where, word: Word) -> None:
        end = self.text.find("'", self.at + 1)
        end = len(self.text) if end < 0 else end
        first, *rest = self.text[self.at + 1 : end].split(SLOT)
        word.text += first
        for part in rest:
            self.add(where, "", word)
            word.text += part
        self.at = end + 1

    def ansi_c(self, where: Where, word: Word) -> None:
        self.at += 1
        before = ""
        while (c := self.peek()) not in {"'", ""}:
            if c == SLOT:
                self.add(where, before, word)
            elif c == "\\" and (escape := _ANSI_ESCAPE.match(self.text, self.at)):
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
            raise _LostError
        if following in {"'", '"'} and where in _UNQUOTED:
            word.quoted = True
            self.at += 1
            if following == "'":
                self.ansi_c(Where.ANSI_C if where in {Where.WORD, Where.FALLBACK} else where, word)
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
        """Read ``(...))`` as arithmetic; False, and nothing read, if it is a subshell instead."""
        if self.peek() != "(":
            return False
        start, found = self.at, self.found
        counts = len(found.slots), len(found.commands), len(found.heredocs)
        self.at += 1
        with self.deeper():
            self.span(")", Where.NUMBER, Word(), "()")
        if self.peek(2) == "))":
            self.at += 2
            return True
        self.at = start
        for items, count in zip((found.slots, found.commands, found.heredocs), counts, strict=True):
            del items[count:]
        return False

    def substitution(self) -> None:
        """Read the rest of ``$(`` or ``<(``, whose here-documents are its own."""
        outer = self.nested, self.pending, self.outer_pending
        self.nested, self.pending, self.outer_pending = True, [], bool(self.outer_pending or self.pending)
        with self.deeper():
            self.commands(")")
        if self.pending:
            raise _LostError
        self.nested, self.pending, self.outer_pending = outer

    def backticked(self, where: Where, word: Word) -> str:
        match = _BACKTICKED.match(self.text, self.at)
        if match is None:
            raise _LostError
        word.quoted = True
        word.expands = word.expands or where is Where.WORD
        word.text += "$"
        hard = "" if where is Where.WORD and not self.backticks else "in backticks inside quotes or an expansion"
        body = re.sub(r"\\([$`\\])" if where in _UNQUOTED else r'\\([$`\\"])', r"\1", match.group(1))
        with self.deeper(), self.hardened(hard):
            inner = _Lexer(body, self.hard, self.depth, backticks=True)
            inner.read(inner.commands)
        self.adopt(inner)
        self.at = match.end()
        return ""


def _begins_loop(words: list[Word]) -> bool:
    return words[0].is_literally("for", "select") and words[2].is_literally("do")


def _unquoted(part: re.Match[str]) -> str:
    single, double, escaped = part.groups()
    if double is not None:
        return re.sub(r'\\([\\"$`])|\\\n', r"\1", double)
    return str(single if single is not None else escaped)
