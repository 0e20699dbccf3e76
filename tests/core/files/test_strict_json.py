"""Reading JSON strictly. What is refused, and in which words, is in test_cli_bad_configs. Under 1 s."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elpa_core.errors import InputError
from elpa_core.files.strict_json import member_path, parse_object, read_file

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.booleans())
def test_what_json_can_say_is_read_as_it_is(value, ascii_only):
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode(), "x") == value


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_the_text(bom):
    assert parse_object(bom + b'{"a": 1}', "x") == {"a": 1}


def test_numbers_keep_their_type():
    found = parse_object(b'{"a": 1, "b": 1.0, "c": 1e2, "d": -0, "e": 1e-999}', "x")
    assert [(value, type(value)) for value in found.values()] == [
        (1, int),
        (1.0, float),
        (100.0, float),
        (0, int),
        (0.0, float),
    ]


@given(st.binary(max_size=60) | st.text('{}[]":,0123456789.eE+-\\udaf Nn', max_size=40).map(str.encode))
def test_any_bytes_give_an_object_or_a_refusal(data):
    try:
        found = parse_object(data, "pool.json")
    except InputError as error:
        found = error
    lines = str(found).splitlines()
    assert isinstance(found, dict) or (lines and all(line.startswith("pool.json: ") for line in lines))


def test_every_fault_is_named_in_the_order_of_the_file():
    data = rb'{"a": [NaN, {"b": 1, "b": 2}], "c": "\ud800", "d": 1e999}'
    with pytest.raises(InputError) as caught:
        parse_object(data, "x")
    assert [problem.place for problem in caught.value.problems] == ["$.a[0]", "$.a[1].b", "$.c", "$.d"]


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"b": ', b"}")])
def test_a_hundred_levels_are_read_and_no_more(opening, closing):
    def nested(levels):
        return b'{"a": ' + opening * (levels - 2) + b"1" + closing * (levels - 2) + b"}"

    assert parse_object(nested(100), "x").keys() == {"a"}
    for levels in (101, 900, 1500, 100_000):
        with pytest.raises(InputError, match=r"^x: found arrays or objects nested too deeply"):
            parse_object(nested(levels), "x")


def test_a_key_twice_among_very_many_is_found():
    keys = [f"k{number}" for number in range(200_000)]
    data = "{" + ",".join(f'"{key}":0' for key in [*keys, "k7"]) + "}"
    with pytest.raises(InputError, match=r"^x: \$\.k7: found the key twice; expected each key once$"):
        parse_object(data.encode(), "x")


@pytest.mark.parametrize(
    ("parent", "key", "path"),
    [
        ("$", "é", "$.é"),
        ("$", "a.b", '$["a.b"]'),
        ("$.a", 0, "$.a[0]"),
        ("$", 'a"\\', '$["a\\"\\\\"]'),
        ("$", "", '$[""]'),
    ],
)
def test_paths_tell_keys_from_structure(parent, key, path):
    assert member_path(parent, key) == path


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "pool.json"
    path.write_bytes(b"\xff\x00\r\n")
    assert read_file(path) == b"\xff\x00\r\n"
