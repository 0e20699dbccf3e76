"""Files of lines on object storage: full segments are closed, and only the open one is sent again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import ObjectPath, objects
from elpa_core.files.strict_json import parse_object
from elpa_core.store.history import Entry, entries_behind
from elpa_core.store.lines import Lines, StateAfter, closed, parse_lines, segment

_LETTERS = 8


class ObjectLines:
    """A file of lines on object storage.

    Parameters
    ----------
    path : path
        The file: the open segment.
    state_after : callable
        See `StateAfter`.
    """

    def __init__(self, path: ObjectPath, state_after: StateAfter) -> None:
        self.path = path
        self._state_after = state_after

    def read(self) -> tuple[Lines, objects.ObjectVersion]:
        """Return the lines of the open segment, and their version; see `objects.read_version`."""
        data, version = objects.read_version(self.path)
        return parse_lines(data, str(self.path)), version

    def add(self, lines: bytes, end: Lines, version: objects.ObjectVersion) -> bool:
        """Add lines; False if somebody else has added some since ``end`` was read.

        Full segments are closed before. They depend on the lines alone, so who comes too late, or dies, has
        put what the next one puts again.
        """
        contents, left = self.close(end)
        for number, content in enumerate(contents, start=end.head.segments + 1):
            objects.write(segment(self.path, number), content)
        first = left.head.line() if left.head.segments else b""
        return objects.replace(self.path, first + b"".join(left.lines) + lines, version)

    def close(self, end: Lines) -> tuple[list[bytes], Lines]:
        """Return the contents of full segments, and the lines that stay in the open one."""
        return closed(end, self._state_after)

    def have(self, line: bytes, since: Lines) -> bool:
        """Tell whether a line was added since some lines were read, by whomever."""
        end, _ = self.read()
        places = [segment(self.path, n) for n in range(since.head.segments + 1, end.head.segments + 1)]
        newer = [parse_lines(content, str(place)) for place, content in files.read_all(places)]
        return any(line in some.lines for some in (*newer, end))


class ObjectHistory(ObjectLines):
    """A history on object storage. Beside its closed segments stands which policy numbers they tell of."""

    def add(self, lines: bytes, end: Lines, version: objects.ObjectVersion) -> bool:
        """Add lines; see `ObjectLines.add`."""
        contents, left = self.close(end)
        if contents:
            numbers = self._numbers(end.head.segments)
            for content in contents:
                source = str(self.path)
                _add_numbers(numbers, entries_behind(parse_lines(content, source), source))
            objects.write(self._place_of_numbers(left.head.segments), _as_bytes(numbers))
        return super().add(lines, end, version)

    def decided_before(self, end: Lines, run_id: str) -> int:
        """Return a number that no policy of a run exceeds of which closed segments tell; 0 if none does."""
        return self._numbers(end.head.segments).get(_hash(run_id), 0)

    def _numbers(self, segments: int) -> dict[str, int]:
        """Return the highest policy number of each run that closed segments tell of, by a hash of the run."""
        if segments == 0:
            return {}
        place = self._place_of_numbers(segments)
        with suppress(FileNotFoundError, InputError, ValueError, AttributeError):
            found = parse_object(files.read(place), str(place))
            return {
                text[begin : begin + _LETTERS]: int(number)
                for number, text in found.items()
                for begin in range(0, len(text), _LETTERS)
            }
        numbers: dict[str, int] = {}
        for place in (segment(self.path, number) for number in range(1, segments + 1)):
            _add_numbers(numbers, entries_behind(parse_lines(files.read(place), str(place)), str(place)))
        return numbers

    def _place_of_numbers(self, segments: int) -> ObjectPath:
        return segment(self.path, segments).parent / f"{segments:06}.numbers.json"


def _add_numbers(numbers: dict[str, int], entries: Iterable[Entry]) -> None:
    for entry in entries:
        key = _hash(entry.run_id)
        numbers[key] = max(numbers.get(key, 0), entry.policy_number)


def _hash(run_id: str) -> str:
    # Two runs of one hash only skip a number.
    return hashlib.sha256(run_id.encode()).hexdigest()[:_LETTERS]


def _as_bytes(numbers: dict[str, int]) -> bytes:
    texts: dict[str, str] = {}
    for key, number in sorted(numbers.items()):
        texts[str(number)] = texts.get(str(number), "") + key
    return json.dumps(texts).encode()
