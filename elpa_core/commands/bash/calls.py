"""Tell which builtins a command may run, when expansions, patterns and values may name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from elpa_core.commands.bash.syntax import EXPANSION, SLOT, BashCommand, Program, Slot, Word

DECLARATIONS = frozenset({"declare", "typeset", "local", "readonly", "export"})
TAKE_NAMES = frozenset({"read", "unset", "mapfile", "readarray", "getopts"})
READ_CODE = frozenset({"alias", "bind", "compgen", "complete", "eval", "fc", "history", "trap"})
TAKE_NAME_OPTIONS = {
    "[": re.compile(r"-[vR]"),
    "test": re.compile(r"-[vR]"),
    "printf": re.compile(r"-v"),
    "wait": re.compile(r"-[fn]*p"),
}
EVALUATING = frozenset({"let", "set", *DECLARATIONS, *TAKE_NAMES, *READ_CODE, *TAKE_NAME_OPTIONS})
"""The builtins that read more than data in their arguments."""
_RUN_BUILTINS = frozenset({"builtin", "command"})
_LISTS = re.compile(r"[*?]|\[.*\]|\{.*(?:,|\.\.).*\}", re.DOTALL)
_OUTPUT = frozenset({"echo", "printf"})
_PRINT_NAMES = _OUTPUT | {"which", "type", "command", "realpath", "readlink", ":", "true"}
_TOKEN = re.compile(r"[^\s'\"();&|]+")

Given = Mapping[Slot, str]
"""The value at each slot; a slot without one may hold anything."""


class Call(NamedTuple):
    """A builtin, or anything else, that a command may run; ``sure``: it runs this one."""

    name: str
    arguments: list[Word]
    sure: bool


def makes_words(word: Word) -> bool:
    """Whether a word holds braces or a pattern, so that any words may come of it."""
    if word.in_condition or word.assigns or word.text == "[":
        return False
    return _LISTS.search(word.literal) is not None


def text_of(word: Word, given: Given) -> str | None:
    """Return the word as the command gets it; None if only a run knows."""
    if not word.marks:
        return None if makes_words(word) else word.text
    if EXPANSION in word.text or makes_words(word) or any(mark not in given for mark in word.marks):
        return None
    values = iter([given[mark] for mark in word.marks])
    return re.sub(SLOT, lambda _: next(values), word.text)


def pattern_of(word: Word, given: Given, end: str = "") -> re.Pattern[str]:
    """Return what a word may be, up to one of the characters ``end``."""
    if makes_words(word):
        return re.compile(".*", re.DOTALL)
    marks, text = iter(word.marks), ""
    for c in word.text:
        if c in {SLOT, EXPANSION}:
            mark = next(marks)
            text += re.escape(given[mark]) if mark.is_part and mark in given else ".*"
        elif c in end:
            break
        else:
            text += re.escape(c)
    return re.compile(text, re.DOTALL)


def may_be(word: Word, wanted: re.Pattern[str], candidates: Iterable[str], given: Given) -> bool:
    """Whether a word may be something that ``wanted`` matches, such as one of ``candidates``."""
    text = text_of(word, given)
    if text is not None:
        return wanted.fullmatch(text) is not None
    pattern = pattern_of(word, given)
    return any(pattern.fullmatch(candidate) for candidate in candidates)


def calls(command: BashCommand, given: Given, held: frozenset[str]) -> Iterator[Call]:
    """Yield what a command may run.

    Parameters
    ----------
    command : BashCommand
        The command.
    given : mapping of Slot to str
        The known values.
    held : frozenset of str
        The words that a variable of the program may hold (`words_held`). A command that is one
        plain variable, such as ``$PYTHON``, counts as a builtin only if its name is among them.
    """
    words, sure, index = command.words, True, 0
    while index < len(words):
        word = words[index]
        text = text_of(word, given)
        index += 1
        if text in _RUN_BUILTINS or (text == "jobs" and _is_option(words[index : index + 1], "-x")):
            while index < len(words) and words[index].text.startswith("-"):
                index += 1
        elif text is not None:
            if sure or text in EVALUATING:
                yield Call(text, words[index:], sure)
            return
        else:
            names = _possible(word, given, held)
            rest = [word, *words[index:]] if makes_words(word) else words[index:]
            yield from (Call(name, rest, sure=False) for name in names & EVALUATING)
            if not (names & _RUN_BUILTINS or makes_words(word) or any(mark.several for mark in word.marks)):
                return
            sure = False


def _is_option(words: list[Word], option: str) -> bool:
    return bool(words) and words[0].text.startswith(option)


def _possible(word: Word, given: Given, held: frozenset[str]) -> frozenset[str]:
    pattern = pattern_of(word, given)
    names = frozenset(name for name in EVALUATING | _RUN_BUILTINS if pattern.fullmatch(name))
    if word.text != EXPANSION or word.marks[0].changed or makes_words(word):
        return names
    if word.marks[0].variable == "(":
        return names & _printed(word.commands) if all(map(_prints_a_name, word.commands)) else names
    return names & held


def _prints_a_name(command: BashCommand) -> bool:
    """Whether a command prints the name of a program that it is given, or something that is none."""
    words = command.words
    if not words or words[0].marks or words[0].text not in _PRINT_NAMES or command.upstream:
        return False
    return words[0].text not in _OUTPUT or all(not word.marks and "%" not in word.text for word in words)


def _printed(commands: list[BashCommand]) -> frozenset[str]:
    printing = [command for command in commands if command.words[0].text in _OUTPUT]
    return frozenset(word.text for command in printing for word in command.words[1:])


def words_held(program: Program, given: Given) -> frozenset[str]:
    """Return the words that variables, functions and substitutions of a program may hold."""
    if not any(
        mark.variable for command in program.commands for word in command.words for mark in word.marks
    ):
        return frozenset()
    texts = list(given.values()) + [heredoc.body for heredoc in program.heredocs]
    for command in program.commands:
        for word in command.assignments:
            texts.append(word.text.partition("=")[2])
            texts += [element.text for element in word.elements]
        name = command.words[0].text if command.words else ""
        if name in {"set", "echo", "printf", "for", "select", *DECLARATIONS} | program.functions:
            for word in command.words[1:]:
                texts.append(word.text.rpartition("=")[2])
                texts += [element.text for element in word.elements]
        texts += [word.text for operator, word in command.redirections if operator == "<<<"]
    texts += [mark.word.text for _, mark in program.fallbacks]
    tokens = {token for text in texts for token in _TOKEN.findall(text)}
    return frozenset(tokens | {token.lower() for token in tokens})
