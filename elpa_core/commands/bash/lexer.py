r"""Find where in a bash program a value stands: in which quotes, here-document or expansion.

The lexer follows bash 5: nested quotes, ``$(...)``, backticks, ``${...}``, arithmetic,
here-documents, comments, compound commands, ``case`` patterns and ``[[ ]]``. Where it cannot
follow, it says so instead of guessing.

>>> [slot.where.name for slot in read_program('a \0 "\0" <<E\n\0\nE\n').slots]
['WORD', 'DOUBLE', 'HEREDOC']
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from elpa_core.commands.bash.reader import LostError
from elpa_core.commands.bash.redirections import REDIRECTION, RedirectionLexer
from elpa_core.commands.bash.syntax import BashCommand, Program, Where, Word

_SEPARATOR = re.compile(r";;&|;;|;&|&&|\|\||\|&|[;&|]")
_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_DESCRIPTOR_IN_ARRAY = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\[")
_EMPTY_PARENTHESES = re.compile(r"\([ \t]*\)")
_ARRAY_ARGUMENTS = frozenset({"alias", "declare", "eval", "export", "let", "local", "readonly", "typeset"})
_COMPOUND = frozenset({"{", "if", "while", "until", "for", "case", "select", "[["})
# What is open behind a reserved word, and what has to be open before one that goes on or closes.
_OPENS = {"if": "if", "while": "loop", "until": "loop", "{": "{"}
_GOES_ON = {
    "then": ({"if"}, "then"),
    "elif": ({"then"}, "if"),
    "else": ({"then"}, "else"),
    "do": ({"loop", "for"}, "do"),
}
_CLOSES = {"fi": {"then", "else"}, "done": {"do"}, "}": {"{"}}


def read_program(text: str) -> Program:
    """Return the slots (NUL characters), commands and here-documents of a bash program."""
    lexer = _Lexer(text)
    lexer.read(lexer.commands)
    return lexer.found


class _Open(NamedTuple):
    """An open compound command, and how many commands were found before it."""

    kind: str
    start: int


@dataclass(slots=True)
class _List:
    """How far the reading of a list of commands is.

    ``first``: no word of the command has been read; ``reserved``: nor an assignment or a
    redirection; ``closed``: a compound command has ended, with the number of commands found
    before it; ``opener``: ``time`` or ``coproc`` came before, or this is the head of a ``for``.
    """

    command: BashCommand = field(default_factory=BashCommand)
    first: bool = True
    reserved: bool = True
    closed: int | None = None
    opener: str = ""
    cases: list[str] = field(default_factory=list)
    opened: list[_Open] = field(default_factory=list)

    def opens(self, *kinds: str) -> bool:
        return bool(self.opened) and self.opened[-1].kind in kinds

    @property
    def in_pattern(self) -> bool:
        return self.cases[-1:] == ["pattern"]

    @property
    def expects_in(self) -> bool:
        """Whether a loop and its variable have been named, and nothing else."""
        return self.opener == "for" and len(self.command.words) == len(("for", "name"))

    @property
    def in_head(self) -> bool:
        """Whether a case command has begun, and not yet its first pattern."""
        return self.cases[-1:] in (["subject"], ["in"])


class _Lexer(RedirectionLexer):
    def commands(self, end: str = "") -> None:
        """Read a list of commands up to the parenthesis ``end``, or all of the text."""
        state = _List()
        while True:
            self.blanks()
            c = self.peek()
            if not c or (c == end and not state.cases):
                if bool(c) != bool(end) or state.cases or state.opened:
                    raise LostError
                self.at += 1
                self.close(state)
                return
            if c == "\n":
                self.at += 1
                if not state.expects_in:
                    self.close(state)
                self.bodies()
            elif c == "#":
                self.comment()
            elif redirection := REDIRECTION.match(self.text, self.at):
                if state.in_head or state.in_pattern:
                    raise LostError
                self.redirection(redirection.group(), state.command)
                state.reserved = False
            elif separator := _SEPARATOR.match(self.text, self.at):
                self.separator(separator.group(), state)
            elif c in "()":
                self.parenthesis(c, state)
            else:
                self.keyword(self.word(assignable=state.first and not state.in_pattern), state)

    def close(self, state: _List) -> None:
        """End a command."""
        command = state.command
        if command.words or command.assignments or command.stdin or command.redirections:
            self.found.commands.append(command)
        state.command = BashCommand()
        state.first = state.reserved = True
        state.closed = None
        state.opener = ""

    def separator(self, operator: str, state: _List) -> None:
        self.at += len(operator)
        if state.in_head or (state.in_pattern and operator != "|"):
            raise LostError
        if state.in_pattern:
            return
        if operator in {";;", ";&", ";;&"}:
            if not state.opens("case"):
                raise LostError
            state.cases[-1] = "pattern"
        first = len(self.found.commands) if state.closed is None else state.closed
        upstream = state.command.upstream
        self.close(state)
        if operator in {"|", "|&"}:
            state.command.upstream = upstream + self.found.commands[first:]

    def parenthesis(self, c: str, state: _List) -> None:
        if state.in_pattern:
            self.at += 1
            if c == ")":
                state.cases[-1] = "body"
                self.close(state)
        elif function := _EMPTY_PARENTHESES.match(self.text, self.at):
            words = state.command.words
            if len(words) != 1 or state.command.assignments or state.opener:
                raise LostError
            self.at = function.end()
            self.function(words[0], state)
        elif c == "(" and state.reserved and state.closed is None:
            start = len(self.found.commands)
            self.at += 1
            if not self.arithmetic():
                with self.deeper():
                    self.commands(")")
            self.end_compound(state, start)
        else:
            raise LostError

    def keyword(self, word: Word, state: _List) -> None:
        """Take a word as what it is where it stands: a reserved word, an assignment, an argument."""
        if state.in_head or state.in_pattern:
            self.case_word(word, state)
        elif word.after in {"<", ">"} and _DESCRIPTOR_IN_ARRAY.match(word.literal):
            for slot in word.slots:
                slot.where = Where.NUMBER
        elif _is_descriptor(word) or (state.reserved and self.reserved_word(word, state)):
            return
        elif state.closed is not None:
            raise LostError
        elif state.first and word.assigns:
            state.command.assignments.append(word)
            state.reserved = False
        else:
            self.argument(word, state)

    def argument(self, word: Word, state: _List) -> None:
        words, expects_in = state.command.words, state.expects_in
        words.append(word)
        if word.elements and not words[0].is_literally(*_ARRAY_ARGUMENTS):
            raise LostError
        state.reserved = state.opener == "coproc" and len(words) == 1
        state.first = False
        if expects_in and word.is_literally("do"):
            words.pop()
            self.close(state)
            self.reserved_word(word, state)

    def reserved_word(self, word: Word, state: _List) -> bool:
        """Take a word as a reserved one, if it is."""
        text = "" if word.quoted else word.literal
        if state.command.words and text not in _COMPOUND:
            return False  # the word behind coproc and its name
        if text in _GOES_ON or text in _CLOSES or (text == "{" and state.opens("for")):
            self.go_on(text, state)
        elif text == "esac":
            self.end_case(state)
        elif state.closed is not None:
            raise LostError
        elif text in _OPENS:
            self.open(_OPENS[text], state)
        elif text == "case":
            self.open("case", state)
            state.cases.append("subject")
        elif text in {"for", "select"}:
            self.loop_head(word, state)
        elif text == "function":
            self.blanks()
            name = self.word()
            self.blanks()
            if parentheses := _EMPTY_PARENTHESES.match(self.text, self.at):
                self.at = parentheses.end()
            self.function(name, state)
        elif text == "[[":
            words, start = [word], len(self.found.commands)
            self.condition(words)
            self.end_compound(state, start)
            state.command.words = words
        elif text in {"!", "time", "coproc"} or (text in {"-p", "--"} and state.opener == "time"):
            state.opener = "time" if text in {"-p", "--"} else text
        else:
            return False
        return True

    # Compound commands and functions

    def open(self, kind: str, state: _List) -> None:
        """Enter a compound command."""
        state.opened.append(_Open(kind, len(self.found.commands)))
        state.command = BashCommand(upstream=state.command.upstream)
        state.first = state.reserved = True
        state.opener = ""

    def go_on(self, text: str, state: _List) -> None:
        """Go on in a compound command, or leave it."""
        if text == "{":
            kinds, behind = {"for"}, "{"
        else:
            kinds, behind = _GOES_ON.get(text) or (_CLOSES[text], "")
        if not state.opens(*kinds):
            raise LostError
        start = state.opened.pop().start
        self.close(state)
        if behind:
            state.opened.append(_Open(behind, start))
        else:
            self.end_compound(state, start)

    def end_compound(self, state: _List, start: int) -> None:
        """Note that a compound command has ended: redirections may follow, but no word."""
        state.command = BashCommand(upstream=state.command.upstream)
        state.first = False
        state.reserved = True
        state.closed = start

    def function(self, name: Word, state: _List) -> None:
        """Note that the body of a function follows."""
        self.found.functions.add(name.text)
        state.command = BashCommand()
        self.close(state)

    def loop_head(self, word: Word, state: _List) -> None:
        """Read ``for`` and the name of its variable."""
        self.open("for", state)
        self.blanks()
        if word.literal == "for" and self.peek(2) == "((":
            self.at += 1
            if self.arithmetic():
                self.close(state)
            return
        state.command.words = [word, self.word()]
        state.first = state.reserved = False
        state.opener = "for"

    def end_case(self, state: _List) -> None:
        if not state.opens("case"):
            raise LostError
        self.close(state)
        state.cases.pop()
        self.end_compound(state, state.opened.pop().start)

    def case_word(self, word: Word, state: _List) -> None:
        if state.cases[-1] == "subject":
            state.cases[-1] = "in"
        elif state.cases[-1] == "in":
            if not word.is_literally("in"):
                raise LostError
            state.cases[-1] = "pattern"
        elif word.is_literally("esac"):
            self.end_case(state)

    def condition(self, words: list[Word]) -> None:
        """Read what follows ``[[``, up to ``]]``."""
        while True:
            self.lines()
            c = self.peek()
            if c in {"", ";"} or (c in "&|" and self.peek(2) != c * 2):
                raise LostError
            if c == "#":
                self.comment()
            elif c in "()&|<>" and self.peek(2) not in {"<(", ">("}:
                self.at += 2 if c in "&|" else 1
            else:
                word = self.word(regex=words[-1].text == "=~")
                word.in_condition = True
                words.append(word)
                if word.is_literally("]]"):
                    return


def _is_descriptor(word: Word) -> bool:
    return word.after in {"<", ">"} and not word.quoted and _DESCRIPTOR.fullmatch(word.literal) is not None
