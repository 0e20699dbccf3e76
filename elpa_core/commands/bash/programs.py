"""Find the text in a command that another program reads as code of its own, for warnings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from elpa_core.commands.bash.syntax import EXPANSION, SLOT, BashCommand, Program, Slot, Word

_PREFIXES = frozenset(
    {"builtin", "chroot", "chrt", "command", "doas", "env", "exec", "flock", "ionice", "nice", "nohup"}
    | {"setsid", "stdbuf", "sudo", "taskset", "time", "timeout", "unbuffer", "xargs"}
)
_PREFIX_ARGUMENT = re.compile(r"-.*|[0-9.]+[smhd]?|[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SHELL = re.compile(r"(?:ba|da|k|z|c|tc|fi)?sh")
_SHELL_TAKES_TEXT = re.compile(r"-[A-Za-z]*c[A-Za-z]*")
_OPTION_WITH_VALUE = re.compile(r"[-+][A-Za-z]*[oOWXIMr]")
_STANDARD_INPUT = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_OUTPUT = frozenset({"echo", "printf"})
_ASSIGNS = re.compile(r"[^=\0]*=")


class Reader(NamedTuple):
    """A program that reads code: its names, and what the option before the code is.

    ``script``: the first argument that is no option names a file with code, and all others are data.
    ``stdin``: it reads code from standard input if no argument names a file.
    """

    names: re.Pattern[str]
    option: re.Pattern[str]
    script: bool = False
    stdin: bool = False


def _reader(names: str, option: str, *, script: bool = False, stdin: bool = False) -> Reader:
    return Reader(re.compile(names), re.compile(option), script, script or stdin)


_READERS = (
    _reader(_SHELL.pattern, r"-[A-Za-z]*c", script=True),
    _reader(r"(?:i?python|pypy)[0-9.]*", r"-[A-Za-z]*c", script=True),
    _reader(r"perl[0-9.]*", r"-[A-Za-z0-9]*[eE]", script=True),
    _reader(r"ruby[0-9.]*", r"-[A-Za-z]*e", script=True),
    _reader(r"(?:node|nodejs|bun)", r"-[ep]|-pe|--eval|--print", script=True),
    _reader(r"deno", r"eval"),
    _reader(r"Rscript|julia|lua[0-9.]*|groovy|gnuplot|octave|elixir", r"-[eE]|--eval", script=True),
    _reader(r"R", r"-e", stdin=True),
    _reader(r"scala", r"-e"),
    _reader(r"matlab", r"-batch|-r"),
    _reader(r"sbatch", r"--wrap", stdin=True),
    _reader(r"mongo|mongosh|emacs", r"--eval"),
    _reader(r"php[0-9.]*", r"-[rBRE]|--run", script=True),
    _reader(r"psql", r"-[A-Za-z]*c|--command", stdin=True),
    _reader(r"mysql|mariadb", r"-e|--execute", stdin=True),
    _reader(r"duckdb", r"-c|-s", stdin=True),
    _reader(r"clickhouse(?:-client)?", r"-q|--query", stdin=True),
    _reader(r"su|script|flock|runuser", r"-[A-Za-z]*c|--command"),
    _reader(r"env", r"-[A-Za-z]*S|--split-string"),
    _reader(r"bc|dc|tclsh", r"-e|--expression", script=True),
)
# The first argument that is no option is the program, unless an option names a file with it.
_FIRST_ARGUMENT = (
    _reader(r"[gmn]?awk", r"-f|--file|-E|--exec"),
    _reader(r"g?sed", r"-f|--file"),
    _reader(r"jq|yq", r"-f|--from-file"),
)
_SED_EXPRESSION = re.compile(r"-[A-Za-z]*e|--expression")
_JOINED = {
    "watch": re.compile(r"-[A-Za-z]*[nqs]|--interval"),
    "parallel": re.compile(r"-[jaIPNLnSJ]|--[a-z-]+"),
    "hyperfine": re.compile(r"-[A-Za-z]|--[a-z-]+"),
    "tmux": re.compile(r"-[A-Za-z]*[cenFfLSstxy]"),
}
"""What hands its arguments to a shell as text, with the options that take an argument."""
_TMUX_RUNS = re.compile(r"new.*|split.*|respawn.*|run.*|if.*|send.*|pipe.*")
_READ_COMMANDS = frozenset({"at", "batch", "crontab", "qsub"})
_OPTION_TAKES_VALUE = re.compile(r"-[vFi]|--(?:assign|field-separator)")


class Found(NamedTuple):
    """A slot or a variable in text that ``reader`` takes for code."""

    mark: Slot
    reader: str


def program_slots(program: Program, name_of: Callable[[Slot], str]) -> Iterator[Found]:
    """Yield the slots and variables in text that a program reads as code: ``bash -c``, ``awk``, ``ssh`` ...

    A heuristic for warnings. A placeholder ``{python}``, and any placeholder or variable that
    stands for the command itself, counts as an interpreter.
    """
    for command in program.commands:
        yield from _in_command(command, name_of)
        for word in [*command.words, *(word for _, word in command.redirections)]:
            for inner in word.commands if word.reads_file else []:
                if not (inner.stdin or inner.upstream):
                    yield from _in_command(BashCommand(words=inner.words, upstream=[command]), name_of)


def program_index(words: list[Word]) -> int:
    """Return which word of a command names the program, behind ``env``, ``nohup`` and the like."""
    start = 0
    while start < len(words) - 1 and words[start].text in _PREFIXES:
        if words[start].text == "flock" and any(word.text == "-c" for word in words):
            break
        start += 1
        while start < len(words) - 1 and _PREFIX_ARGUMENT.fullmatch(words[start].text):
            start += 1
    return start


def inner_programs(program: Program) -> Iterator[tuple[str, BashCommand, list[Word]]]:
    """Yield each text that is fixed and given to a shell, with the command and its ``$0``, ``$1`` ..."""
    for command in program.commands:
        if found := _text_for_shell(command.words):
            yield found[0].text, command, found[1]
    for heredoc in program.heredocs:
        words = heredoc.command.words
        start = program_index(words)
        if heredoc.quoted and not heredoc.slots and words and _is_shell(words[start]):
            arguments = [word for word in words[start + 1 :] if not _is_option(word)]
            if not arguments or any(word.text == "-s" for word in words):
                yield heredoc.body, heredoc.command, [words[start], *arguments]


def _text_for_shell(words: list[Word]) -> tuple[Word, list[Word]] | None:
    """Return what stands behind ``bash -c``, if it is fixed, and the arguments of it."""
    for index, word in enumerate(words):
        if not _is_shell(word):
            continue
        for number, option in enumerate(words[index + 1 : -1], index + 1):
            if _SHELL_TAKES_TEXT.fullmatch(option.text):
                text = words[number + 1]
                return None if text.marks else (text, words[number + 2 :])
            if not _is_option(option):
                return None
    return None


def _is_shell(word: Word) -> bool:
    return _SHELL.fullmatch(word.text.rpartition("/")[2]) is not None


def file_read_as_code(command: BashCommand, name_of: Callable[[Slot], str]) -> tuple[Word, str] | None:
    """Return the file that a command runs or sources, and what reads it; None if there is none."""
    words = command.words[program_index(command.words) :]
    if not words:
        return None
    program = _program(words[0], name_of)
    arguments = [word for word in words[1:] if not _is_option(word)]
    reader = next((each for each in _READERS if each.names.fullmatch(program)), None)
    if program in {".", "source"} or program in _JOINED or (reader and reader.stdin):
        inputs = [word for operator, word in command.redirections if operator == "<"]
        return next(((word, program) for word in [*arguments, *inputs]), None)
    return (words[0], "bash") if "/" in words[0].text else None


def _in_command(command: BashCommand, name_of: Callable[[Slot], str]) -> Iterator[Found]:
    words = command.words
    start = program_index(words)
    for index, word in enumerate(words):
        program = _program(word, name_of)
        arguments = words[index + 1 :]
        if index == start or program == "xargs":
            yield from _as_command(program, arguments, command)
        unknown = index == start and word.text in {SLOT, EXPANSION}
        for reader in _READERS:
            if reader.names.fullmatch(program):
                yield from _with_option(program, reader, arguments, command)
                break
        else:
            if unknown:
                yield from _option_text(_READERS[0], arguments, "a program -c")


def _program(word: Word, name_of: Callable[[Slot], str]) -> str:
    if word.text == SLOT and word.slots:
        return name_of(word.slots[0])
    return word.text.rpartition("/")[2]


def _as_command(program: str, arguments: list[Word], command: BashCommand) -> Iterator[Found]:
    """Yield what the program that a command starts reads as code in its arguments."""
    if program in {"eval", "ssh", "trap"}:
        yield from _found(arguments, program)
        if program == "ssh":
            yield from _stdin(command, program)
    elif program in _JOINED:
        yield from _joined(program, arguments, command)
    elif program in _READ_COMMANDS:
        yield from _stdin(command, program)
    elif program == "xargs":
        yield from _appended(arguments, command)
    elif program in {"make", "gmake"}:
        for argument in arguments:
            if _ASSIGNS.match(argument.text):
                yield from _found([argument], f"{program} NAME=...")
    elif program == "sqlite3":
        yield from _found([word for word in arguments if not _is_option(word)][1:], program)
        yield from _stdin(command, program)
    elif program in {".", "source"}:
        yield from _sourced(program, arguments, command)
    elif any(reader.names.fullmatch(program) for reader in _FIRST_ARGUMENT):
        yield from _first_argument(program, arguments)


def _joined(program: str, arguments: list[Word], command: BashCommand) -> Iterator[Found]:
    """Yield what stands in the text that a program gives to a shell."""
    if program == "watch" and any(word.text in {"-x", "--exec"} for word in arguments):
        return
    if program == "tmux" and not any(_TMUX_RUNS.fullmatch(word.text) for word in arguments):
        return
    given, previous = False, ""
    for word in arguments:
        if word.text.startswith(":::"):
            break
        if not (_is_option(word) or _JOINED[program].fullmatch(previous)):
            given = True
            yield from _found([word], program)
        previous = word.text
    if program == "parallel" and not given:
        yield from _stdin(command, program)


def _appended(arguments: list[Word], command: BashCommand) -> Iterator[Found]:
    """Yield what ``xargs`` puts into text that a program reads as code."""
    texts = [word.text for word in arguments]
    replaced = ""
    for option, following in zip(texts, [*texts[1:], ""], strict=True):
        if option.startswith("-I"):
            replaced = option[2:] or following
            break
    for reader in _READERS:
        for index, text in enumerate(texts):
            if reader.names.fullmatch(text.rpartition("/")[2]):
                for number in range(index + 1, len(texts)):
                    if reader.option.fullmatch(texts[number]):
                        code = texts[number + 1] if number + 1 < len(texts) else replaced
                        if code == replaced or (replaced and replaced in code):
                            yield from _stdin(command, f"xargs {text} {texts[number]}")
                        return


def _sourced(program: str, arguments: list[Word], command: BashCommand) -> Iterator[Found]:
    for word in arguments[:1]:
        if word.text in _STANDARD_INPUT:
            yield from _stdin(command, f"{program} {word.text}")
        elif word.reads_file:
            yield from _printed(word.commands, f"{program} <(...)")


def _with_option(
    program: str, reader: Reader, arguments: list[Word], command: BashCommand
) -> Iterator[Found]:
    option = "-c" if reader is _READERS[0] or program == "python" else ""
    found = list(_option_text(reader, arguments, f"{program} {option}".strip()))
    yield from found
    shell = _SHELL.fullmatch(program)
    names = [word.text for word in arguments if not _is_option(word)]
    reads_stdin = not names or names[0] in _STANDARD_INPUT
    if shell and any(re.fullmatch(r"-[A-Za-z]*s[A-Za-z]*", word.text) for word in arguments):
        reads_stdin = True
    if found or any(reader.option.fullmatch(word.text) for word in arguments):
        return
    if reader.stdin and reads_stdin:
        yield from _stdin(command, program)
    if reader.script and arguments and arguments[0].reads_file:
        yield from _printed(arguments[0].commands, f"{program} <(...)")


def _option_text(reader: Reader, arguments: list[Word], name: str) -> Iterator[Found]:
    value_follows = False
    for index, argument in enumerate(arguments):
        option = reader.option.match(argument.text)
        if option:
            following = [argument] if argument.marks else arguments[index + 1 : index + 2]
            shown = name if name.endswith("-c") else f"{name} {option.group()}"
            yield from _found(following, shown)
            return
        if reader.script and not _is_option(argument) and not value_follows:
            return
        value_follows = _OPTION_WITH_VALUE.fullmatch(argument.text) is not None


def _first_argument(program: str, arguments: list[Word]) -> Iterator[Found]:
    texts = [word.text for word in arguments]
    expression = program.endswith("sed") and any(_SED_EXPRESSION.match(text) for text in texts)
    for index, argument in enumerate(arguments):
        if expression and _SED_EXPRESSION.match(argument.text):
            following = [argument] if argument.marks else arguments[index + 1 : index + 2]
            yield from _found(following, program)
        elif not expression and not _is_option(argument):
            previous = texts[index - 1] if index else ""
            if not (program.endswith("awk") and _OPTION_TAKES_VALUE.fullmatch(previous)):
                yield from _found([argument], program)
                return
        elif any(r.names.fullmatch(program) and r.option.match(argument.text) for r in _FIRST_ARGUMENT):
            return


def _stdin(command: BashCommand, reader: str) -> Iterator[Found]:
    yield from (Found(mark, reader) for mark in command.stdin)
    yield from _printed(command.upstream, f"| {reader}")


def _printed(commands: Iterable[BashCommand], reader: str) -> Iterator[Found]:
    """Yield the slots in what commands may print; the names of files that ``cat`` reads are none."""
    for command in commands:
        if command.words and command.words[0].text != "cat":
            yield from _found(command.words, reader)
        yield from (Found(mark, reader) for mark in command.stdin)


def _found(words: Iterable[Word], reader: str) -> Iterator[Found]:
    for word in words:
        yield from (Found(mark, reader) for mark in word.marks)


def _is_option(word: Word) -> bool:
    return word.text.startswith("-")
