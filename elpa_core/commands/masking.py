"""Keep secrets out of everything that ELPA prints or writes down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import AnyStr

MASK = "***"
_SECRET_WORDS = ("password", "passwd", "token", "secret", "key", "credential")
_CERTAIN = re.compile(r"(?:^|[^a-z])(?:password|passwd|token|secret|credentials?)(?:$|[^a-z])")
_KEY = re.compile(r"(?:^|[^a-z])(?:api)?key$")
_SHORTEST_SECRET, _SHORTEST_DOUBTFUL_SECRET = 5, 8
_PLAIN_WORDS = {"true", "false", "none", "null"}


def looks_secret(name: str) -> bool:
    """Tell whether the name of an environment variable says that its value is a secret.

    >>> looks_secret("DB_PASSWORD"), looks_secret("apiKey"), looks_secret("HORIZON")
    (True, True, False)
    """
    lowered = name.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def names_a_secret(name: str) -> bool:
    """Tell whether the name of a placeholder says that its value is a secret.

    It takes whole words: that `looks_secret` takes ``tokenizer`` too is no harm in an environment,
    in a command it would hide what runs.

    >>> [names_a_secret(name) for name in ("api_token", "apiKey", "tokenizer", "max_tokens", "key_column")]
    [True, True, False, False, False]
    """
    words = _words(name)
    return _CERTAIN.search(words) is not None or _KEY.search(words) is not None


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def mask_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment ``values`` with ``***`` in place of each whose name looks secret.

    >>> mask_values({"API_TOKEN": "abc", "LEVEL": "3"})
    {'API_TOKEN': '***', 'LEVEL': '3'}
    """
    return {name: MASK if looks_secret(name) else value for name, value in values.items()}


def secret_values(environment: Mapping[str, str], *others: Mapping[str, object]) -> tuple[str, ...]:
    """Return the texts that must not be shown, longest first.

    Parameters
    ----------
    environment : mapping of str to str
        Environment variables: a value counts if its name looks secret.
    *others : mapping of str to scalar
        Placeholder values: a value counts if `names_a_secret` takes its name.

    Returns
    -------
    tuple of str
        The values, and the single lines of those of several lines. Short values, and words such as
        "true", are left out: hiding every "1" of a log hides the log. Where only the word "key"
        says that it is a secret, a value counts from eight characters on, and no number does.
    """
    found: set[str] = set()
    for name, value in environment.items():
        if looks_secret(name):
            found.update(_telling(name, value))
    for values in others:
        for name, scalar in values.items():
            if names_a_secret(name):
                found.update(_telling(name, str(scalar)))
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _telling(name: str, value: str) -> Iterator[str]:
    certain = _CERTAIN.search(_words(name)) is not None
    shortest = _SHORTEST_SECRET if certain else _SHORTEST_DOUBTFUL_SECRET
    for text in {value, *value.splitlines()}:
        plain = text.lower() in _PLAIN_WORDS or (_is_number(text) and not certain)
        if len(text.strip()) >= shortest and not plain:
            yield text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of each secret, and of secrets that overlap.

    >>> mask_text("curl -H hunter22", ["hunter22"])
    'curl -H ***'
    """
    shown, end = [], 0
    for start, stop in _spans(text, secrets):
        shown += [text[end:start], MASK]
        end = stop
    return "".join([*shown, text[end:]])


class MaskedStream:
    """Mask secrets in bytes that arrive in parts, wherever a part ends.

    It holds back only what may be the beginning of a secret.

    Parameters
    ----------
    secrets : iterable of str
        The texts that must not be shown; they are looked for in UTF-8.

    Examples
    --------
    >>> stream = MaskedStream(["hunter22"])
    >>> stream.feed(b"curl -H hun"), stream.feed(b"ter22 hunt"), stream.close()
    (b'curl -H ', b'*** ', b'hunt')
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = [secret.encode(errors="surrogatepass") for secret in secrets if secret]
        self._held = b""
        self._masked = 0  # bytes of what is held that a mask stands for already

    def feed(self, data: bytes) -> bytes:
        """Add a part, and return what can be shown."""
        data = self._held + data
        return self._shown(data, len(data) - self._begun(data))

    def close(self) -> bytes:
        """Return the rest."""
        return self._shown(self._held, len(self._held))

    def _begun(self, data: bytes) -> int:
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(data)), longest, -1):
                if data.endswith(secret[:length]):
                    longest = length
                    break
        return longest

    def _shown(self, data: bytes, cut: int) -> bytes:
        shown, end = [], self._masked
        for start, stop in _spans(data, self._secrets):
            if start >= cut:
                break
            if start >= end:
                shown += [data[end:start], MASK.encode()]
            end = max(end, stop)
        if end < cut:
            shown.append(data[end:cut])
        self._held, self._masked = data[cut:], max(end - cut, 0)
        return b"".join(shown)


def _spans(text: AnyStr, secrets: Iterable[AnyStr]) -> list[tuple[int, int]]:
    """Return where secrets stand in a text; those that overlap as one."""
    found = []
    for secret in secrets:
        at = text.find(secret)
        while at >= 0 and secret:
            found.append((at, at + len(secret)))
            at = text.find(secret, at + 1)
    spans: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
        else:
            spans.append((start, stop))
    return spans
