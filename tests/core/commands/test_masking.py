"""Which values are secret, and that none is shown. Under 1 s."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.commands.masking import looks_secret, mask_text, mask_values, secret_values

NAMES = "PASSWORD db_password TOKEN HfToken SECRET client-secret API_KEY apikey AWS_CREDENTIALS credential"


@pytest.mark.parametrize("name", NAMES.split())
def test_names_of_the_contract_look_secret(name):
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["HORIZON", "user", "CUDA_VISIBLE_DEVICES", "", "PASS"])
def test_other_names_do_not(name):
    assert not looks_secret(name)


def test_a_secret_is_masked_whatever_its_length():
    assert mask_values({"KEY": "", "TOKEN": "x", "LEVEL": "x"}) == {
        "KEY": "***",
        "TOKEN": "***",
        "LEVEL": "x",
    }


def test_secret_values_come_longest_first_without_short_ones():
    found = secret_values(
        {
            "a_secret": "abcde",
            "b_key": "abcdefgh",
            "c": "public",
            "SORT_KEY": "errors",
            "TOKENIZERS": "false",
        },
        {"d_token": 1234567, "e_key": "1", "max_tokens": "thousands"},
    )
    assert found == ("abcdefgh", "1234567", "abcde")


def test_a_secret_that_holds_another_is_masked_whole():
    assert (
        mask_text("x abcdefgh abcde", secret_values({"a_token": "abcde", "b_key": "abcdefgh"})) == "x *** ***"
    )


@given(st.lists(st.text(min_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=5))
def test_no_secret_is_left_in_a_text(values, between):
    secrets = secret_values({f"key{n}": value for n, value in enumerate(values)})
    text = "".join(part + value for part, value in zip(between, [*values, ""] * 5, strict=False))
    shown = mask_text(text, secrets)
    assert [secret for secret in secrets if secret in shown and "*" not in secret] == []


def test_each_line_of_a_secret_of_several_lines_is_hidden():
    secrets = secret_values({"PRIVATE_KEY": "-----BEGIN-----\nMIIEabcdefgh\n-----END-----\n"})
    assert mask_text("MIIEabcdefgh\n", secrets) == "***\n"
