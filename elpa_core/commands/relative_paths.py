"""Find relative paths in a command: they start in the folder of the model, where nothing lies at first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from elpa_core.commands.bash.syntax import EXPANSION, SLOT, BashCommand, Word
from elpa_core.commands.placeholders import read_template

_INTERPRETER = re.compile(
    r"python[0-9.]*|(?:ba|da|k|z)?sh|Rscript|julia|perl|ruby|node|nodejs|php|lua|octave|source|\."
)
_STARTS_OTHERS = frozenset(
    {"command", "env", "exec", "nice", "nohup", "pipenv", "poetry", "run", "stdbuf", "time", "timeout", "uv"}
)
_PATH = re.compile(r"(?![/~-])(?!\w+:)[^\s*?\[\]{}=,]*(?:/|\.[A-Za-z])[^\s*?\[\]{}=,]*")


class RelativePath(NamedTuple):
    """A path in a command, and whether it is that of a program that is to be run."""

    path: str
    is_program: bool


def starts_a_word(template: str, name: str) -> bool:
    """Tell whether a placeholder stands in a command where a path could begin.

    >>> [starts_a_word(t, "x") for t in ("cp {x} .", "--in={x}", '"{x}"', "{config_dir}/{x}")]
    [True, True, True, False]
    """
    return re.search(rf"(?:^|[\s\"'=:<>])\{{{re.escape(name)}\}}", template) is not None


def relative_paths(template: str) -> list[RelativePath]:
    """Return the words of a command that look like relative paths, and that it does not write itself.

    Parameters
    ----------
    template : str
        A well-formed command template.

    Examples
    --------
    >>> relative_paths("python train.py --data data/load.csv > errors.csv")
    [RelativePath(path='train.py', is_program=True), RelativePath(path='data/load.csv', is_program=False)]
    >>> relative_paths("cd /code && python train.py")
    []
    """
    program, _ = read_template(template)
    commands = program.commands
    if any(word.text in {"cd", "pushd"} for command in commands for word in command.words[:1]):
        return []
    times = Counter(word.text for command in commands for word in command.words)
    written = {word.text for command in commands for _, word in command.redirections}
    found: dict[RelativePath, None] = {}
    for command in commands:
        run = _program(command)
        for word in command.words:
            literal = SLOT not in word.text and EXPANSION not in word.text
            is_path = literal and (word is run or _PATH.fullmatch(word.text) is not None)
            if is_path and word.text not in written and times[word.text] == 1:
                found[RelativePath(word.text, word is run)] = None
    return list(found)


def _program(command: BashCommand) -> Word | None:
    """Return the relative path of the program or script that a command runs."""
    words = _without_prefixes(command.words)
    if not words:
        return None
    if not _INTERPRETER.fullmatch(words[0].text.rpartition("/")[2]) and words[0].text != SLOT:
        return words[0] if "/" in words[0].text and _PATH.fullmatch(words[0].text) else None
    script = next(iter(_arguments(words[1:])), None)
    return script if script is not None and _PATH.fullmatch(script.text) else None


def _without_prefixes(words: list[Word]) -> list[Word]:
    start = 0
    while start < len(words) - 1 and words[start].text in _STARTS_OTHERS:
        start += 1
    return words[start:]


def _arguments(words: list[Word]) -> Iterator[Word]:
    """Yield the arguments that are no options; nothing where an option holds the program itself."""
    for word in words:
        if re.fullmatch(r"-[A-Za-z]*[cem]|--(?:eval|module)", word.text):
            return
        if not word.text.startswith("-"):
            yield word
