"""Values in every place of a bash program, run by the real bash: each arrives exactly or is refused."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bash_places import ATOMS, FREE, HEREDOCS, LIMITED, PASSABLE, bash_outputs, check, put, text
from support.examples import FEW
from support.hostile_values import HOSTILE_VALUES


def test_the_corpus_is_large_enough():
    assert len(set(HOSTILE_VALUES)) == len(HOSTILE_VALUES) > 150


@pytest.mark.parametrize("name", FREE)
def test_every_value_arrives(name, folder):
    assert check(FREE[name], PASSABLE, folder) == []


@pytest.mark.parametrize("name", HEREDOCS)
def test_here_documents_refuse_only_what_would_end_them_or_lose_tabs(name, folder):
    program, expected, refused = HEREDOCS[name]
    assert check((program, text(expected)), PASSABLE, folder) == [v for v in PASSABLE if refused(v)]


@pytest.mark.parametrize("name", LIMITED)
def test_only_harmless_values_are_accepted_where_bash_would_read_them(name, folder):
    program, expected, accepted = LIMITED[name]
    refused = [value for value in PASSABLE if not re.fullmatch(accepted, value, re.ASCII)]
    if expected is None:
        assert [value for value in PASSABLE if put(program, value)[0] is None] == refused
    else:
        assert check((program, expected), PASSABLE, folder) == refused


VALUES = st.one_of(
    st.lists(st.sampled_from(ATOMS), max_size=9).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
)


RUN = settings(FEW, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RUN
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_any_value_arrives_in_every_place_or_is_refused(folder, values):
    contexts = [*FREE.values()]
    contexts += [(program, text(expected)) for program, expected, _ in HEREDOCS.values()]
    contexts += [(program, expected) for program, expected, _ in LIMITED.values() if expected]
    runs = [
        (rendered, expected(value))
        for program, expected in contexts
        for value in values
        if (rendered := put(program, value)[0]) is not None
    ]
    outputs = bash_outputs([rendered for rendered, _ in runs], folder)
    for (rendered, expected), output in zip(runs, outputs, strict=True):
        assert output == expected.encode(), rendered


def _nested(commands):
    """Return commands that hold others, made so that what is printed does not depend on the value."""
    quoted = st.sampled_from(
        ["@X@", "a ", "'", '\\"', "\\$", "\\\\", "#", "(", "$one", "${one}", "$ "]
    ) | commands.map("$({})".format)
    word = st.one_of(
        st.sampled_from(
            ["@X@", "'@X@'", "'$(@X@`'", "$'\\t@X@\\''", "a-", "\\'", '\\"', "$one", "${one#1}", "$((1+1))"]
        ),
        st.lists(quoted, max_size=3).map("".join).map('"{}"'.format),
        st.sampled_from(["@X@", "'@X@'", '"@X@"', "$'@X@'"]).map("${{none:-{}}}".format),
    )
    words_ = st.lists(st.lists(word, min_size=1, max_size=3).map("".join), min_size=1, max_size=2).map(
        " ".join
    )
    body = st.lists(st.sampled_from(["@X@", "it's", '"', "\\$", "$one", "$(printf b)", " "]), max_size=4).map(
        "".join
    )
    return st.one_of(
        words_.map("show {}".format),
        words_.map("show {} # it's @X@ (\n".format),
        word.map('y={}; show "$y"'.format),
        word.map("case {} in no) ;; (*) show '@X@' ;; esac".format),
        word.map("[[ -n a{} && @X@ == @X@ ]] && show @X@".format),
        commands.map("{{ {}\n}}".format),
        commands.map("(: ; {}\n)".format),
        commands.map("if true; then {}\nelse show @X@; fi".format),
        st.tuples(commands, commands).map("\n".join),
        body.map("cat <<END\n{}\nEND\n".format),
        body.map("cat <<-'END' | cat\n{}\nEND\n".format),
    )


@RUN
@given(st.recursive(st.just("show @X@"), _nested, max_leaves=6), st.sampled_from(PASSABLE))
def test_a_nested_program_prints_the_value_where_it_would_print_any_other(folder, program, value):
    rendered, _ = put(program, value)
    marked, _ = put(program, "QZQ")
    if rendered is None or marked is None or value.endswith("\n") or not value:
        return
    marker, output = bash_outputs([marked, rendered], folder)
    assert output == marker.replace(b"QZQ", value.encode()), rendered
