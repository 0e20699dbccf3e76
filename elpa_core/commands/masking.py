"""Keep secrets out of everything that ELPA prints or writes down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

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
    """Return ``text`` with ``***`` in place of each secret.

    >>> mask_text("curl -H hunter22", ["hunter22"])
    'curl -H ***'
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
