"""What a person may type when starting a run: bash evaluates some texts again however they are quoted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from elpa_core.commands.masking import MASK, names_a_secret
from elpa_core.commands.placeholders import Scalar
from elpa_core.config.training import TrainingConfig
from elpa_core.errors import Problem, quoted, some
from elpa_core.files.strict_json import member_path

DATA_SETS = ("dataset", "val_dataset", "test_dataset")
LONGEST_TEXT = 1000
_SIGNS = "_.,:;@%+=/-"
_TEXT = f"letters, digits, spaces and {' '.join(_SIGNS)}, not beginning with -"
_HINT = "put the value into the config, or name the field in airflow.free_text of the config"


def typed_value_problems(
    config: TrainingConfig, fields: Mapping[str, object], context: Mapping[str, object], source: str
) -> Iterator[Problem]:
    """Yield a problem for each value that nobody may type; the config's own value is always accepted.

    Parameters
    ----------
    config : TrainingConfig
        The run's config.
    fields : mapping
        Typed values of the three data sets.
    context : mapping
        Typed values of the context; those that the config's own does not have are passed over.
    source : str
        What to call it in problems.
    """
    free = config.airflow.free_text
    for name in DATA_SETS:
        value = fields.get(name)
        if isinstance(value, str) and value != getattr(config, name) and name not in free:
            yield from _text_problems(name, value, f"$.{name}", source)
    for name in (name for name in context if name in config.context):
        value, own = context[name], config.context[name]
        place = member_path("$.context", name)
        if isinstance(value, dict | list):
            continue  # a problem of its own
        if kind(value) != kind(own):
            yield Problem(source, place, _shown(name, value), f"{kind(own)}, as in the config")
        elif isinstance(value, str) and value != own and name not in free:
            yield from _text_problems(name, value, place, source)


def kind(value: object) -> str:
    """Return the JSON type of a scalar, in words.

    >>> kind(True), kind(3), kind(0.5), kind(None), kind("a")
    ('true or false', 'a number', 'a number', 'null', 'a string')
    """
    if isinstance(value, bool):
        return "true or false"
    if value is None:
        return "null"
    return "a string" if isinstance(value, str) else "a number"


def may_be_typed(character: str) -> bool:
    r"""Tell whether a character may stand in a typed text.

    >>> [may_be_typed(c) for c in "aé7٣ _/-$`'\n\u200b"]
    [True, True, True, True, True, True, True, True, False, False, False, False, False]
    """
    return character in " " + _SIGNS or unicodedata.category(character)[0] in "LMN"


def _text_problems(name: str, text: str, place: str, source: str) -> Iterator[Problem]:
    if len(text) > LONGEST_TEXT:
        yield Problem(source, place, f"{len(text)} characters", f"at most {LONGEST_TEXT}", _HINT)
        return
    wrong = next((c for c in unicodedata.normalize("NFC", text) if not may_be_typed(c)), None)
    if wrong is not None:
        yield Problem(source, place, f"{_shown(name, text)} with the character {wrong!a}", _TEXT, _HINT)
    elif text.startswith("-"):
        yield Problem(source, place, _shown(name, text), _TEXT, _HINT)


def free_text_problems(
    names: tuple[str, ...], context: Mapping[str, Scalar], source: str
) -> Iterator[Problem]:
    """Yield a problem for each name in ``airflow.free_text`` that nothing can be typed for."""
    known = (*DATA_SETS, *context)
    for index, name in enumerate(names):
        if name not in known:
            place = f"$.airflow.free_text[{index}]"
            yield Problem(source, place, quoted(name), f"one of {some(known, most=100)}")


def _shown(name: str, value: object) -> str:
    return MASK if names_a_secret(name) else quoted(value)
