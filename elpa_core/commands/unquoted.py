"""Find values of a config that stand in a command without the quotes that they need.

A value of the config goes into the command as it is, so bash splits it at blanks and reads its
signs, unless it stands in quotes that none of its characters ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from elpa_core.commands.bash.syntax import SLOT, Program, Slot, Where
from elpa_core.commands.placeholders import placeholder_names, read_template

_WORD = r"[\s;&|<>()$`\\\"'*?\[]|\{[^}]*(?:,|\.\.)|^[~#]"
# A path that begins with a variable, such as $DATA/load.csv, is meant.
_EXPANDED = r"(?!\A\$(?:\w+|\{\w+\})(?:/|\Z))\$[\w{(\[*@#?!$-]|`|\\(?:[\\$`\n]|\Z)"
_READ_BY_BASH = {
    Where.WORD: re.compile(_WORD),
    Where.FALLBACK: re.compile(rf"{_WORD}|\}}"),
    Where.ASSIGNED: re.compile(rf"{_WORD}|\}}"),
    Where.DOUBLE: re.compile(rf'{_EXPANDED}|"'),
    Where.DOUBLE_FALLBACK: re.compile(rf'{_EXPANDED}|["}}]'),
    Where.HEREDOC: re.compile(_EXPANDED),
    Where.SINGLE: re.compile(r"'"),
    Where.ANSI_C: re.compile(r"[\\']"),
    Where.COMMENT: re.compile(r"\n"),
}
_PATH = re.compile(r"[~./$]")


class Unquoted(NamedTuple):
    """The placeholder ``name`` stands ``where``, in words."""

    name: str
    where: str


def may_need_quotes(value: str) -> bool:
    """Tell whether there is a place in a command where bash would read anything in a value."""
    return any(pattern.search(value) for pattern in _READ_BY_BASH.values())


def unquoted_values(template: str, values: Mapping[str, str]) -> list[Unquoted]:
    """Return the placeholders of a command whose value bash does not take as it is.

    Parameters
    ----------
    template : str
        A well-formed command template.
    values : mapping of str to str
        Values that go into the command as they are. One that is a whole command of several words,
        such as ``uv run python``, is meant to be read by bash where a command begins.

    Examples
    --------
    >>> unquoted_values('{run} x.py {data} "{data}"', {"run": "uv run python", "data": "/load (1).csv"})
    [Unquoted(name='data', where='outside quotes')]
    """
    telling = {name for name, value in values.items() if may_need_quotes(value)}
    if not telling or telling.isdisjoint(placeholder_names(template)):
        return []
    program, name_of = read_template(template)
    begins = set(_first_words(program))
    return list(
        dict.fromkeys(
            Unquoted(name, slot.where.value)
            for slot, name in name_of.items()
            if name in telling
            and slot.where in _READ_BY_BASH
            and _READ_BY_BASH[slot.where].search(values[name])
            and not (slot in begins and not _PATH.match(values[name]))
        )
    )


def _first_words(program: Program) -> Iterator[Slot]:
    """Yield the slots that are the whole first word of a command."""
    for command in program.commands:
        if command.words and command.words[0].text == SLOT:
            yield from (slot for slot in command.words[0].marks if slot.where is Where.WORD)
