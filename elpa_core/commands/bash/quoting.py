r"""Put values into a bash program so that each arrives with exactly its characters, or not at all.

>>> quote_values('echo \0 "\0"', ["a b", "$HOME"])
(["'a b'", '\\$HOME'], [])
>>> quote_values("echo $((\0))", ["x"])
([''], [Refusal(number=0, where='in arithmetic or an array index', expected='an integer')])
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from elpa_core.commands.bash.arguments import evaluated_marks
from elpa_core.commands.bash.calls import calls, words_held
from elpa_core.commands.bash.lexer import read_program
from elpa_core.commands.bash.limits import INTEGER, LETTERS, LIMITS, LIST_PLAIN, MARKS, PLAIN, PLAIN_ONLY
from elpa_core.commands.bash.syntax import SLOT, Heredoc, Program, Reads, Slot, Where, Word
from elpa_core.commands.bash.variables import (
    assignments,
    evaluated_assignments,
    is_unsettled,
    parts_of_commands,
    slots_in,
)
from elpa_core.errors import quoted

_PLAIN_BESIDE_EXPANSION = re.compile(r"[A-Za-z0-9_./]+")
_PLAIN_IN_CONDITION = re.compile(r"(?!-)[A-Za-z0-9_./:+-]+")
_PLAIN_IN_REGEX = re.compile(r"[A-Za-z0-9_/]+")
_PLAIN_AROUND = re.compile(r"[A-Za-z0-9_@%+=:,./\0\u0080-\U0010ffff-]*")
_RESERVED = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select"}
    | {"function", "time", "coproc", "in", "-p", "--"}
)
_NAME_ASSIGNED = re.compile(r"[A-Za-z0-9_]*\0[A-Za-z0-9_\0]*\+?=")
_SEQUENCE = re.compile(r"\{.*(?:\.\.\0|\0\.\.)", re.DOTALL)
_CONTINUES = {
    "$name": re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]|\Z"),
    "$": re.compile(r"[A-Za-z0-9_*@#?!({\['\"-]|\Z"),
    "\\": re.compile(r"[$`\"\\\n\x01\x7f]|\Z"),
}
_SPECIAL = {Where.HEREDOC: r"([\\$`])", Where.ANSI_C: r"([\\'])"}


class Refusal(NamedTuple):
    """Value ``number`` (from 0) cannot stand where it should: where that is, and what could."""

    number: int
    where: str
    expected: str


class _RefusedError(Exception):
    def __init__(self, where: str, expected: str) -> None:
        super().__init__(where, expected)
        self.where = where
        self.expected = expected


def quote_values(program: str, values: Sequence[str]) -> tuple[list[str], list[Refusal]]:
    """Write each value as it has to stand in a bash program to arrive with exactly its characters.

    Parameters
    ----------
    program : str
        A bash program with a NUL character for each value.
    values : sequence of str
        As many values as ``program`` has NUL characters; none holds NUL.

    Returns
    -------
    texts : list of str
        What to insert for each value. A value that needs no quotes stays as it is.
    refusals : list of Refusal
        The values that bash could not be given exactly, in order; their texts are empty.
    """
    found = read_program(program)
    given = dict(zip(found.slots, values, strict=True))
    evaluated: defaultdict[Slot, set[Reads]] = defaultdict(set)
    for mark, reads in marks_read_again(found, given):
        for slot in [mark] if mark else found.slots:
            evaluated[slot].add(reads)
    texts: dict[Slot, str] = {}
    refusals: dict[Slot, _RefusedError] = {}
    for slot, value in given.items():
        try:
            _check_limits(slot, value, evaluated[slot])
            texts[slot] = _quoted(slot, value, given)
        except _RefusedError as refused:
            texts[slot] = ""
            refusals[slot] = refused
    for heredoc in filter(lambda heredoc: heredoc.slots, found.heredocs):
        _check_heredoc(heredoc, given, texts, refusals)
    return list(texts.values()), [
        Refusal(number, refusals[slot].where, refusals[slot].expected)
        for number, slot in enumerate(given)
        if slot in refusals
    ]


def marks_read_again(program: Program, given: Mapping[Slot, str]) -> Iterator[tuple[Slot | None, Reads]]:
    """Yield the slots and variables in a program whose text bash evaluates, and what it reads there.

    Parameters
    ----------
    program : Program
        What the lexer found.
    given : mapping of Slot to str
        The value at each slot. A slot without one may hold anything.

    Yields
    ------
    mark : Slot or None
        None stands for every slot of the program.
    reads : Reads
        What bash reads there.
    """
    for mark, reads in _marks_evaluated(program, given):
        yield mark, reads
        # A declaration of one variable takes the output of a command as text.
        if mark and mark.variable == "(" and reads is not Reads.ARRAY:
            for command in mark.word.commands:
                yield from ((slot, Reads.PRINTED) for slot in slots_in(command))


def _marks_evaluated(program: Program, given: Mapping[Slot, str]) -> Iterator[tuple[Slot | None, Reads]]:
    held = words_held(program, given)
    run = [(command, call) for command in program.commands for call in calls(command, given, held)]
    for _, call in run:
        yield from evaluated_marks(call, given)
    assigned = list(assignments(program, run, given))
    yield from evaluated_assignments(assigned, run, given, held)
    yield from parts_of_commands(program, assigned, run)
    for command in program.commands:
        for operator, word in command.redirections:
            if operator in {">&", "<&"}:
                yield from ((mark, Reads.CODE) for mark in word.marks if mark.variable == "(")
    if is_unsettled(run, given):
        yield None, Reads.UNSETTLED


def _check_limits(slot: Slot, value: str, read: Iterable[Reads]) -> None:
    limits = [(slot.where.value, LIMITS.get(slot.where))]
    if slot.strict:
        limits.append((slot.strict.reason, PLAIN_ONLY if slot.strict.plain else LETTERS))
    limits += [(reads.value, LIMITS[reads]) for reads in Reads if reads in read]
    if slot.descriptor:
        limits.append(("where bash reads a file descriptor", INTEGER))
    if _in_sequence(slot):
        limits.append(("in a sequence {a..b}", INTEGER))
    for where, limit in limits:
        if limit and not limit.pattern.fullmatch(value):
            raise _RefusedError(where, limit.expected)


def _quoted(slot: Slot, value: str, given: Mapping[Slot, str]) -> str:
    """Return the text for a value, minding what stands directly before it."""
    if slot.where in {Where.WORD, Where.FALLBACK}:
        text = _in_word(slot, value, given)
    elif slot.where is Where.SINGLE:
        text = _single_quoted(value)[1:-1]
    else:
        text = _joint(slot, value) + _escaped(slot.where, value)
    return re.sub(r"([\\$`])", r"\\\1", text) if slot.backticks else text


def _in_sequence(slot: Slot) -> bool:
    return slot.where is Where.WORD and _SEQUENCE.search(slot.word.literal) is not None


def _in_word(slot: Slot, value: str, given: Mapping[Slot, str]) -> str:
    if slot.where is Where.WORD and not slot.before and _stands_plain(slot.word, value, given):
        return value
    if _in_sequence(slot):
        return value
    if slot.strict:
        plain = not slot.before and not slot.word.in_condition and PLAIN.fullmatch(value)
        if plain and _stands_apart(slot.word, given):
            return value
        raise _RefusedError(slot.strict.reason, "a value that needs no quotes")
    if slot.before not in {"\\", "$"}:
        return _single_quoted(value)
    # The backslash quotes the first character, except that it would take away a newline.
    if value[:1] in {"", "\n"}:
        raise _RefusedError(f"directly behind {slot.before}", "a first character other than a newline")
    rest = _single_quoted(value[1:]) if value[1:] else ""
    return ("\\" if slot.before == "$" else "") + value[0] + rest


def _single_quoted(value: str) -> str:
    # Not '\\'': in an array inside $(...), bash 5.2 loses the backslash.
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _stands_plain(word: Word, value: str, given: Mapping[Slot, str]) -> bool:
    """Whether a value can stand outside quotes and mean itself, beside what else is in its word."""
    if word.in_condition:
        pattern = _PLAIN_IN_REGEX if word.is_regex else _PLAIN_IN_CONDITION
        return pattern.fullmatch(_whole(word, given)) is not None
    if not _PLAIN_AROUND.fullmatch(word.literal) or not _stands_apart(word, given):
        return False
    return (_PLAIN_BESIDE_EXPANSION if word.expands else LIST_PLAIN).fullmatch(value) is not None


def _stands_apart(word: Word, given: Mapping[Slot, str]) -> bool:
    """Whether the word is none that means something to bash: reserved, an assignment, a descriptor."""
    if _NAME_ASSIGNED.match(word.literal) or word.after == "(":
        return False
    whole = _whole(word, given)
    # "2" before ">" would be a file descriptor.
    return word.quoted or not (whole in _RESERVED or (whole.isdigit() and word.after in {"<", ">"}))


def _whole(word: Word, given: Mapping[Slot, str]) -> str:
    values = iter([given[slot] for slot in word.slots if slot.where is Where.WORD])
    return re.sub(SLOT, lambda _: next(values), word.literal)


def _joint(slot: Slot, value: str) -> str:
    """Return what keeps a value apart from the ``$``, ``$name`` or backslash directly before it."""
    if not slot.before:
        return ""
    free = slot.where in {Where.DOUBLE, Where.HEREDOC} and not slot.strict
    if free and not _CONTINUES[slot.before].match(value):
        return ""
    if free and slot.before == "\\":
        return "\\"
    if free and slot.where is Where.DOUBLE:
        return '""'
    behind = {"\\": "a backslash", "$name": "a variable without braces"}.get(slot.before, slot.before)
    raise _RefusedError(f"{slot.where.value}, directly behind {behind}", "a value that it does not take up")


def _escaped(where: Where, value: str) -> str:
    if where is Where.DOUBLE:
        return _double_quoted(value)
    if where is Where.DOUBLE_FALLBACK:
        # There bash looks for the end of <( and >(.
        text = re.sub(r'([\\"$`}])', r"\\\1", value)
        return re.sub(r"^\(|(?<=[<>])\(", '""(', text)
    return re.sub(_SPECIAL[where], r"\\\1", value) if where in _SPECIAL else value


def _double_quoted(value: str) -> str:
    # In double quotes in an array, bash doubles the characters that it uses as marks of its own.
    return re.sub(r"([\x01\x7f]+)", "\"'\\1'\"", re.sub(r'([\\"$`])', r"\\\1", value))


def _check_heredoc(
    heredoc: Heredoc, given: Mapping[Slot, str], texts: dict[Slot, str], refusals: dict[Slot, _RefusedError]
) -> None:
    where = Where.QUOTED_HEREDOC if heredoc.quoted else Where.HEREDOC
    if heredoc.quoted and heredoc.nested:
        for slot in heredoc.slots:
            if not MARKS.pattern.fullmatch(given[slot]):
                refusals.setdefault(slot, _RefusedError(where.value, MARKS.expected))
    together = _heredoc_limit(heredoc, texts)
    if not together:
        return
    harmless = dict.fromkeys(heredoc.slots, "x")
    alone = {slot: _heredoc_limit(heredoc, {**harmless, slot: texts[slot]}) for slot in heredoc.slots}
    for slot, expected in alone.items():
        if expected or not any(alone.values()):
            refusals.setdefault(slot, _RefusedError(where.value, expected or together))


def _heredoc_limit(heredoc: Heredoc, texts: dict[Slot, str]) -> str:
    """Return what the values break: they may not end the document, nor lose tabs to ``<<-``."""
    read = heredoc.lines_read(_fill(heredoc.body, heredoc.slots, texts))
    if any(map(heredoc.ends_at, read.removesuffix("\n").split("\n"))):
        return f"nothing that makes a line {quoted(heredoc.delimiter)}"
    if read != _fill(heredoc.lines_read(heredoc.body), heredoc.slots, texts):
        return "no tab at the beginning of a line, where <<- takes it away"
    return ""


def _fill(text: str, slots: Sequence[Slot], texts: dict[Slot, str]) -> str:
    remaining = iter(slots)
    return re.sub(SLOT, lambda _: texts[next(remaining)], text)
