"""What may be typed when a run is started: types as in the config, and no text that a shell reads again."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.config.choices import run_choices
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import TrainingConfig
from elpa_core.errors import ConfigError

CONTEXT = {"epochs": 50, "rate": 0.5, "fast": True, "note": "spring", "nothing": None, "api_token": "own"}


def config(**changes: Any) -> TrainingConfig:
    models = [{"name": name, "group": name, "train_cmd": "run {note}"} for name in ("online", "offline")]
    raw = {"dataset": "train.csv", "context": CONTEXT, "models": models, **changes}
    return parse_training_config(json.dumps(raw).encode(), Path("/configs/pool.json")).config


def refusal(given: dict[str, Any], **changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        run_choices(config(**changes), given, "conf")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "context",
    [
        {"epochs": 7},
        {"epochs": 0.5},
        {"rate": 3},
        {"fast": False},
        {"nothing": None},
        {"note": "Größe_2026-01.csv, 50% @ a:b;c=d+e/f"},
        {"note": ""},
        {"note": "需求 ٣ é"},
        {"note": "x" * 1000},
    ],
    ids=str,
)
def test_what_has_the_configs_type_and_plain_characters_is_taken(context: dict[str, Any]) -> None:
    chosen = run_choices(config(), {"context": context}, "conf")
    assert chosen.config.context == {**CONTEXT, **context}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"epochs": "a[$(touch X)]"}, 'found "a[$(touch X)]"; expected a number, as in the config'),
        ({"epochs": True}, "found true; expected a number, as in the config"),
        ({"fast": 1}, "found 1; expected true or false, as in the config"),
        ({"nothing": "x"}, 'found "x"; expected null, as in the config'),
        ({"note": None}, "found null; expected a string, as in the config"),
        ({"note": 3}, "found 3; expected a string, as in the config"),
        ({"note": "$(touch X)"}, "with the character '$'"),
        ({"note": "a\nb"}, "with the character '\\n'"),
        ({"note": "a\u200bb"}, "with the character '\\u200b'"),
        ({"note": "a\u2028b"}, "with the character '\\u2028'"),
        ({"note": "a\u00a0b"}, "with the character '\\xa0'"),
        ({"note": "a{b}"}, "with the character '{'"),
        ({"note": "-rf"}, 'found "-rf"; expected letters'),
        ({"note": "x" * 1001}, "found 1001 characters; expected at most 1000"),
        ({"api_token": "a'b"}, "found *** with the character"),
        ({"api_token": 5}, "found ***; expected a string"),
    ],
    ids=str,
)
def test_anything_else_is_refused_in_words(context: dict[str, Any], message: str) -> None:
    (problem,) = refusal({"context": context})
    assert problem.startswith(f"conf: $.context.{next(iter(context))}: ")
    assert message in problem


@pytest.mark.parametrize("name", ["dataset", "val_dataset", "test_dataset"])
def test_data_sets_are_texts_too(name: str) -> None:
    (problem,) = refusal({name: "`id`.csv"})
    assert problem.startswith(f'conf: $.{name}: found "`id`.csv" with the character')
    assert (
        getattr(run_choices(config(), {name: "/data/2026 b.csv"}, "conf").config, name) == "/data/2026 b.csv"
    )


@given(text=st.text(max_size=50))
def test_the_configs_own_value_is_always_accepted(text: str) -> None:
    own = text.replace("\0", "")
    given = {"dataset": own, "context": {"note": own}}
    chosen = run_choices(config(dataset=own, context={"note": own}), given, "conf")
    assert (chosen.changed, chosen.given) == ({}, {})


@given(text=st.text(min_size=1, max_size=50))
def test_what_is_taken_has_only_the_characters_of_the_contract(text: str) -> None:
    try:
        run_choices(config(), {"context": {"note": text}}, "conf")
    except ConfigError:
        return
    normal = unicodedata.normalize("NFC", text)
    assert not text.startswith("-")
    assert all(c in " _.,:;@%+=/-" or unicodedata.category(c)[0] in "LMN" for c in normal)


@given(
    text=st.text(
        st.characters(categories=["L", "M", "N"]) | st.sampled_from(" _.,:;@%+=/-"), max_size=1000
    ).filter(lambda text: not text.startswith("-"))
)
def test_whatever_has_only_these_characters_is_taken(text: str) -> None:
    assert run_choices(config(), {"context": {"note": text}}, "conf").config.context["note"] == text


def test_an_author_may_open_a_name_for_free_text() -> None:
    text = "$(touch X) 'a' \"b\""
    opened = config(airflow={"free_text": ["note", "dataset"]})
    chosen = run_choices(opened, {"dataset": text, "context": {"note": text}}, "conf")
    assert chosen.changed == {"dataset": text, "train_dataset": text, "note": text}


def test_a_free_text_that_names_nothing_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        config(airflow={"free_text": ["notes"]})
    assert '$.airflow.free_text[0]: found "notes"; expected one of dataset' in str(caught.value)
