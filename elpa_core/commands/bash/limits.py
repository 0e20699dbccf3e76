"""What a value may be where a bash program could read it as more than text."""

from __future__ import annotations

import re
from typing import NamedTuple

from elpa_core.commands.bash.syntax import Reads, Where

LIST_PLAIN = re.compile(r"[A-Za-z0-9_@+:,./-]+")
PLAIN = re.compile(r"[A-Za-z0-9_./:+-]+")


class Limit(NamedTuple):
    """What a value may be where it cannot be quoted freely."""

    expected: str
    pattern: re.Pattern[str]


_NEVER = re.compile(r"(?!)")
LETTERS = Limit("only letters, digits and _", re.compile(r"[A-Za-z0-9_]+"))
PLAIN_ONLY = Limit("only letters, digits and _ . / : + -", PLAIN)
INTEGER = Limit("an integer", re.compile(r"-?(?:0|[1-9][0-9]{0,17})"))
MARKS = Limit("no control characters 1 and 127, which bash loses there", re.compile(r"[^\x01\x7f]*"))
LIMITS: dict[Where | Reads, Limit] = {
    Where.FALLBACK: MARKS,
    Where.DOUBLE_FALLBACK: Limit("no ' and no control characters 1 and 127", re.compile(r"[^'\x01\x7f]*")),
    Where.ASSIGNED: Limit("only letters, digits and _ @ + : , . / -", LIST_PLAIN),
    Where.COMMENT: Limit("no newline", re.compile(r"[^\n]*")),
    Where.DELIMITER: Limit("fixed text", _NEVER),
    Where.NUMBER: INTEGER,
    Where.OPERAND: PLAIN_ONLY,
    Where.OPERATOR: LETTERS,
    Where.GROUP: LETTERS,
    Where.UNKNOWN: Limit("a command whose structure ELPA can follow", _NEVER),
    Reads.NUMBER: INTEGER,
    Reads.NAME: LETTERS,
    Reads.ARRAY: Limit("a value that does not begin with (", re.compile(r"(?!\().*", re.DOTALL)),
    Reads.CODE: PLAIN_ONLY,
    Reads.OPTION: Limit("a value that begins with neither - nor +", re.compile(r"(?![-+]).*", re.DOTALL)),
    Reads.SETTING: PLAIN_ONLY,
    Reads.PRINTED: PLAIN_ONLY,
    Reads.UNSURE: PLAIN_ONLY,
    Reads.UNSETTLED: PLAIN_ONLY,
}
