"""What shfmt, a parser of bash that others wrote, says about the places in a program."""

import json
import random
import re
import shutil
import subprocess
import sysconfig
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from elpa_core.commands.bash.lexer import read_program
from elpa_core.commands.bash.syntax import SLOT, Where

PROGRAMS = ("/usr/bin", "/usr/sbin", "/etc")
OTHERS = ("/usr/share", "/usr/lib")
_SHEBANG = re.compile(rb"#!.*\b(?:ba|da)?sh\b")
_LARGEST = 60_000
_TOKEN = re.compile(r"(?<![\w$\\{!#%.:~^@-])[A-Za-z]{3,}(?![\w=+\[(])")
_KEYWORDS = frozenset(
    {"case", "coproc", "done", "elif", "else", "esac", "for", "function", "select", "then", "time", "until"}
    | {"while", "declare", "eval", "export", "let", "local", "readonly", "typeset", "alias"}
)
_INDEX = re.compile(r"\w\[[^\]]*\Z")
_NAME_GOES_ON = re.compile(r"\$\w*\Z")
_DELIMITER = re.compile(r"<<-?\s*['\"\\]?(\w+)")
_NUMBERS = {"ArithmExp", "ArithmCmd", "Index", "Slice", "CStyleLoop"}
_PLACES = {
    Where.WORD: "word",
    Where.DOUBLE: "double",
    Where.SINGLE: "single",
    Where.ANSI_C: "ansi",
    Where.HEREDOC: "heredoc",
    Where.QUOTED_HEREDOC: "quoted heredoc",
    Where.DELIMITER: "delimiter",
    Where.COMMENT: "comment",
    Where.NUMBER: "number",
    Where.GROUP: "pattern",
}
_EXPANSION = {"expansion", "single", "double", "ansi"}


def machine_scripts(*folders: str) -> list[Path]:
    """Return the shell scripts that this machine has in some folders, in order."""
    found = []
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST:
                with path.open("rb") as file:
                    if _SHEBANG.match(file.read(64)):
                        found.append(path)
    return found


def with_slots(text: str, rng: random.Random, count: int) -> tuple[str, list[int]]:
    """Return a program with slots in place of ordinary words of it, and where those words began."""
    delimiters = set(_DELIMITER.findall(text))
    tokens = [m for m in _TOKEN.finditer(text) if m.group() not in _KEYWORDS | delimiters]
    chosen = sorted(rng.sample(tokens, min(count, len(tokens))), key=lambda token: token.start())
    parts, end = [], 0
    for token in chosen:
        parts.append(text[end : token.start()])
        end = token.end()
    return SLOT.join([*parts, text[end:]]), [token.start() for token in chosen]


def parsed(text: str) -> dict | None:
    """Return shfmt's syntax tree; None if it refuses the program."""
    scripts = sysconfig.get_path("scripts")
    program = shutil.which("shfmt", path=scripts) or shutil.which("shfmt")
    assert program, "shfmt is missing: pip install -e .[dev]"
    done = subprocess.run(
        [program, "-ln", "bash", "-tojson"], input=text.encode(), capture_output=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def _children(node: dict) -> Iterator[tuple[str, dict]]:
    for field, value in node.items():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict) and field not in {"Pos", "End"}:
                yield field, child


def _paths(tree: dict, offsets: list[int]) -> dict[int, list[tuple[str, dict]]]:
    """Return the nodes around each byte, from the outermost: the field that holds each, and the node.

    A comment stands before the command that has it, a here-document behind the rest of its line.
    """
    found: dict[int, list[tuple[str, dict]]] = {offset: [] for offset in offsets}
    todo = [(tree, [])]
    while todo:
        node, path = todo.pop()
        for field, child in _children(node):
            deeper = [*path, (field, child)]
            todo.append((child, deeper))
            if "Pos" in child and "Hdoc" not in child:
                index = bisect_left(offsets, child["Pos"]["Offset"])
                while index < len(offsets) and offsets[index] < child["End"]["Offset"]:
                    if len(deeper) > len(found[offsets[index]]):
                        found[offsets[index]] = deeper
                    index += 1
    return found


def _opinion(path: list[tuple[str, dict]], source: bytes) -> tuple[set[str], str | None] | None:
    """Return the names of a place, and the command; None if shfmt does not say."""
    inside = [(field, node, node.get("Type", "")) for field, node in path]
    last = max((i for i, (_, _, kind) in enumerate(inside) if kind in {"CmdSubst", "ProcSubst"}), default=-1)
    here = inside[last + 1 :]
    kinds = {kind for _, _, kind in here} | {field for field, _, _ in here}
    places = _places(here, kinds, source)
    text = places and not places & {
        "comment",
        "heredoc",
        "quoted heredoc",
        "delimiter",
        "number",
        "expansion",
    }
    return (places, _command(inside) if text else None) if places else None


def _places(here: list[tuple[str, dict, str]], kinds: set[str], source: bytes) -> set[str]:
    redirections = [node for field, node, _ in here if field == "Redirs" and "Hdoc" in node]
    if "Comments" in kinds or ("Hdoc" not in kinds and redirections):
        return {"comment" if "Comments" in kinds else "delimiter"}
    if kinds & _NUMBERS:
        return {"number"}
    if "ParamExp" in kinds:
        return _EXPANSION
    if "Hdoc" in kinds:
        word = redirections[-1]["Word"]
        delimiter = source[word["Pos"]["Offset"] : word["End"]["Offset"]]
        return {"quoted heredoc" if re.search(rb"['\"\\]", delimiter) else "heredoc"}
    for _, node, kind in here:
        if kind == "ExtGlob":
            return {"pattern"}
        if kind in {"SglQuoted", "DblQuoted"}:
            return {"double" if kind == "DblQuoted" else "ansi" if node.get("Dollar") else "single"}
    if not here or here[-1][2] != "Lit":
        return set()
    return {"word", "pattern"} if "TestClause" in kinds else {"word"}


def _command(inside: list[tuple[str, dict, str]]) -> str | None:
    """Return the command of which a place is an argument, if its name is plain text."""
    for index in range(len(inside) - 1, -1, -1):
        field, node, kind = inside[index]
        if kind in {"CmdSubst", "ProcSubst"} or field in {"Redirs", "Assigns"}:
            return None
        if kind == "CallExpr":
            parts = (node.get("Args") or [{}])[0].get("Parts", [])
            name = "".join(part.get("Value", "") for part in parts if part["Type"] == "Lit")
            return name if len(parts) == 1 and re.fullmatch(r"[\w./-]+", name) else None
        if kind == "DeclClause":
            return node["Variant"]["Value"]
        if kind in {"LetClause", "TestClause"}:
            return {"LetClause": "let", "TestClause": "[["}[kind]
    return None


def disagreements(text: str, slotted: str, starts: list[int]) -> tuple[list[str], int]:
    """Compare both readings of a program: what they disagree on, and how many places both are sure of."""
    tree = parsed(text)
    found = read_program(slotted)
    if tree is None:
        return [], 0
    names = {}
    for command in found.commands:
        for word in command.words[1:]:
            plain = not command.words[0].marks
            names.update(dict.fromkeys(word.slots, command.words[0].text if plain else None))
            names.update(dict.fromkeys(slot for element in word.elements for slot in element.slots))
    offsets = [len(text[:start].encode()) for start in starts]
    paths = _paths(tree, offsets)
    wrong, sure = [], 0
    for slot, start, offset in zip(found.slots, starts, offsets, strict=True):
        said = _opinion(paths[offset], text.encode())
        lost = slot.strict is not None and "not clear" in slot.strict.reason
        if said is None or slot.where is Where.UNKNOWN or lost or _NAME_GOES_ON.search(text[:start]):
            continue
        sure += 1
        places, command = said
        ours = _PLACES.get(slot.where, "expansion")
        context = repr(text[max(0, start - 60) : start + 30])
        if ours == "number" and "number" not in places and _INDEX.search(text[:start]):
            continue  # the index of a name in an argument, which shfmt takes for text
        if ours not in places:
            wrong.append(f"{ours}, not {sorted(places)}: {context}")
        elif command and command != "--" and names.get(slot) and names[slot] != command:
            wrong.append(f"argument of {names[slot]}, not of {command}: {context}")
    return wrong, sure
