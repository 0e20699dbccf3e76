"""Where in a bash program a value stands, as the lexer tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bash_places import ATOMS

from elpa_core.commands.bash.lexer import read_program

STRUCTURES = [
    ("a \0; b '\0' \"\0\" $'\0'", ["WORD", "SINGLE", "DOUBLE", "ANSI_C"]),
    ("a \\\"\0 \\' \0", ["WORD", "WORD"]),
    ('a # " \0\nb \0', ["COMMENT", "WORD"]),
    ("a#b \0 'c #' \0", ["WORD", "WORD"]),
    ('a "$(b "\0" \0)\0" \0', ["DOUBLE", "WORD", "DOUBLE", "WORD"]),
    ("x=$(case a in b) c \0;; (d) e;; esac) \0", ["WORD", "WORD"]),
    ("case in in in) a \0 ;; esac; \0", ["WORD", "WORD"]),
    ("a <<A <<-B \0\n\0\nA\n\t\0\n\tB\n\0", ["WORD", "HEREDOC", "HEREDOC", "WORD"]),
    ("a <<'A'; \0\n\"\0\nA\n\0", ["WORD", "QUOTED_HEREDOC", "WORD"]),
    ('a "$(b <<A\n\0"\nA\n)\0"', ["HEREDOC", "DOUBLE"]),
    ("a $((1 << \0)) \0", ["NUMBER", "WORD"]),
    ("((a<\0)) && for ((\0;;)) do b \0; done", ["NUMBER", "NUMBER", "WORD"]),
    ("((a); (b \0))", ["UNKNOWN"]),
    ("\"$((a); b '\0')\" \0", ["UNKNOWN", "UNKNOWN"]),
    ("case a in b) c;; d) \0;; esac; \0", ["WORD", "WORD"]),
    ('"${a:-"it\'s"}" \0', ["UNKNOWN"]),
    ("( (a \0) )", ["WORD"]),
    ("a[\0]=\0 b[c", ["NUMBER", "WORD"]),
    (
        '${a:-\0} "${a:-\0}" ${a#\0} ${a:\0} ${a[\0]}',
        ["FALLBACK", "DOUBLE_FALLBACK", "OPERAND", "NUMBER", "NUMBER"],
    ),
    ("a `b \0 '\0'` \0", ["WORD", "SINGLE", "WORD"]),
    ("[[ a =~ (\0|[b]) && ( \0 < c ) ]]; d \0", ["GROUP", "WORD", "WORD"]),
    ("f() { \0; }; function g { \0; }", ["WORD", "WORD"]),
    ("a=(\0 # \0\n[\0]=\0) \0", ["WORD", "COMMENT", "NUMBER", "WORD", "WORD"]),
    ("a \0 ) \0", ["WORD", "UNKNOWN"]),
    ("a \0 <<$b\n\0", ["WORD", "UNKNOWN"]),
    ("cat <<A $(b\n\0)\n\0\nA", ["UNKNOWN", "UNKNOWN"]),
    ("a \0 " + "$(" * 100 + "\0", ["WORD", "UNKNOWN"]),
    ("a `b \0", ["UNKNOWN"]),
    ("a $(b <<A) \0", ["UNKNOWN"]),
]


@pytest.mark.parametrize(("program", "places"), STRUCTURES)
def test_the_lexer_knows_where_a_value_stands(program, places):
    assert [slot.where.name for slot in read_program(program).slots] == places


@given(
    st.lists(
        st.sampled_from([*ATOMS, "\0", "<<A", "\nA\n", "case ", " in ", "esac", "[[ ", "a=("]), max_size=25
    )
)
def test_the_lexer_reads_any_text_and_finds_every_slot(parts):
    program = "".join(parts)
    assert len(read_program(program).slots) == program.count("\0")
