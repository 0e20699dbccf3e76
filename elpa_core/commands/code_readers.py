"""Find, for warnings, where a command lets bash or another program read a value as code.

Quoting reaches one reading by the command's own shell. What reads the value after that is a
program of its own (``bash -c``, ``awk``, ``psql -c``), or bash itself, which evaluates variables
in arithmetic. This is a heuristic: it follows plain assignments, pipes and files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from elpa_core.commands.bash.calls import calls, words_held
from elpa_core.commands.bash.flows import (
    Held,
    Names,
    exported,
    file_key,
    files_written,
    head,
    heads_held,
    names_of,
    variables_held,
)
from elpa_core.commands.bash.lexer import read_program
from elpa_core.commands.bash.limits import LIMITS
from elpa_core.commands.bash.programs import file_read_as_code, inner_programs, program_index, program_slots
from elpa_core.commands.bash.quoting import marks_read_again
from elpa_core.commands.bash.syntax import Program, Reads, Slot, Where, Word
from elpa_core.commands.bash.variables import names_in_numbers
from elpa_core.commands.placeholders import read_template
from elpa_core.errors import short

# Several, since a search is fast where all that it looks for begins with one of a few characters.
_SIGN = re.compile(r"[<>|$@(\[]")  # each hint of the next expression holds one of these
_HINT_WITH_SIGN = re.compile(
    r"""<<|[<>]\(|[<>]&?\s*["']?\$|\(\(|\$\[|\[\[|@P|\$\{\{(?:!|\w+(?:\[|:[^-+=?]))|\[[^\]\n]*\]\+?=
    |(?<!\|)\|(?!\|)[^|\n]*(?<!\.)\b(?:(?:ba|da|k|z)?sh|python[0-9.]*|perl|ruby|node|nodejs|bun|R\w*|php|psql|mysql
                 |mariadb|sqlite3|duckdb|clickhouse|bc|dc|julia|lua|gnuplot|octave|tclsh|read)\b
    |(?:^|[;&|({!]|\b(?:coproc|do|then|elif|else|if|while|until|time|builtin|command)\s)\s*["']?\$
    |\b(?:chroot|doas|env|exec|flock|ionice|nice|nohup|setsid|stdbuf|sudo|taskset|timeout|unbuffer)\s[^\n;&|]*\$""",
    re.VERBOSE | re.MULTILINE,
)
_HINT_IN_WORDS = re.compile(
    r"""(?<![\w./-])(?:(?:eval|ssh|trap|let|declare|typeset|local|read|printf|unset|test|alias|compgen|mapfile
                      |readarray|g?make|[gmn]?awk|g?sed|[jy]q|sqlite3|source|\.|set\s+--)\s
                      |(?:watch|parallel|hyperfine|tmux|xargs|matlab|sbatch|at|batch|crontab|qsub|R)(?=\s|$))""",
    re.VERBOSE | re.MULTILINE,
)
_HINT_IN_OPTIONS = re.compile(
    r"""-(?:[vR]\s|-(?:eval|print|command|execute|query|run|expression|split-string|wrap)\b
          |(?<=\s-)[A-Za-z0-9]*(?:S|[cepErRBqs][A-Za-z]*\s*["'${]))""",
    re.VERBOSE,
)
_HINT_IN_VARIABLES = re.compile(r"PS4|BASH_ENV|BASH_ALIASES|BASH_ARGV0|RANDOM|OPTIND|HISTCMD")
_FILE = r"""["']?(?:\./)?([^\s;|&"'<>()]+)"""
_WRITTEN = re.compile(rf"(?:>[|>]?|tee(?<!\wtee)\s(?:-a\s)?)\s*{_FILE}")
_WORDS = re.compile(_FILE)
_REDIRECTED = re.compile(r"""[<>]&?\s*["']?\{(\w+)\}""")
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
    if not (
        (_SIGN.search(template) and _HINT_WITH_SIGN.search(template))
        or any(hint.search(template) for hint in (_HINT_IN_OPTIONS, _HINT_IN_VARIABLES, _HINT_IN_WORDS))
        or _names_again_what_it_writes(template)
        or not typed.isdisjoint(_REDIRECTED.findall(template))
    ):
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


def _names_again_what_it_writes(template: str) -> bool:
    written = set(_WRITTEN.findall(template))
    return bool(written) and any(
        count > 1 for count in Counter(filter(written.__contains__, _WORDS.findall(template))).values()
    )


def _stands_in(reader: str, name: str) -> str:
    return (
        f"stands where {reader} reads it as code; use the variable ELPA_{short(name.upper())} there instead"
    )


def _read_by_bash(program: Program, name_of: dict[Slot, str], typed: frozenset[str]) -> Iterator[CodeReading]:
    values = {slot: {name} for slot, name in name_of.items() if name in typed}
    yield from _readings(program, name_of, values, {f"ELPA_{name.upper()}": {name} for name in typed})


def _readings(
    program: Program, name_of: Mapping[Slot, str], values: Names, outer: Mapping[str, set[str]]
) -> Iterator[CodeReading]:
    """Yield where ``values`` of a program, and what its variables hold from outside, are read again."""
    words = words_held(program, {})
    run = [(command, call) for command in program.commands for call in calls(command, {}, words)]
    again = [(mark, reads) for mark, reads in marks_read_again(program, {}) if mark and reads in _TELLING]
    again += [(slot, Reads.NUMBER) for slot in program.slots if slot.where is Where.NUMBER]
    for slot, reads in again:
        for name in values.get(slot, ()):
            yield CodeReading(name, f"stands {reads.value}: it can be {LIMITS[reads].expected} there")
    held = variables_held(program, run, values, outer)
    read = [(mark.variable, reads) for mark, reads in again if mark.variable]
    read += [(name, Reads.NUMBER) for name in names_in_numbers(program, run)]
    by_program = list(program_slots(program, lambda slot: name_of.get(slot, "")))
    told = {mark.variable for mark, _ in by_program}
    for variable, reads in [*program.read_again, *read]:
        if reads is Reads.CODE and variable in told:
            continue
        for name in sorted(held[variable]):
            yield CodeReading(name, f"is in the variable {variable} {reads.value}, {_CHECK}")
    for mark, reader in by_program:
        for name in sorted(held[mark.variable]):
            yield CodeReading(name, f"is in the variable {mark.variable}, {reader} reads it as code")
    yield from _redirections(program, values, held)
    heads = heads_held(program, run, values, outer)
    yield from _run_as_commands(program, {name: heads[name] for name in heads.keys() - told})
    yield from _run_as_files(program, name_of, values, held)
    is_seen = exported(program, run)
    yield from _in_given_programs(
        program, values, held, {variable: names for variable, names in held.items() if is_seen(variable)}
    )


def _in_given_programs(
    program: Program, values: Names, held: Held, seen: Mapping[str, set[str]]
) -> Iterator[CodeReading]:
    """Yield what programs read that this one gives to a shell, and that have the variables ``seen``."""
    for text, command, arguments in inner_programs(program):
        known = dict(seen)
        for word in command.words:
            name, is_assigned, _ = word.text.partition("=")
            if is_assigned and name.isidentifier():  # env NAME=... bash -c
                known[name] = _names_in(word, values, held)
        given = [_names_in(word, values, held) for word in arguments]
        known |= {str(number): names for number, names in enumerate(given)}
        known |= dict.fromkeys("@*", set().union(*given[1:]))
        yield from _readings(read_program(text), {}, {}, known)


def _names_in(word: Word, values: Names, held: Held) -> set[str]:
    return set().union(*(names_of(mark, values, held) for mark in word.marks))


def _run_as_commands(program: Program, heads: Mapping[str, set[str]]) -> Iterator[CodeReading]:
    for command in program.commands:
        for word in command.words[program_index(command.words) :][:1]:
            for mark in head(word):
                for name in sorted(heads.get(mark.variable, ())):
                    yield CodeReading(
                        name, f"is in the variable {mark.variable}, which bash runs as a command"
                    )


def _run_as_files(
    program: Program, name_of: Mapping[Slot, str], values: Names, held: Held
) -> Iterator[CodeReading]:
    written: defaultdict[str, set[str]] = defaultdict(set)
    for file, marks in files_written(program, name_of):
        for mark in marks:
            written[file] |= names_of(mark, values, held)
    for command in program.commands if written else ():
        if found := file_read_as_code(command, lambda slot: name_of.get(slot, "")):
            word, reader = found
            key = file_key(word, name_of)
            for name in sorted(written.get(key, ())):
                yield CodeReading(name, f"is written to {short(key)}, which {reader} reads as code")


def _redirections(program: Program, values: Names, held: Held) -> Iterator[CodeReading]:
    for operator, word in (each for command in program.commands for each in command.redirections):
        for mark in head(word) if operator != "<<<" else ():
            for name in sorted(names_of(mark, values, held)):
                yield CodeReading(name, _redirected(operator, name, mark.variable))


def _redirected(operator: str, name: str, variable: str) -> str:
    if operator in {">&", "<&"} and variable:
        return f"is in the variable {variable}, which bash expands again behind {operator}; use > or < there"
    given = f'give "$ELPA_{short(name.upper())}" to a program as an argument instead'
    return f"names the file of a redirection, and bash opens a connection for /dev/tcp/...; {given}"
