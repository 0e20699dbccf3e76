"""Find the arguments of a command that bash evaluates: as a number, a name, an option, as code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from elpa_core.commands.bash.calls import (
    DECLARATIONS,
    READ_CODE,
    TAKE_NAME_OPTIONS,
    TAKE_NAMES,
    Call,
    Given,
    makes_words,
    may_be,
    text_of,
)
from elpa_core.commands.bash.syntax import EXPANSION, SLOT, Reads, Slot, Where, Word

_NEVER = re.compile(r"(?!)")
_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNFINISHED_OPTION = re.compile(rf"-?{EXPANSION}[A-Za-z0-9_\[{EXPANSION}]*{SLOT}")
_RUN_PROGRAMS = {
    "exec": "a",
    "doas": "uC",
    "env": "uCS",
    "nice": "n",
    "nohup": "",
    "setsid": "",
    "stdbuf": "ioe",
    "sudo": "CDRTUghprtu",
    "timeout": "ks",
    "xargs": "EILPadns",
}
"""What runs a program that its arguments name, with the options that take an argument."""
_OPTION_EXAMPLES = ("-v", "-R", "-p", "-np", "-fp")

Evaluated = Iterator[tuple[Slot, Reads]]


def evaluated_marks(call: Call, given: Given) -> Evaluated:
    """Yield the slots and variables in arguments that a builtin evaluates, such as those of ``let``."""
    name, arguments = call.name, call.arguments
    if not call.sure:
        yield from _all(arguments, Reads.UNSURE)
    elif name == "let":
        yield from _numbers(arguments)
    elif name in TAKE_NAMES:
        yield from _all(arguments, Reads.NAME)
    elif name in READ_CODE:
        yield from _all(arguments, Reads.CODE)
    elif name in DECLARATIONS:
        yield from _declared(arguments, given)
    elif name in TAKE_NAME_OPTIONS:
        yield from _named_by_option(name, arguments, given)
    elif name == "set":
        yield from _options(arguments)
    elif name == "[[":
        yield from _condition(arguments)
    elif name in _RUN_PROGRAMS:
        yield from _before_the_program(name, arguments, given)


def _all(words: Iterable[Word], reads: Reads) -> Evaluated:
    for word in words:
        for mark in word.marks:
            yield mark, reads
        yield from _all(word.elements, reads)


def _numbers(words: Iterable[Word]) -> Evaluated:
    words = list(words)
    yield from _all(words, Reads.NUMBER)
    for word in words:
        for name in _IDENTIFIER.findall(word.text.rpartition("=")[2]):
            yield Slot(Where.NUMBER, "", word, variable=name), Reads.NUMBER


def _condition(words: list[Word]) -> Evaluated:
    for previous, word in zip([Word(), *words], words, strict=False):
        if word.text in _COMPARISONS or previous.text in _COMPARISONS:
            yield from _numbers([previous, word])
        if previous.text in {"-v", "-R"}:
            yield from _all([word], Reads.NAME)


def option_letters(words: Iterable[Word], given: Given) -> str | None:
    """Return the letters of all options; None if a word may be an option that only a run knows."""
    letters = ""
    for word in words:
        text = text_of(word, given)
        head = (word.text if text is None else text).partition("=")[0]
        if head.startswith(("-", "+")):
            letters += head
            if text is None:
                return None
        elif text is None and word.text[:1] == EXPANSION and "=" not in word.text:
            return None
    return letters


def _declared(words: list[Word], given: Given) -> Evaluated:
    options = option_letters(words, given)
    if options is None:
        yield from _all(words, Reads.UNSURE)
        options = ""
    for word in words:
        if "i" in options:
            yield from _numbers([word]) if "=" in word.text else _all([word], Reads.NUMBER)
            continue
        name, _, value = word.text.partition("=")
        names = len(word.marks) if "n" in options else name.count(SLOT) + name.count(EXPANSION)
        for mark in word.marks[:names]:
            yield mark, Reads.NAME
        for mark in word.marks[names:]:
            printed = mark.variable == "(" and re.search("[aA]", options)
            yield mark, Reads.CODE if printed else Reads.NAME if value.startswith("(") else Reads.ARRAY


def _named_by_option(name: str, words: list[Word], given: Given) -> Evaluated:
    """Yield what stands behind ``-v`` or is glued to it, or may be."""
    option = TAKE_NAME_OPTIONS[name]
    previous = Word()
    for word in words:
        text = text_of(word, given)
        if may_be(previous, option, _OPTION_EXAMPLES, given):
            sure = text_of(previous, given) is not None
            yield from _all([word], Reads.NAME if sure else Reads.UNSURE)
        elif name in {"printf", "wait"}:
            if option.match(word.text if text is None else text):
                yield from _all([word], Reads.NAME)
            elif _UNFINISHED_OPTION.match(word.text):
                yield from _all([word], Reads.UNSURE)
            elif text is not None and (not text.startswith("-") or text == "--"):
                return
        previous = word


def _options(words: list[Word]) -> Evaluated:
    for word in words:
        if word.text == "--":
            return
        if word.text[:1] in {SLOT, EXPANSION} and word.marks:
            yield word.marks[0], Reads.OPTION


def _before_the_program(name: str, words: list[Word], given: Given) -> Evaluated:
    """Yield what begins a word where the options of a command stand that runs a program.

    The name that ``exec -a`` gives to a program is one: with a ``-`` in front a shell is a login shell.
    """
    takes_argument = re.compile(f"-[A-Za-z]*?[{_RUN_PROGRAMS[name]}]") if _RUN_PROGRAMS[name] else _NEVER
    is_argument = False
    for word in words:
        option = None if is_argument else takes_argument.match(word.text)
        rest = word.text[option.end() :] if option else word.text
        if is_argument or option:
            if name == "exec":
                yield from _beginning(word, rest)
            is_argument = option is not None and not rest
        elif text_of(word, given) == "--":
            return
        elif not rest.startswith("-"):
            yield from _beginning(word, rest)
            if rest[:1] != EXPANSION and not makes_words(word):
                return


def _beginning(word: Word, text: str) -> Evaluated:
    """Yield the marks with which ``text``, the end of a word, begins; all of them in a word with braces."""
    marks = word.marks[len(word.marks) - text.count(SLOT) - text.count(EXPANSION) :]
    count = len(text) - len(text.lstrip(SLOT + EXPANSION))
    yield from ((mark, Reads.OPTION) for mark in (marks if makes_words(word) else marks[:count]))
