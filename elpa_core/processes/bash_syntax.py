r"""Ask bash whether it can read a command. Nothing of the command runs: ``bash -n`` only reads.

>>> syntax_complaint("if true; then echo")
Complaint(line=1, words='syntax error: unexpected end of file', is_error=True)
>>> syntax_complaint("echo $(touch /x); exit 3") is None
True
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import NamedTuple

_LINE = re.compile(r"^.*?: line (\d+): (.+)$", re.MULTILINE)
_EXTENDED_PATTERN = re.compile(r"[?*+@!]\(")


class Complaint(NamedTuple):
    """What bash says of a command: the line, its words, and whether it could not go on reading."""

    line: int
    words: str
    is_error: bool


def has_bash() -> bool:
    """Tell whether there is a bash to ask."""
    return shutil.which("bash") is not None


def syntax_complaint(command: str) -> Complaint | None:
    """Return what bash complains of when it reads a command, or None.

    Extended patterns, such as ``!(a)``, count as syntax: a ``shopt`` in the command may switch them on.
    Where there is none, bash reads the command without them too.

    Parameters
    ----------
    command : str
        The exact command.
    """
    found = _ask(command, "-O", "extglob")
    if found is None and _EXTENDED_PATTERN.search(command) and "shopt" not in command:
        return _ask(command)
    return found


def _ask(command: str, *options: str) -> Complaint | None:
    # By standard input, since an argument has a limit; with an environment that nobody else has set,
    # since bash would run what BASH_ENV names, and take options from SHELLOPTS.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", *options, "-n"],
        input=command.encode(errors="surrogateescape"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
        executable=shutil.which("bash"),
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    first = _LINE.search(said)
    if first is None:
        died = f"bash died of signal {-done.returncode}" if done.returncode < 0 else said.strip()
        return Complaint(1, died, True) if done.returncode else None
    last_line = command.removesuffix("\n").count("\n") + 1
    return Complaint(min(int(first.group(1)), last_line), first.group(2), done.returncode != 0)
