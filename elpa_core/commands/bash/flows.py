"""Follow the values of a bash program into its variables and files, for warnings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from elpa_core.commands.bash.calls import DECLARATIONS, Call
from elpa_core.commands.bash.syntax import EXPANSION, SLOT, BashCommand, Program, Slot, Where, Word
from elpa_core.commands.bash.variables import assignments

_ROUNDS = 4
_PARAMETERS = "123456789"
_PRINT = frozenset({"cat", "echo", "printf"})
_WRITES = frozenset({">", ">>", ">|", "&>", "&>>"})
_ALL_PARAMETERS = Slot(Where.WORD, "", Word(), variable="@")

Run = list[tuple[BashCommand, Call]]
Held = defaultdict[str, set[str]]
Names = Mapping[Slot, set[str]]


def names_of(mark: Slot, values: Names, held: Held) -> set[str]:
    """Return the names of the values that a mark may stand for."""
    return values.get(mark, set()) | (held[mark.variable] if mark.variable else set())


def variables_held(program: Program, run: Run, values: Names, held: Mapping[str, set[str]]) -> Held:
    """Return the names of the values that each variable may hold; ``held`` are those from outside."""
    return _followed(_flows(program, run), values, held)


def heads_held(program: Program, run: Run, values: Names, held: Mapping[str, set[str]]) -> Held:
    """Return the names of the values with which each variable may begin."""
    return _followed(_heads(program, run), values, held)


def _followed(flows: Iterable[tuple[str, list[Slot]]], values: Names, known: Mapping[str, set[str]]) -> Held:
    held: Held = defaultdict(set, {variable: set(names) for variable, names in known.items()})
    flows = list(flows)
    for _ in range(_ROUNDS):
        for variable, marks in flows:
            for mark in marks:
                held[variable] |= names_of(mark, values, held)
        held["0"] |= held["BASH_ARGV0"]
    return held


def _flows(program: Program, run: Run) -> Iterator[tuple[str, list[Slot]]]:
    compound = [mark for command in program.commands if not command.words for mark in command.stdin]
    for variable, marks, elsewhere in assignments(program, run, {}):
        yield (
            variable.pattern.replace("\\", ""),
            list(_with_printed([*marks, *compound] if elsewhere else marks)),
        )
    for command in program.commands:
        name = command.words[0].text if command.words else ""
        if name == "read":
            marks = [mark for source in command.upstream for word in source.words for mark in word.marks]
            for word in command.words[1:]:
                yield word.text, marks
        if name in program.functions or name == "set":
            arguments = command.words[1:]
            marks = list(_with_printed(mark for word in arguments for mark in word.marks))
            yield from ((parameter, marks) for parameter in "@*" + _PARAMETERS)
        if _loops_over_parameters(command):
            yield command.words[1].text, [_ALL_PARAMETERS]
        if name == "[[":
            yield "BASH_REMATCH", [mark for word in command.words for mark in word.marks]
        yield "_", [mark for word in command.words[-1:] for mark in word.marks]


def _loops_over_parameters(command: BashCommand) -> bool:
    words = command.words
    return len(words) == len(("for", "name")) and words[0].is_literally("for", "select")


def _heads(program: Program, run: Run) -> Iterator[tuple[str, list[Slot]]]:
    assigned = [word for command in program.commands for word in command.assignments]
    assigned += [word for _, call in run if call.name in DECLARATIONS for word in call.arguments]
    for word in assigned:
        name, _, value = word.text.partition("=")
        if EXPANSION not in name and SLOT not in name:
            yield name, head(word.elements[0]) if word.elements else head(word, value)
    for command in program.commands:
        words = command.words
        name = words[0].text if words else ""
        if name in {"for", "select"}:
            marks = [mark for word in words[3:] for mark in head(word)]
            yield words[1].text, [_ALL_PARAMETERS] if _loops_over_parameters(command) else marks
        if name in program.functions or name == "set":
            arguments = [word for word in words[1:] if word.text != "--"]
            for number, word in enumerate(arguments[: len(_PARAMETERS)]):
                yield _PARAMETERS[number], head(word)
            yield from ((each, head(word)) for each in "@*" for word in arguments[:1])


def head(word: Word, text: str | None = None) -> list[Slot]:
    """Return the mark with which a word, or ``text`` at its end, begins."""
    text = word.text if text is None else text
    if text[:1] not in {SLOT, EXPANSION} or not text:
        return []
    return word.marks[len(word.marks) - text.count(SLOT) - text.count(EXPANSION) :][:1]


def _with_printed(marks: Iterable[Slot]) -> Iterator[Slot]:
    """Yield marks, and for each substitution those in its commands."""
    for mark in marks:
        yield mark
        if mark.variable == "(":
            for command in mark.word.commands:
                yield from (inner for word in command.words for inner in word.marks)
                yield from command.stdin


def exported(program: Program, run: Run) -> Callable[[str], bool]:
    """Return what tells whether the programs that a program starts see a variable of it."""
    names = {
        word.text.partition("=")[0]
        for _, call in run
        if call.name in DECLARATIONS
        and (
            call.name == "export"
            or any(word.text.startswith("-") and "x" in word.text for word in call.arguments)
        )
        for word in call.arguments
    }
    for command in program.commands:
        if command.words:
            names |= {word.text.partition("=")[0] for word in command.assignments}
    everything = any(
        call.name == "set" and any(word.text in {"-a", "allexport"} for word in call.arguments)
        for _, call in run
    )
    return lambda name: everything or name in names or name.startswith("ELPA_")


def files_written(program: Program, name_of: Mapping[Slot, str]) -> Iterator[tuple[str, list[Slot]]]:
    """Yield each file that commands write, as `file_key`, with the marks in what goes into it."""
    before: list[Slot] = []
    for command in program.commands:
        name = command.words[0].text if command.words else ""
        printed = [mark for word in command.words[1:] for mark in word.marks] if name != "cat" else []
        content = [*printed, *command.stdin]
        for source in command.upstream:
            content += [*source.stdin, *(mark for word in source.words[1:] for mark in word.marks)]
        if name in _PRINT:
            before += content
        for operator, word in command.redirections:
            if operator in _WRITES:
                yield file_key(word, name_of), content if name else list(before)
        if name == "tee":
            for word in command.words[1:]:
                yield file_key(word, name_of), content


def file_key(word: Word, name_of: Mapping[Slot, str]) -> str:
    """Return the name of a file as the program writes it: ``./a`` and ``a`` are one."""
    text = word.text
    for mark in word.marks:
        sign = EXPANSION if mark.variable else SLOT
        text = text.replace(sign, f"${mark.variable}" if mark.variable else f"{{{name_of.get(mark, '')}}}", 1)
    return text.removeprefix("./")
