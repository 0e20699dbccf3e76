"""Which values are secret, and that none is shown. Under 1 s."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.commands.masking import MaskedStream, looks_secret, mask_text, mask_values, secret_values

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


def in_parts(text, secrets, cuts):
    """Mask a text that arrives in parts of these lengths, and the rest in one."""
    stream, shown, data = MaskedStream(secrets), b"", text.encode()
    for length in cuts:
        shown += stream.feed(data[:length])
        data = data[length:]
    return (shown + stream.feed(data) + stream.close()).decode()


FEW = st.text("ab*\n", min_size=1, max_size=6)


@given(st.text("ab\n", max_size=40), st.lists(FEW, max_size=4), st.lists(st.integers(0, 5), max_size=20))
def test_where_parts_end_does_not_matter(text, secrets, cuts):
    assert in_parts(text, secrets, cuts) == mask_text(text, secrets)


def test_a_part_waits_only_for_what_may_become_a_secret():
    stream = MaskedStream(["hunter22", "té"])
    assert [stream.feed(part) for part in (b"Epoch 1\n", b"a hunter2", b"3\nt\xc3", b"\xa9!")] == [
        b"Epoch 1\n",
        b"a ",
        b"hunter23\n",
        b"***!",
    ]


def test_secrets_that_overlap_leave_nothing_of_each_other():
    assert mask_text("x abcdefgh y", ["abcdef", "efgh"]) == "x *** y"
    assert in_parts("x abcdefgh y", ["abcdef", "efgh"], [8]) == "x *** y"
    assert in_parts("a" * 100_000, ["aaaaa"], [10] * 100) == "***"
