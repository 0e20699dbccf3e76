"""Keep secrets out of everything that ELPA prints or writes down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MASK = "***"
_SECRET_WORDS = ("password", "passwd", "token", "secret", "key", "credential")
_SHORTEST_SECRET = 5


def looks_secret(name: str) -> bool:
    """Tell whether a name says that its value is a secret.

    >>> looks_secret("DB_PASSWORD"), looks_secret("apiKey"), looks_secret("HORIZON")
    (True, True, False)
    """
    lowered = name.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def mask_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return ``values`` with ``***`` in place of each value whose name looks secret.

    >>> mask_values({"API_TOKEN": "abc", "LEVEL": "3"})
    {'API_TOKEN': '***', 'LEVEL': '3'}
    """
    return {name: MASK if looks_secret(name) else value for name, value in values.items()}


def secret_values(*sources: Mapping[str, object]) -> tuple[str, ...]:
    """Return the secret values of several mappings, longest first.

    A value of fewer than five characters is left out: hiding every "1" of a log hides the log.
    """
    found = {
        str(value)
        for values in sources
        for name, value in values.items()
        if looks_secret(name) and len(str(value)) >= _SHORTEST_SECRET
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` in place of each secret.

    >>> mask_text("curl -H hunter22", ["hunter22"])
    'curl -H ***'
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
