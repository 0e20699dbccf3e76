"""Find the arguments of a command that are more than data: bash or another program reads them as code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from elpa_core.commands.bash.syntax import SLOT, Command, Slot, Word

_COMPARISONS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_DECLARATIONS = frozenset({"declare", "typeset", "local", "readonly", "export"})
_TAKE_NAMES = frozenset({"read", "unset", "mapfile", "readarray", "getopts"})
_NAME_OPTIONS = {
    "[[": {"-v", "-R"},
    "[": {"-v", "-R"},
    "test": {"-v", "-R"},
    "printf": {"-v"},
    "wait": {"-p"},
}
_PREFIXES = frozenset(
    {
        "builtin",
        "command",
        "env",
        "exec",
        "nice",
        "nohup",
        "setsid",
        "stdbuf",
        "sudo",
        "time",
        "timeout",
        "xargs",
    }
)
_PREFIX_ARGUMENT = re.compile(r"-.*|[0-9.]+[smhd]?|[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_INTERPRETER = re.compile(r"(?:ba|da|k|z)?sh|python[0-9.]*")
_PROGRAM_OPTION = re.compile(r"-[A-Za-z]*c")
_OPTION_WITH_VALUE = re.compile(r"[-+][A-Za-z]*[oOWX]")


class Reads(Enum):
    """What bash makes of an argument that its builtin evaluates, in words that fit an error."""

    NUMBER = "where bash reads arithmetic"
    NAME = "where bash reads the name of a variable"
    ARRAY = "where bash may read an array"


def evaluated_slots(command: Command) -> Iterator[tuple[Slot, Reads]]:
    """Yield the slots that stand in an argument which a builtin evaluates, such as those of ``let``."""
    words = command.words
    while words and words[0].text in {"builtin", "command"}:
        words = words[1:]
    if not words:
        return
    name, arguments = words[0].text, words[1:]
    if name == "let":
        yield from _all(arguments, Reads.NUMBER)
    elif name in _TAKE_NAMES:
        yield from _all(arguments, Reads.NAME)
    elif name in _DECLARATIONS:
        yield from _declared(arguments)
    for previous, word in zip(words, arguments, strict=False):
        if name == "[[" and (word.text in _COMPARISONS or previous.text in _COMPARISONS):
            yield from _all([previous, word], Reads.NUMBER)
        if previous.text in _NAME_OPTIONS.get(name, ()):
            yield from _all([word], Reads.NAME)


def _all(words: Iterable[Word], reads: Reads) -> Iterator[tuple[Slot, Reads]]:
    for word in words:
        for slot in word.slots:
            yield slot, reads
        yield from _all(word.elements, reads)


def _declared(words: list[Word]) -> Iterator[tuple[Slot, Reads]]:
    options = "".join(word.text for word in words if word.text.startswith(("-", "+")))
    for word in words:
        if "i" in options:
            yield from _all([word], Reads.NUMBER)
            continue
        name, _, value = word.text.partition("=")
        names = name.count(SLOT) if "n" not in options else len(word.slots)
        for slot in word.slots[:names]:
            yield slot, Reads.NAME
        for slot in word.slots[names:]:
            yield slot, Reads.NAME if value.startswith("(") else Reads.ARRAY


def program_slots(command: Command, name_of: Callable[[Slot], str]) -> Iterator[Slot]:
    """Yield the slots in text that another program reads as code: ``bash -c``, ``eval``, ``ssh`` ...

    A heuristic for warnings. A placeholder ``{python}``, and any placeholder or variable that
    stands for the command itself, counts as an interpreter.
    """
    words = command.words
    start = 0
    while start < len(words) - 1 and words[start].text in _PREFIXES:
        start += 1
        while start < len(words) - 1 and _PREFIX_ARGUMENT.fullmatch(words[start].text):
            start += 1
    for index, word in enumerate(words):
        program = word.text.rpartition("/")[2]
        if word.text == SLOT and word.slots:
            program = name_of(word.slots[0])
        arguments = words[index + 1 :]
        if index == start and program in {"eval", "ssh", "trap"}:
            yield from (slot for argument in arguments for slot in argument.slots)
            if program == "ssh":
                yield from command.stdin
        elif _INTERPRETER.fullmatch(program) or (index == start and word.text in {SLOT, "$"}):
            yield from _program_text(arguments)
            if _INTERPRETER.fullmatch(program) and all(_is_option(argument) for argument in arguments):
                yield from command.stdin


def _is_option(word: Word) -> bool:
    return word.text.startswith("-")


def _program_text(arguments: list[Word]) -> Iterator[Slot]:
    value_follows = False
    for index, argument in enumerate(arguments):
        option = _PROGRAM_OPTION.match(argument.text)
        if option:
            following = arguments[index + 1].slots if index + 1 < len(arguments) else []
            yield from argument.slots or following
            return
        if not _is_option(argument) and not value_follows:
            return
        value_follows = _OPTION_WITH_VALUE.fullmatch(argument.text) is not None
