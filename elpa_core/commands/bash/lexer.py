r"""Find where in a bash program a value stands: in which quotes, here-document or expansion.

The lexer follows bash 5: nested quotes, ``$(...)``, backticks, ``${...}``, arithmetic,
here-documents, comments, ``case`` patterns and ``[[ ]]``. Where it cannot follow, it says so
instead of guessing.

>>> [slot.where.name for slot in read_program('a \0 "\0" <<E\n\0\nE\n').slots]
['WORD', 'DOUBLE', 'HEREDOC']
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from elpa_core.commands.bash.reader import LostError
from elpa_core.commands.bash.syntax import ASSIGNMENT, META, SLOT, Command, Heredoc, Program, Where, Word
from elpa_core.commands.bash.words import WordLexer

_SEPARATOR = re.compile(r";;&|;;|;&|&&|\|\||\|&|[;&|]")
_REDIRECTION = re.compile(r"(?![<>]\()(?:&>>?|<<<|<<-?|<&|>&|<>|>\||>>|<|>)")
_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_EMPTY_PARENTHESES = re.compile(r"\([ \t]*\)")
_DELIMITER = re.compile(r"(?:[^ \t\n;&|<>()'\"\\$`]|\\[^\n]|'[^']*'|\"(?:[^\"\\$`]|\\.)*\")+", re.DOTALL)
_QUOTED_PART = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)", re.DOTALL)
_QUOTED_LINE = re.compile(r"[^\n]*")
_LINE = re.compile(r"(?:[^\\\n]++|\\.|\\$)*+", re.DOTALL)
_OPENERS = frozenset({"if", "then", "else", "elif", "while", "until", "do", "{", "!", "time", "-p", "coproc"})


def read_program(text: str) -> Program:
    """Return the slots (NUL characters), commands and here-documents of a bash program."""
    lexer = _Lexer(text)
    lexer.read(lexer.commands)
    return lexer.found


@dataclass(slots=True)
class _List:
    """How far the reading of a list of commands is; ``cases`` holds the open case commands."""

    command: Command = field(default_factory=Command)
    first: bool = True
    cases: list[str] = field(default_factory=list)

    @property
    def in_pattern(self) -> bool:
        return self.cases[-1:] == ["pattern"]


class _Lexer(WordLexer):
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
        elif function := _EMPTY_PARENTHESES.match(self.text, self.at):
            self.at = function.end()
            state.command = Command()
            state.first = True
        elif c == "(" and state.first:
            self.at += 1
            if not self.arithmetic():
                with self.deeper():
                    self.commands(")")
            state.first = False
        else:
            raise LostError

    def keyword(self, word: Word, state: _List) -> None:
        """Take a word as what it is where it stands: a reserved word, an assignment, an argument."""
        if state.cases and state.cases[-1] != "body":
            self.case_word(word, state)
        elif not state.first:
            words = state.command.words
            words.append(word)
            if words[0].is_literally("function") or _ends_loop_head(words):
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
            or ASSIGNMENT.match(word.literal)
            or (word.after in {"<", ">"} and _DESCRIPTOR.fullmatch(word.literal))
        ):
            state.command.words.append(word)
            state.first = False
            if word.is_literally("for", "select"):
                self.blanks()
                if self.peek(2) == "((":
                    self.at += 1
                    if self.arithmetic():
                        self.close(state)

    def case_word(self, word: Word, state: _List) -> None:
        if state.cases[-1] == "subject":
            state.cases[-1] = "in"
        elif state.cases[-1] == "in":
            if not word.is_literally("in"):
                raise LostError
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
                raise LostError
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

    # Redirections and here-documents

    def redirection(self, operator: str, state: _List) -> None:
        self.at += len(operator)
        self.blanks()
        if operator in {"<<", "<<-"}:
            self.delimiter(state.command, strips_tabs=operator == "<<-")
            return
        word = self.word()
        for slot in word.slots:
            slot.descriptor = operator in {"<&", ">&"}
        if operator == "<<<":
            state.command.stdin += word.slots

    def delimiter(self, command: Command, *, strips_tabs: bool) -> None:
        match = _DELIMITER.match(self.text, self.at)
        raw = match.group() if match else ""
        for _ in range(raw.count(SLOT)):
            self.add(Where.DELIMITER, "", Word())
        end = self.at + len(raw)
        if not raw or SLOT in raw or self.text[end : end + 1] not in META:
            raise LostError
        text = _QUOTED_PART.sub(_unquoted, raw)
        self.pending.append(Heredoc(text, text != raw, strips_tabs, self.nested, command))
        self.at = end

    def bodies(self) -> None:
        """Read the bodies of the here-documents that were announced on the line just ended."""
        if self.outer_pending:
            raise LostError
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


def _ends_loop_head(words: list[Word]) -> bool:
    match words:
        case [loop, _, end]:
            return loop.is_literally("for", "select") and end.is_literally("do")
        case _:
            return False


def _unquoted(part: re.Match[str]) -> str:
    single, double, escaped = part.groups()
    if double is not None:
        return re.sub(r'\\([\\"$`])|\\\n', r"\1", double)
    return str(single if single is not None else escaped)
