"""Find the values that go into variables which bash evaluates: by their name or by their attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from elpa_core.commands.bash.arguments import option_letters
from elpa_core.commands.bash.calls import DECLARATIONS, Call, Given, pattern_of, text_of
from elpa_core.commands.bash.syntax import EXPANSION, BashCommand, Program, Reads, Slot, Word

_NUMBERS = ("BASHPID", "EPOCHSECONDS", "HISTCMD", "LINENO", "OPTIND", "RANDOM", "SECONDS", "SRANDOM")
_CODE = ("BASH_ALIASES", "BASH_ENV", "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS4")
_SETTINGS = (
    *("BASHOPTS", "BASH_CMDS", "BASH_COMPAT", "BASH_LOADABLES_PATH", "BASH_XTRACEFD", "LANG", "LC_ALL"),
    *("LC_CTYPE", "POSIXLY_CORRECT", "SHELLOPTS", "histchars"),
)
SPECIAL: dict[str, Reads] = {
    **dict.fromkeys(_NUMBERS, Reads.NUMBER),
    **dict.fromkeys(_CODE, Reads.CODE),
    **dict.fromkeys(_SETTINGS, Reads.SETTING),
}
"""What bash makes of the text that is assigned to variables of its own."""
_MAPFILE = Word(text="MAPFILE", literal="MAPFILE")
_READ_INPUT = {"read": Word(text="REPLY", literal="REPLY"), "mapfile": _MAPFILE, "readarray": _MAPFILE}
_OPTARG = Word(text="OPTARG", literal="OPTARG")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IN_ENVIRONMENT = re.compile(r"BASH_ENV=")
_GIVE_ATTRIBUTES = frozenset({"declare", "typeset", "local"})
_UNSETTLING_LETTERS = re.compile(r"-.*[kH]", re.DOTALL)
_UNSETTLING_NAMES = frozenset({"keyword", "histexpand", "posix", "expand_aliases"})
_COMPATIBILITY = re.compile(r"compat\d+")


class Assigned(NamedTuple):
    """What goes into a variable.

    ``name`` matches its name, ``marks`` are the parts of its value; ``elsewhere``: bash reads the
    value from its standard input.
    """

    name: re.Pattern[str]
    marks: list[Slot]
    elsewhere: bool = False


class _Attribute(NamedTuple):
    name: re.Pattern[str]
    reads: Reads


def assignments(program: Program, found: list[tuple[BashCommand, Call]], given: Given) -> Iterator[Assigned]:
    """Yield all that a program assigns."""
    for command in program.commands:
        for word in command.assignments:
            yield _assignment(word, given)
        if command.words and command.words[0].is_literally("for", "select"):
            yield Assigned(pattern_of(command.words[1], given), _marks(command.words[3:]))
    for name, mark in program.fallbacks:
        yield Assigned(re.compile(re.escape(name)), [mark])
    for command, call in found:
        yield from _by_builtin(command, call, given)


def _by_builtin(command: BashCommand, call: Call, given: Given) -> Iterator[Assigned]:
    arguments = call.arguments
    if call.name in DECLARATIONS:
        yield from (_assignment(word, given) for word in arguments if "=" in word.text)
    elif call.name == "printf" and arguments:
        option = arguments[0]
        if option.text == "-v":
            names = arguments[1:2]
        elif option.text.startswith("-v"):
            names = [Word(text=option.text[2:], literal=option.literal, marks=option.marks)]
        else:
            names = [option] if option.text.startswith(EXPANSION) else []
        yield from (Assigned(pattern_of(name, given, "["), _marks(arguments)) for name in names)
    elif call.name in _READ_INPUT:
        for word in [_READ_INPUT[call.name], *arguments]:
            if not word.text.startswith("-"):
                yield Assigned(pattern_of(word, given, "["), command.stdin, elsewhere=True)
    elif call.name == "getopts":
        for word in [_OPTARG, *arguments[1:2]]:
            yield Assigned(pattern_of(word, given, "["), _marks(arguments[2:]))


def _assignment(word: Word, given: Given) -> Assigned:
    return Assigned(pattern_of(word, given, "[+="), [*word.marks, *_marks(word.elements)])


def _marks(words: Iterable[Word]) -> list[Slot]:
    return [mark for word in words for mark in word.marks]


def evaluated_assignments(
    assigned: list[Assigned], found: list[tuple[BashCommand, Call]], given: Given, held: frozenset[str]
) -> Iterator[tuple[Slot | None, Reads]]:
    """Yield the marks that go into a variable which bash evaluates; None stands for all in the program."""
    attributes = list(_attributes(found, given))
    for name, marks, elsewhere in assigned:
        for reads in _reads(name, attributes, held):
            for mark in marks:
                yield mark, reads
            if elsewhere:
                yield None, Reads.UNSURE
    for _, call in found:
        for word in call.arguments:
            if _IN_ENVIRONMENT.match(word.text):
                yield from ((mark, Reads.CODE) for mark in word.marks)


def names_in_numbers(program: Program, found: list[tuple[BashCommand, Call]]) -> Iterator[str]:
    """Yield the names of variables in texts that are assigned to whole numbers: ``declare -i n; n=m+1``."""
    attributes = list(_attributes(found, {}))
    words = [word for command in program.commands for word in command.assignments]
    words += [word for _, call in found if call.name in DECLARATIONS for word in call.arguments]
    for word in words:
        if Reads.NUMBER in _reads(pattern_of(word, {}, "[+="), attributes, frozenset()):
            yield from _NAME.findall(word.text.partition("=")[2])


def _reads(name: re.Pattern[str], attributes: list[_Attribute], held: frozenset[str]) -> Iterator[Reads]:
    literal = re.sub(r"\\(.)", r"\1", name.pattern)
    unknown = ".*" in name.pattern
    for special, reads in SPECIAL.items():
        if special == literal or (unknown and special in held and name.fullmatch(special)):
            yield reads
    for attribute in attributes:
        if unknown or attribute.name.fullmatch(literal):
            yield attribute.reads


def _attributes(found: list[tuple[BashCommand, Call]], given: Given) -> Iterator[_Attribute]:
    for _, call in found:
        if call.name not in _GIVE_ATTRIBUTES:
            continue
        letters = option_letters(call.arguments, given)
        for word in call.arguments:
            name = pattern_of(word, given, "[=")
            if letters is None or not call.sure or "n" in letters:
                yield _Attribute(name, Reads.UNSURE)
            if letters and "i" in letters:
                yield _Attribute(name, Reads.NUMBER)


def parts_of_commands(
    program: Program, assigned: list[Assigned], found: list[tuple[BashCommand, Call]]
) -> Iterator[tuple[Slot, Reads]]:
    """Yield the marks in variables and arguments that may make up a command of bash's own."""
    variables = {
        mark.variable
        for command, call in found
        if not call.sure
        for word in command.words
        for mark in word.marks
        if mark.variable
    }
    for name, marks, _ in assigned:
        if any(name.fullmatch(variable) for variable in variables):
            yield from ((mark, Reads.UNSURE) for mark in marks)
    if any(variable in {"@", "*"} or variable.isdigit() for variable in variables):
        for command in program.commands:
            started = command.words[0].text if command.words else ""
            if started in program.functions or started == "set":
                yield from ((mark, Reads.UNSURE) for mark in _marks(command.words[1:]))


def slots_in(command: BashCommand) -> Iterator[Slot]:
    """Yield the places of values in a command and in its substitutions."""
    outer = [*command.words, *command.assignments]
    for word in [*outer, *(element for each in outer for element in each.elements)]:
        yield from word.slots
        for inner in word.commands:
            yield from slots_in(inner)
    yield from (mark for mark in command.stdin if not mark.variable)


def is_unsettled(found: list[tuple[BashCommand, Call]], given: Given) -> bool:
    """Whether the program changes how bash reads words: aliases, history expansion and the like."""
    for _, call in found:
        texts = [text_of(word, given) for word in call.arguments]
        if call.name == "alias" and texts:
            return True
        if call.name == "set":
            letters = [text for text in texts[: texts.index("--") if "--" in texts else None] if text]
            if any(_UNSETTLING_LETTERS.match(text) for text in letters) or _UNSETTLING_NAMES & set(letters):
                return True
        if call.name == "shopt" and any(
            text in _UNSETTLING_NAMES or _COMPATIBILITY.fullmatch(text) for text in texts if text
        ):
            return True
    return False
