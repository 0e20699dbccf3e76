"""Find, for warnings, where a command lets bash or another program read a value as code.

Quoting reaches one reading by the command's own shell. What reads the value after that is a
program of its own (``bash -c``, ``awk``, ``psql -c``), or bash itself, which evaluates variables
in arithmetic. This is a heuristic: it follows plain assignments and pipes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from elpa_core.commands.bash.calls import Call, calls, words_held
from elpa_core.commands.bash.limits import LIMITS
from elpa_core.commands.bash.programs import program_slots
from elpa_core.commands.bash.quoting import marks_read_again
from elpa_core.commands.bash.syntax import EXPANSION, SLOT, BashCommand, Program, Reads, Slot, Where
from elpa_core.commands.bash.variables import assignments, names_in_numbers
from elpa_core.commands.placeholders import read_template
from elpa_core.errors import short

_HINT = re.compile(
    r"""<<|[<>]\(|[<>]&?\s*["']?\$|\(\(|\$\[|\[\[|@P|\$\{\{(?:!|\w+(?:\[|:[^-+=?]))|PS4|BASH_ENV|BASH_ALIASES|RANDOM|OPTIND|HISTCMD|-[vR]\s
    |\[[^\]\n]*\]\+?=|\benv\s+-[A-Za-z]*S
    |(?<!\|)\|(?!\|)[^|\n]*(?<!\.)\b(?:(?:ba|da|k|z)?sh|python[0-9.]*|perl|ruby|node|nodejs|bun|R\w*|php|psql|mysql
                 |mariadb|sqlite3|duckdb|clickhouse|bc|dc|julia|lua|gnuplot|octave|tclsh|read)\b
    |(?<![\w./-])(?:eval|ssh|trap|let|declare|typeset|local|read|printf|unset|test|alias|compgen|mapfile
                 |readarray|g?make|[gmn]?awk|g?sed|[jy]q|sqlite3|source|\.)\s
    |\s-[A-Za-z0-9]*[cepErRBqs][A-Za-z]*\s*["'${]
    |--(?:eval|print|command|execute|query|run|expression|split-string)\b""",
    re.VERBOSE,
)
_REDIRECTED = re.compile(r"""[<>]&?\s*["']?\{(\w+)\}""")
_ROUNDS = 4
_CHECK = "which can run code; check its characters first"
_TELLING = (Reads.NUMBER, Reads.NAME, Reads.CODE)


class CodeReading(NamedTuple):
    """The placeholder ``name`` stands in the way that ``how`` tells, in words that follow its name."""

    name: str
    how: str


def values_read_as_code(template: str, typed: frozenset[str] = frozenset()) -> list[CodeReading]:
    """Return where a command lets something read a value as code.

    Parameters
    ----------
    template : str
        A well-formed command template.
    typed : frozenset of str
        Names of values that a person may type as text when a run is started. Only for these does
        it matter that bash reads a variable or the name of a file again.

    Examples
    --------
    >>> for found in values_read_as_code("python -c 'print({seed})' {model_dir}"): print(*found)
    seed stands where python -c reads it as code; use the variable ELPA_SEED there instead
    """
    # Each parse of a Dag file asks this of every command, and reading a program costs much more.
    if not _HINT.search(template) and typed.isdisjoint(_REDIRECTED.findall(template)):
        return []
    program, name_of = read_template(template)
    found = dict.fromkeys(
        CodeReading(name_of[slot], _stands_in(reader, name_of[slot]))
        for slot, reader in program_slots(program, name_of.__getitem__)
        if slot in name_of
    )
    told = {reading.name for reading in found}
    if untold := typed - told:
        found.update(dict.fromkeys(_read_by_bash(program, name_of, untold)))
    return list(found)


def _stands_in(reader: str, name: str) -> str:
    return (
        f"stands where {reader} reads it as code; use the variable ELPA_{short(name.upper())} there instead"
    )


def _read_by_bash(program: Program, name_of: dict[Slot, str], typed: frozenset[str]) -> Iterator[CodeReading]:
    held = words_held(program, {})
    run = [(command, call) for command in program.commands for call in calls(command, {}, held)]
    again = [(mark, reads) for mark, reads in marks_read_again(program, {}) if mark and reads in _TELLING]
    again += [(slot, Reads.NUMBER) for slot in program.slots if slot.where is Where.NUMBER]
    for slot, reads in again:
        if name_of.get(slot) in typed:
            yield CodeReading(
                name_of[slot], f"stands {reads.value}: it can be {LIMITS[reads].expected} there"
            )
    values = {slot: {name} for slot, name in name_of.items() if name in typed}
    held_in = _variables(program, run, values, typed)
    read = [(mark.variable, reads) for mark, reads in again if mark.variable]
    read += [(name, Reads.NUMBER) for name in names_in_numbers(program, run)]
    for variable, reads in [*program.read_again, *read]:
        for name in sorted(held_in[variable]):
            yield CodeReading(name, f"is in the variable {variable} {reads.value}, {_CHECK}")
    for mark, reader in program_slots(program, lambda slot: name_of.get(slot, "")):
        for name in sorted(held_in[mark.variable]):
            yield CodeReading(name, f"is in the variable {mark.variable}, {reader} reads it as code")
    for operator, word in (each for command in program.commands for each in command.redirections):
        if operator != "<<<" and word.marks and word.text[:1] in {SLOT, EXPANSION}:
            first = word.marks[0]
            for name in sorted(values.get(first, set()) | held_in[first.variable]):
                yield CodeReading(name, _redirected(operator, name, first.variable))


def _redirected(operator: str, name: str, variable: str) -> str:
    if operator in {">&", "<&"} and variable:
        return f"is in the variable {variable}, which bash expands again behind {operator}; use > or < there"
    given = f'give "$ELPA_{short(name.upper())}" to a program as an argument instead'
    return f"names the file of a redirection, and bash opens a connection for /dev/tcp/...; {given}"


def _variables(
    program: Program, run: list[tuple[BashCommand, Call]], values: dict[Slot, set[str]], typed: frozenset[str]
) -> defaultdict[str, set[str]]:
    """Return the names of the placeholders whose values each variable may hold."""
    held: defaultdict[str, set[str]] = defaultdict(set)
    held.update({f"ELPA_{name.upper()}": {name} for name in typed})
    flows = list(_flows(program, run))
    for _ in range(_ROUNDS):
        for variable, marks in flows:
            for mark in marks:
                held[variable] |= values.get(mark, set())
                if mark.variable:
                    held[variable] |= held[mark.variable]
    return held


def _flows(program: Program, run: list[tuple[BashCommand, Call]]) -> Iterator[tuple[str, list[Slot]]]:
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
            yield from ((parameter, marks) for parameter in "@*123456789")


def _with_printed(marks: Iterable[Slot]) -> Iterator[Slot]:
    """Yield marks, and for each substitution those in its commands."""
    for mark in marks:
        yield mark
        if mark.variable == "(":
            for command in mark.word.commands:
                yield from (inner for word in command.words for inner in word.marks)
                yield from command.stdin
