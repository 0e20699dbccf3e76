"""Which values get quotes, and in which words one is refused."""

import pytest
from support.bash_places import put

from elpa_core.commands.bash.quoting import quote_values


# Bash parses these with an error on the first line and goes on with the next, inside the value.
def test_a_value_on_several_lines_behind_an_error_in_an_array_is_refused():
    assert put("y=(a y=('@X@'))", "\ntouch canary\n")[0] is None


UNCHANGED = [
    "python @X@/train.py --out \"@X@\" --name=@X@ '@X@'",
    'OUT=@X@ exec "@X@/bin/tool" < @X@ > @X@/log 2>&1',
    "cd @X@ && for i in @X@ b; do echo $i; done | tee -a @X@.log",
    "cat <<EOF > @X@\n@X@ $HOME/@X@\nEOF",
    "echo \"$(cat @X@ $'@X@')\" `cat @X@`",
]


@pytest.mark.parametrize("program", UNCHANGED)
@pytest.mark.parametrize(
    "value", ["lstm-1", "/store/runs/scheduled__2024-01-01T00_00_00", "2024-01-01T00:00:00+00:00"]
)
def test_a_value_that_needs_no_quotes_gets_none(program, value):
    assert put(program, value)[0] == program.replace("@X@", value)


QUOTED = [
    ("@X@ a", "if", "'if' a"),
    ("echo @X@>f", "2", "echo '2'>f"),
    ("@X@=5 make", "PATH", "'PATH'=5 make"),
    ("echo a$b@X@", "c", "echo a$b'c'"),
    ("echo {a,@X@}", "b", "echo {a,'b'}"),
    ("echo [@X@]zz", "a-z", "echo ['a-z']zz"),
    ("[[ @X@ == a ]]", "-f", "[[ '-f' == a ]]"),
    ('echo "$b@X@"', "c", 'echo "$b""c"'),
    ("echo @X@", "", "echo ''"),
    ("echo '@X@'", "it's", "echo 'it'\"'\"'s'"),
    ("echo @X@", "it's", "echo 'it'\"'\"'s'"),
    ('echo "@X@"', '$a"b', 'echo "\\$a\\"b"'),
]


@pytest.mark.parametrize(("program", "value", "rendered"), QUOTED)
def test_a_value_that_would_mean_something_to_bash_is_quoted(program, value, rendered):
    assert put(program, value)[0] == rendered


REFUSALS = [
    ("echo $((@X@))", "x", "in arithmetic or an array index", "an integer"),
    ("let y=@X@", "x", "where bash reads arithmetic", "an integer"),
    ("read @X@", "a b", "where bash reads the name of a variable", "only letters, digits and _"),
    ("declare y=@X@", "(a)", "where bash may read an array", "a value that does not begin with ("),
    ("echo >&@X@", "a", "where bash reads a file descriptor", "an integer"),
    ("echo a {y[@X@]}>b", "$(c)", "in arithmetic or an array index", "an integer"),
    ("exec {y['@X@']}<<< b", "$(c)", "in arithmetic or an array index", "an integer"),
    ("echo {1..@X@}", "a", "in a sequence {a..b}", "an integer"),
    ("cat <<@X@", "a", "in the delimiter of a here-document", "fixed text"),
    ("cat <<E\n@X@\nE", "E", "in a here-document", 'nothing that makes a line "E"'),
    (
        "cat <<-E\n@X@\nE",
        "\ta",
        "in a here-document",
        "no tab at the beginning of a line, where <<- takes it away",
    ),
    ("# @X@", "a\nb", "in a comment", "no newline"),
    ("echo ${y#@X@}", "a b", "in a ${...} expansion", "only letters, digits and _ . / : + -"),
    ("echo ${y:=@X@}", "a b", "in ${name:=...} outside quotes", "only letters, digits and _ @ + : , . / -"),
    (
        'echo "${y:-@X@}"',
        "'",
        "in ${name:-...} inside double quotes",
        "no ' and no control characters 1 and 127",
    ),
    (
        'echo "`echo @X@`"',
        "a b",
        "in backticks inside quotes, an expansion or backticks",
        "only letters, digits and _ . / : + -",
    ),
    ("echo \\@X@", "\n", "directly behind \\", "a first character other than a newline"),
    (
        "echo $'\\@X@'",
        "n",
        "in $'...' quotes, directly behind a backslash",
        "a value that it does not take up",
    ),
    (
        "a ) @X@",
        "b",
        "where the structure of the command is not clear",
        "a command whose structure ELPA can follow",
    ),
]


@pytest.mark.parametrize(("program", "value", "where", "expected"), REFUSALS)
def test_a_refusal_says_where_and_what_could_stand_there(program, value, where, expected):
    rendered, refusals = put(program, value)
    assert rendered is None
    assert refusals == [(0, where, expected)]


def test_only_the_value_to_blame_in_a_here_document_is_refused():
    texts, refusals = quote_values("cat <<EOF\n\0\n\0\n\0\nEOF", ["a", "EOF", "b c"])
    assert texts == ["a", "EOF", "b c"]
    assert [refusal.number for refusal in refusals] == [1]


def test_values_that_end_a_here_document_only_together_are_refused():
    _, refusals = quote_values("cat <<EOF\n\0\0\nEOF", ["E", "OF"])
    assert [refusal.number for refusal in refusals] == [0, 1]
