"""Read the redirections of a bash program, and the bodies of its here-documents."""

from __future__ import annotations

import re
from abc import ABC

from elpa_core.commands.bash.reader import LostError
from elpa_core.commands.bash.syntax import META, SLOT, BashCommand, Heredoc, Where, Word
from elpa_core.commands.bash.words import WordLexer

REDIRECTION = re.compile(r"(?![<>]\()(?:&>>?|<<<|<<-?|<&|>&|<>|>\||>>|<|>)")
_DELIMITER = re.compile(r"(?:[^ \t\n;&|<>()'\"\\$`]|\\[^\n]|'[^']*'|\"(?:[^\"\\$`]|\\.)*\")+", re.DOTALL)
_QUOTED_PART = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)", re.DOTALL)
_QUOTED_LINE = re.compile(r"[^\n]*")
_LINE = re.compile(r"(?:[^\\\n]++|\\.|\\$)*+", re.DOTALL)


class RedirectionLexer(WordLexer, ABC):
    """Reads ``> file``, ``<< EOF`` and the like."""

    def redirection(self, operator: str, command: BashCommand) -> None:
        """Read a redirection."""
        self.at += len(operator)
        self.blanks()
        if operator in {"<<", "<<-"}:
            self.delimiter(command, strips_tabs=operator == "<<-")
            return
        word = self.word()
        if not word.text and not word.quoted:
            raise LostError
        for mark in word.marks:
            mark.descriptor = operator in {"<&", ">&"}
        if operator == "<<<":
            command.stdin += word.marks
        command.redirections.append((operator, word))

    def delimiter(self, command: BashCommand, *, strips_tabs: bool) -> None:
        """Read the delimiter of a here-document, whose body stands behind this line."""
        match = _DELIMITER.match(self.text, self.at)
        raw = match.group() if match else ""
        for _ in range(raw.count(SLOT)):
            self.add(Where.DELIMITER, "", Word())
        end = self.at + len(raw)
        if not raw or SLOT in raw or self.text[end : end + 1] not in META:
            raise LostError
        text = _QUOTED_PART.sub(_unquoted, raw)
        self.pending.append(Heredoc(text, text != raw, strips_tabs, self.nested, command))
        self.at = end

    def bodies(self) -> None:
        """Read the bodies of the here-documents that were announced on the line just ended."""
        if self.outer_pending:
            raise LostError
        pending, self.pending = self.pending, []
        for heredoc in pending:
            start = end = self.at
            line = _QUOTED_LINE if heredoc.quoted else _LINE
            while self.at < len(self.text):
                match = line.match(self.text, self.at)
                raw = match.group() if match else ""
                end = self.at
                self.at += len(raw) + 1
                read = heredoc.lines_read(raw)
                if heredoc.ends_at(read):
                    if read != heredoc.delimiter:
                        self.at = end + raw.index(heredoc.delimiter) + len(heredoc.delimiter)
                    break
                end = self.at
            heredoc.body = self.text[start:end]
            self.body(heredoc)

    def body(self, heredoc: Heredoc) -> None:
        """Read the body of a here-document."""
        first = len(self.found.slots)
        word = Word()
        if heredoc.quoted:
            for _ in range(heredoc.body.count(SLOT)):
                self.add(Where.QUOTED_HEREDOC, "", word)
        else:
            inner = type(self)(heredoc.body, self.strict, self.depth, backticks=self.backticks)
            inner.nested = self.nested
            inner.read(lambda: inner.span("", Where.HEREDOC, word))
            self.adopt(inner)
        heredoc.slots = self.found.slots[first:]
        heredoc.command.stdin += word.marks
        self.found.heredocs.append(heredoc)


def _unquoted(part: re.Match[str]) -> str:
    single, double, escaped = part.groups()
    if double is not None:
        return re.sub(r'\\([\\"$`])|\\\n', r"\1", double)
    return str(single if single is not None else escaped)
