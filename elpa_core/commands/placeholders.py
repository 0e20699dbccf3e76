"""Placeholders such as ``{model_dir}`` in the templates of a config: check them, fill them in.

A template is written as for ``str.format``, with plain names only; ``{{`` and ``}}`` are literal
braces. In a command, values that stand in the config go in as they are; all others are data and
arrive with exactly their characters, or are refused (`elpa_core.commands.bash.quoting`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from elpa_core.commands.bash.lexer import read_program
from elpa_core.commands.bash.quoting import Refusal, quote_values
from elpa_core.commands.bash.syntax import SLOT, Program, Slot
from elpa_core.errors import ConfigError, PlaceholderError, Problem, quoted, short, some

Scalar = str | int | float | bool | None

# Not a possessive group: CPython 3.11.2 lets one match half an alternative, such as "{a".
_WELL_FORMED = re.compile(r"(?:[^{}]++|\{\{|\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})*")
_NAMES = re.compile(r"\{(?:\{|([A-Za-z_][A-Za-z0-9_]*)\})")
_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")
_UNUSABLE = re.compile(r"[\0\ud800-\udfff]")


class Placeholder(NamedTuple):
    """A name in braces; ``offset`` is the index of its ``{`` in the template."""

    name: str
    offset: int


class _Malformed(NamedTuple):
    text: str
    offset: int


Piece = str | Placeholder


def parse_template(template: str, *, source: str = "template", place: str = "") -> tuple[Piece, ...]:
    """Split a template into literal text, its doubled braces resolved, and placeholders.

    Raises
    ------
    ConfigError
        If a brace has no partner, or there is more than a plain name between two.

    Examples
    --------
    >>> parse_template("echo {seed} ${{HOME}}")
    ('echo ', Placeholder(name='seed', offset=5), ' ${HOME}')
    """
    pieces: list[Piece] = []
    problems: list[Problem] = []
    for piece in _scan(template):
        if isinstance(piece, _Malformed):
            problems.append(_malformed(piece, template, source, place))
        else:
            pieces.append(piece)
    if problems:
        raise ConfigError(problems)
    return tuple(pieces)


def read_template(template: str) -> tuple[Program, dict[Slot, str]]:
    """Return a well-formed command template as bash reads it, and the placeholder at each slot.

    >>> program, names = read_template("python x.py {dataset}")
    >>> list(names.values()), [len(command.words) for command in program.commands]
    (['dataset'], [3])
    """
    pieces = parse_template(template)
    names = [piece.name for piece in pieces if isinstance(piece, Placeholder)]
    text = "".join(piece.replace(SLOT, "") if isinstance(piece, str) else SLOT for piece in pieces)
    program = read_program(text)
    return program, dict(zip(program.slots, names, strict=True))


def placeholder_names(template: str) -> frozenset[str]:
    """Return the names of the placeholders in a template.

    >>> sorted(placeholder_names("{run_dir}/{model_name}.{{csv}}"))
    ['model_name', 'run_dir']
    """
    return frozenset(filter(None, _NAMES.findall(template)))


def template_problems(
    template: str, known: Collection[str], *, source: str, place: str, kind: str = "command"
) -> list[Problem]:
    """Return everything that is wrong with a template, in the order of its text.

    Parameters
    ----------
    template : str
        A command or a path with placeholders.
    known : collection of str
        The names that have a value.
    source, place : str
        The file, and where in it the template stands.
    kind : str
        What the template is, for the error if it is empty.
    """
    if not template.strip():
        return [Problem(source, place, quoted(template), f"a {kind} that is not empty")]
    unusable = _UNUSABLE.search(template)
    well_formed = not unusable and _WELL_FORMED.fullmatch(template)
    if well_formed and all(name in known for name in placeholder_names(template)):
        return []
    problems = [_unusable(unusable, f"in the {kind}", source, place)] if unusable else []
    for piece in _scan(template):
        if isinstance(piece, _Malformed):
            problems.append(_malformed(piece, template, source, place))
        elif isinstance(piece, Placeholder) and piece.name not in known:
            problems.append(_unknown(piece, template, known, source, place))
    return problems


def render_command(
    template: str,
    written: Mapping[str, Scalar],
    data: Mapping[str, str],
    *,
    source: str = "template",
    place: str = "",
) -> str:
    r"""Return the bash program that a command template stands for.

    Parameters
    ----------
    template : str
        The command with its placeholders.
    written : mapping of str to scalar
        Values from the config: they go in as they are, and may be several words or shell code.
    data : mapping of str to str
        All other values: each arrives as (part of) one word with exactly its characters.
        No name is in both mappings.
    source, place : str
        The file, and where in it the template stands, for the errors.

    Raises
    ------
    ConfigError
        If the template is malformed or names a placeholder that has no value.
    PlaceholderError
        If a value cannot be put there exactly.

    Examples
    --------
    >>> render_command('{run} --out "{dir}" {note}', {"run": "uv run python"}, {"dir": "/x", "note": "a b"})
    'uv run python --out "/x" \'a b\''
    """
    if both := written.keys() & data.keys():
        raise ValueError(f"both written and data: {', '.join(sorted(both))}")
    pieces = _checked_pieces(template, {**written, **data}, source, place, "command")
    texts = [piece if isinstance(piece, str) else str(written.get(piece.name, SLOT)) for piece in pieces]
    names = [piece.name for piece in pieces if isinstance(piece, Placeholder) and piece.name in data]
    if not names:
        return "".join(texts)
    values, refusals = quote_values("".join(texts), [data[name] for name in names])
    if refusals:
        raise PlaceholderError(
            _refused(refusal, names[refusal.number], data, source, place) for refusal in refusals
        )
    remaining = iter(values)
    return re.sub(SLOT, lambda _: next(remaining), "".join(texts))


def render_text(
    template: str,
    values: Mapping[str, Scalar],
    *,
    source: str = "template",
    place: str = "",
    kind: str = "path",
) -> str:
    """Return a template that is no command, such as a path, with its values filled in.

    Raises
    ------
    ConfigError
        If the template is malformed or names a placeholder that has no value.
    PlaceholderError
        If a value holds a character that no path can hold.

    Examples
    --------
    >>> render_text("{model_dir}/errors.csv", {"model_dir": "/runs/a b"})
    '/runs/a b/errors.csv'
    """
    pieces = _checked_pieces(template, values, source, place, kind)
    return "".join(piece if isinstance(piece, str) else str(values[piece.name]) for piece in pieces)


def _scan(template: str) -> Iterator[Piece | _Malformed]:
    literal, position = "", 0
    while token := _TOKEN.search(template, position):
        literal += template[position : token.start()]
        position = token.end()
        text = token.group()
        if text in {"{{", "}}"}:
            literal += text[0]
            continue
        if literal:
            yield literal
            literal = ""
        if name := token.group(1):
            yield Placeholder(name, token.start())
        else:
            field = template[token.start() : _closing(template, token.start())]
            position = token.start() + len(field)
            yield _Malformed(field, token.start())
    if literal := literal + template[position:]:
        yield literal


def _closing(template: str, start: int) -> int:
    """Return the end of the field that begins with the brace at ``start``: of the brace, if it has none."""
    depth = 0
    for brace in re.finditer(r"[{}]", template[start:]):
        depth += 1 if brace.group() == "{" else -1
        if depth <= 0:
            return start + brace.end()
    return start + 1


def _checked_pieces(
    template: str, values: Mapping[str, Scalar], source: str, place: str, kind: str
) -> tuple[Piece, ...]:
    if problems := template_problems(template, values, source=source, place=place, kind=kind):
        raise ConfigError(problems)
    pieces = parse_template(template)
    names = dict.fromkeys(piece.name for piece in pieces if isinstance(piece, Placeholder))
    found = [(name, _UNUSABLE.search(str(values[name]))) for name in names]
    if problems := [
        _unusable(unusable, f"in the value for {{{short(name)}}}", source, place)
        for name, unusable in found
        if unusable
    ]:
        raise PlaceholderError(problems)
    return pieces


def _unusable(found: re.Match[str], where: str, source: str, place: str) -> Problem:
    code = ord(found.group())
    character = f"half a surrogate pair, U+{code:04X}," if code else "a NUL character"
    return Problem(source, place, f"{character} {where}", "text that the system can pass to a program")


def _refused(refusal: Refusal, name: str, data: Mapping[str, str], source: str, place: str) -> Problem:
    return Problem(
        source,
        place,
        f"the value {quoted(data[name])} for {{{short(name)}}} {refusal.where}",
        refusal.expected,
        f"take it from the environment variable ELPA_{short(name.upper())} instead",
    )


def _malformed(piece: _Malformed, template: str, source: str, place: str) -> Problem:
    position = f"at character {piece.offset + 1}"
    if len(piece.text) == 1:
        partner = "}" if piece.text == "{" else "{"
        return Problem(
            source,
            place,
            f'a "{piece.text}" {position} that has no "{partner}"',
            "braces in pairs",
            f"a literal brace is written twice: {piece.text * 2}",
        )
    literal = short(piece.text).replace("{", "{{").replace("}", "}}")
    if template[: piece.offset].endswith("$"):
        hint = f"a shell variable in braces is written ${literal}"
    else:
        hint = f"literal braces are written twice: {literal}"
    return Problem(
        source, place, f"{quoted(piece.text)} {position}", "a plain name in braces, such as {model_dir}", hint
    )


def _unknown(piece: Placeholder, template: str, known: Collection[str], source: str, place: str) -> Problem:
    hints = []
    if template[: piece.offset].endswith("$"):
        hints.append(f"a shell variable in braces is written ${{{{{short(piece.name)}}}}}")
    if near := difflib.get_close_matches(piece.name, known, n=1):
        hints.append(f"did you mean {{{short(near[0])}}}?")
    return Problem(
        source,
        place,
        f"the unknown placeholder {{{short(piece.name)}}} at character {piece.offset + 1}",
        "one of " + some(sorted(known), most=100),
        "; ".join(hints),
    )
