"""Places where bash reads a value a second time: proved with the real bash, and refused.

Each program runs the value when it is only quoted, which the first test shows; the second shows
that it is refused there. Plain values are not.
"""

import re
import shlex

import pytest
from support.quoting_programs import SLOT, run_batch

from elpa_core.commands.bash.quoting import quote_values

INDEX = "a[$(C)]"
CODE = "$(C)"
NUMBER = "where bash reads arithmetic"
NAME = "where bash reads the name of a variable"
UNSURE = "in a command that may be one of bash's own"
READ_CODE = "where bash reads code"
PRINTED = "in a command whose output bash reads again"
IN_BACKTICKS = "in backticks inside quotes, an expansion or backticks"
DESCRIPTOR = "where bash reads a file descriptor"

OPTION = "where it could be an option"
PROFILE = "echo C > .bash_profile; HOME=$PWD"

# What a program is, the program, the value, and where it is refused.
RUN = [
    ("attribute, plain assignment", "declare -i n; n=@", INDEX, NUMBER),
    ("attribute, appended", "typeset -i n=1; n+=@", INDEX, NUMBER),
    ("attribute, element", "declare -ai n; n[0]=@", INDEX, NUMBER),
    ("attribute, in a function", "f() { local -i n; n=@; }; f", INDEX, NUMBER),
    ("attribute, inherited", "shopt -s localvar_inherit\ndeclare -i n; f() { local n=@; }; f", INDEX, NUMBER),
    ("attribute, other quotes", "declare '-i' \"n\"; n=@", INDEX, NUMBER),
    ("attribute, braces", "declare -i {a,n}; n=@", INDEX, NUMBER),
    ("attribute, option in a variable", "o=-i; declare $o n; n=@", INDEX, UNSURE),
    ("attribute, option in a variable, at once", "o=-i; declare $o n=@", INDEX, UNSURE),
    ("attribute, name in a variable", "v=n; declare -i $v; n=@", INDEX, UNSURE),
    ("attribute, exported", "declare -i n; export n=@", INDEX, NUMBER),
    ("attribute, read", "declare -i n; read n <<< @", INDEX, NUMBER),
    ("attribute, read from a here-document", "declare -i n; read -r a n <<E\nb @\nE", INDEX, NUMBER),
    ("attribute, read in a loop", "declare -i n; while read n; do :; done <<< @", INDEX, UNSURE),
    ("attribute, read from a pipe", "declare -i n; printf %s @ | while read n; do :; done", INDEX, UNSURE),
    ("attribute, mapfile", "declare -ai n; mapfile n <<< @", INDEX, NUMBER),
    ("attribute, printf -v", "declare -i n; printf -v n %s @", INDEX, NUMBER),
    ("attribute, loop", "declare -i n; for n in @; do :; done", INDEX, NUMBER),
    ("attribute, select", "declare -i n; select n in @; do break; done <<< 1", INDEX, NUMBER),
    ("attribute, fallback", "declare -i n; : ${n:=@}", INDEX, "in ${name:=...} outside quotes"),
    ("attribute, getopts", "declare -i OPTARG; getopts a: o -a @", INDEX, NUMBER),
    ("attribute, REPLY", "declare -i REPLY; read <<< @", INDEX, NUMBER),
    ("name reference", "declare -n n; n=@; echo $n", INDEX, UNSURE),
    ("name reference, at once", "declare -n n=@; echo $n", INDEX, NAME),
    ("name reference, loop", "declare -n n; for n in @; do echo $n; done", INDEX, UNSURE),
    ("name reference, read", "declare -n n; read n <<< @; echo $n", INDEX, UNSURE),
    ("name reference to a special variable", "declare -n r=RANDOM; r=@", INDEX, UNSURE),
    ("RANDOM", "RANDOM=@", INDEX, NUMBER),
    ("OPTIND", "OPTIND=@", INDEX, NUMBER),
    ("HISTCMD", "HISTCMD=@", INDEX, NUMBER),
    ("RANDOM, read", "read RANDOM <<< @", INDEX, NUMBER),
    ("RANDOM, exported", "export RANDOM=@", INDEX, NUMBER),
    ("RANDOM, name in a variable", "v=RANDOM; printf -v $v %s @", INDEX, NUMBER),
    ("command --", "command -- let x=@", INDEX, NUMBER),
    ("builtin --", "builtin -- let x=@", INDEX, NUMBER),
    ("builtin, command", "builtin command -p -- let x=@", INDEX, NUMBER),
    ("time --", "time -- let x=@", INDEX, NUMBER),
    ("time -p --", "time -p -- let x=@", INDEX, NUMBER),
    ("jobs -x", "jobs -x let x=@", INDEX, NUMBER),
    ("coproc NAME {", "coproc N { let x=@; }; wait", INDEX, NUMBER),
    ("coproc NAME (", "coproc N (let x=@); wait", INDEX, NUMBER),
    ("coproc NAME if", "coproc N if let x=@; then :; fi; wait", INDEX, NUMBER),
    ("coproc", "coproc let x=@; wait", INDEX, NUMBER),
    ("behind a subshell", "if (true) then let x=@; fi", INDEX, NUMBER),
    ("behind a group", "if { :; } then let x=@; fi", INDEX, NUMBER),
    ("behind an empty variable", "$e let x=@", INDEX, UNSURE),
    ("behind empty arguments", '"$@" let x=@', INDEX, UNSURE),
    ("behind an empty array", 'e=(); "${e[@]}" let x=@', INDEX, UNSURE),
    ("behind an empty substitution", "$(:) let x=@", INDEX, UNSURE),
    ("behind empty backticks", "`:` let x=@", INDEX, UNSURE),
    ("command from braces", "{let,} x=@", INDEX, UNSURE),
    ("command from braces, second", "{,let} x=@", INDEX, UNSURE),
    ("command in parts", "l{e,}t x=@", INDEX, UNSURE),
    ("command from a pattern", ": > let; le[t] x=@", INDEX, UNSURE),
    ("command in a variable", "c=let; $c x=@", INDEX, UNSURE),
    ("command in a quoted variable", 'c=let; "$c" x=@', INDEX, UNSURE),
    ("command in half a variable", "c=le; ${c}t x=@", INDEX, UNSURE),
    ("command in a changed variable", "c=xlet; ${c#x} x=@", INDEX, UNSURE),
    ("command in two variables", "c=le d=t; $c$d x=@", INDEX, UNSURE),
    ("command in a loop", "for c in let; do $c x=@; done", INDEX, UNSURE),
    ("command in an array", "y=(let); ${y[0]} x=@", INDEX, UNSURE),
    ("command in an argument", "f() { $1 x=@; }; f let", INDEX, UNSURE),
    ("command that a command prints", "$(echo let) x=@", INDEX, UNSURE),
    ("builtin in a variable", "c=builtin; $c let x=@", INDEX, UNSURE),
    ("printf -v, glued", "printf -v@ x", INDEX, NAME),
    ("printf -v, redirected between", "printf -v 2>/dev/null @ x", INDEX, NAME),
    ("printf, the value is the option", "printf @ x", "-va[$(C)]", NAME),
    ("printf, option in a variable", "o=-v; printf $o @ x", INDEX, UNSURE),
    ("wait -p, glued", ": & wait -np@ $!", INDEX, NAME),
    ("wait, the value is the option", ": & wait -n @ $!", "-pa[$(C)]", NAME),
    ("test -v behind !", "test ! -v @", INDEX, NAME),
    ("test -v, option in a variable", "o=-v; [ $o @ ]", INDEX, UNSURE),
    ("declared array", "declare -a y=@", "($(C))", "where bash may read an array"),
    ("alias", "shopt -s expand_aliases\nalias a=@\na", CODE, READ_CODE),
    ("alias, table", "shopt -s expand_aliases\nBASH_ALIASES[a]=@\na", CODE, READ_CODE),
    ("PS4", "PS4=@; set -x; :", CODE, READ_CODE),
    ("PS4, read", "read PS4 <<< @; set -x; :", CODE, READ_CODE),
    ("BASH_ENV", "BASH_ENV=@ bash -c :", CODE, READ_CODE),
    ("BASH_ENV, exported", "export BASH_ENV=@; bash -c :", CODE, READ_CODE),
    ("BASH_ENV, env", "env BASH_ENV=@ bash -c :", CODE, READ_CODE),
    ("compgen -W", "compgen -W @", CODE, READ_CODE),
    ("compgen -C", "compgen -C @", "C;C", READ_CODE),
    ("mapfile -C", "mapfile -C @ -c 1 a <<< 1", "C;C", NAME),
    ("eval", "eval echo @", CODE, READ_CODE),
    ("eval, quoted", 'eval "echo @"', CODE, READ_CODE),
    ("trap", "trap @ EXIT", "C;C", READ_CODE),
    ("history", "set -o history; history -s @; fc -s 2>&1", "C;C", READ_CODE),
    (">&", "echo >& @", CODE, DESCRIPTOR),
    (">& of a group", "{ echo; } >&@", CODE, DESCRIPTOR),
    ("output as a number", ": $(( $(echo @) ))", INDEX, "in an expansion in arithmetic"),
    ("output as a number, in backticks", ": $(( `echo @` ))", INDEX, IN_BACKTICKS),
    ("output as an index", "y[$(echo @)]=1", INDEX, "in an expansion in arithmetic"),
    ("output compared", '[[ "$(printf %s "$(echo @)")" -eq 1 ]]', INDEX, PRINTED),
    ("output, let", "let x=$(echo @)", INDEX, PRINTED),
    ("output with an attribute", "declare -i n; n=$(echo @)", INDEX, PRINTED),
    ("output read", "declare -i n; read n <<< $(echo @)", INDEX, PRINTED),
    ("output as a name", "printf -v $(echo @) x", INDEX, PRINTED),
    ("output as code", 'eval "$(echo @)"', "C;C", PRINTED),
    ("output in PS4", "PS4=$(echo @); set -x; :", CODE, PRINTED),
    ("output as an array", 'declare -a y="$(echo @)"', "($(C))", PRINTED),
    ("output behind >&", 'echo >& "$(echo @)"', CODE, PRINTED),
    ("command of an array", 'c=(let x=@); "${c[@]}"', INDEX, UNSURE),
    ("command of a variable", 'c="let x=@"; $c', INDEX, UNSURE),
    ("command of arguments", 'f() { "$1" "$2"; }; f let x=@', INDEX, UNSURE),
    ("command printed in parts", "$(printf le%s t) x=@", INDEX, UNSURE),
    ("command printed by another program", "$(rev <<< tel) x=@", INDEX, UNSURE),
    ("command read", "read c <<< let; $c x=@", INDEX, UNSURE),
    ("command in other letters", "declare -l c=LET; $c x=@", INDEX, UNSURE),
    ("command with an escape", "$'\\x6cet' x=@", INDEX, UNSURE),
    ("exec -a", f"{PROFILE} exec -a @ bash -c :", "-x", OPTION),
    ("exec -a, glued", f"{PROFILE} exec -a@ bash -c :", "-x", OPTION),
    ("exec -a, in quotes", f"{PROFILE} exec -la '@' bash -c :", "-x", OPTION),
    ("exec -a, behind an empty variable", f"{PROFILE} exec -a $e@ bash -c :", "-x", OPTION),
    ("exec -a, in a variable", f"o=-a; {PROFILE} exec $o @ bash -c :", "-x", OPTION),
    ("exec -a, from braces", f"{PROFILE} exec {{-a,@}} bash -c :", "-x", OPTION),
    ("exec, the value is the option", f"{PROFILE} command exec @ bash -c :", "-l", OPTION),
    ("env, the value is the option", "env @", "-Sbash -c C", OPTION),
    ("env, behind an option with an argument", "env -u Z @", "-Sbash -c C", OPTION),
    ("for, on two lines", "declare -i n\nfor n\nin @\ndo :; done", INDEX, NUMBER),
]  # fmt: skip
IDS = [name for name, *_ in RUN]
# bash runs these only with a terminal or a history, so nothing can be proved here.
NOT_PROVED = {"history"}


def slots(program):
    """Return the program with a slot at each @ that stands for the value."""
    return (
        re.sub(r'@(?!["\]])', SLOT, program)
        if "$@" in program or "[@]" in program
        else program.replace("@", SLOT)
    )


@pytest.mark.parametrize(("name", "program", "value", "where"), RUN, ids=IDS)
def test_bash_runs_the_value_when_it_is_only_quoted(name, program, value, where, tmp_path):
    in_double = slots(program).replace(f'{SLOT}"', re.sub(r"([$`])", r"\\\1", value) + '"')
    run_batch([in_double.replace(SLOT, shlex.quote(value))], tmp_path)
    assert (tmp_path / "canary").exists() or name in NOT_PROVED


@pytest.mark.parametrize(("name", "program", "value", "where"), RUN, ids=IDS)
def test_it_is_refused_there(name, program, value, where):
    _, refusals = quote_values(slots(program), [value])
    assert [refusal.where for refusal in refusals] == [where]


ELSEWHERE = [
    "declare -i m; n=@; echo $n",
    "n=5; $PYTHON train.py @",
    '"$PYTHON" train.py --out "@" test read',
    "${PYTHON} -m train '@'",
    "export X=1 Y=@; \"$PYTHON\" train.py @",
    "set -euo pipefail; shopt -s nullglob; train @",
    "printf '%s\\n' -v @; printf -- %s @; [ -n @ ]; [ @ = @ ]; [[ @ == @ ]]",
    "export $(echo A=1); train @; B=@ train",
    "command -v python; command python @; time python @; coproc python @",
    "IFS=, read -r a b <<< @; read -r c < f; train @",
    "PATH=@:$PATH TMPDIR=@ train; HOME=@",
    "let x=1; declare -i k=2; unset z; train @",
    "if (true) then train @; fi; { train @; } | cat; x=1 train @",
    "for n in @; do train \"$n\"; done; case @ in @) ;; esac",
    "f() { train \"$1\"; }; f @; source env.sh; . ./env.sh; exec train @",
    "(exec -a train-@ train); nice -n @ nice; nice -n 5 train @; timeout 5 train @; env X=@ a @; exec -- @",
]  # fmt: skip


@pytest.mark.parametrize("program", ELSEWHERE)
def test_any_value_is_taken_elsewhere(program):
    text = program.replace("@", SLOT)
    for value in (INDEX, CODE, 'it\'s "so"', "a b", "-va[$(C)]"):
        _, refusals = quote_values(text, [value] * text.count(SLOT))
        assert refusals == []


PLAIN_PLACES = [
    "cat <<E\n$(cat @ \"@\" '@') ${y:-@} `cat @`\nE",
    "x=`cat @ '@' \"@\" a@b`; y=\"`cat @`\"; z=`echo \\`cat @\\``",
    'echo "${x#@}" ${x%%@} ${x/a/@} ${x^^@} "${x:-"@"}" "${x:-${y:-@}}" ${x##"@"}',
    "eval cat @; trap 'rm -r @' EXIT; alias a=@; PS4=@; $e let @",
]  # fmt: skip


@pytest.mark.parametrize("program", PLAIN_PLACES)
@pytest.mark.parametrize("value", ["lstm-1", "/store/r_1/m.csv", "2024-01-01T00:00:00+00:00", "a.b:c"])
def test_plain_values_are_taken_as_they_are(program, value):
    text = program.replace("@", SLOT)
    texts, refusals = quote_values(text, [value] * text.count(SLOT))
    assert refusals == []
    assert set(texts) == {value}


LOST = [
    "echo @; a ) b",
    "echo @\nfi",
    "echo @\nif a; then b",
    "echo '@' \"@\"\n{ a",
    "cat <<E\n@\nE\ny=(a; b)",
    "echo @; (( a ) )",
    "echo @; case a in",
    "echo @; ${a",
    "echo @; 'a",
    "echo @; { a; } b",
    "echo @; [[ a & b ]]",
    "echo @; f a () { b; }",
]  # fmt: skip


@pytest.mark.parametrize("program", LOST)
def test_a_lexer_that_gets_lost_does_not_trust_what_it_found_before(program):
    text = program.replace("@", SLOT)
    _, refusals = quote_values(text, ["a b"] * text.count(SLOT))
    assert {refusal.where for refusal in refusals} == {"in a command whose structure is not clear"}
    texts, refusals = quote_values(text, ["/a/b-1"] * text.count(SLOT))
    assert (refusals, set(texts)) == ([], {"/a/b-1"})


@pytest.mark.parametrize("program", ["=x [[ a <<E\n@\nE", "x=1 [[ a <<E\n@\nE", ">f [[ a <<E\n@\nE"])
def test_no_condition_begins_behind_what_is_no_beginning(program):
    assert quote_values(program.replace("@", SLOT), ["$(C)"]) == (["\\$(C)"], [])


@pytest.mark.parametrize("program", ['a""=(@)', 'a"b"=(@)', "echo a=(@)", "command declare a=(@)"])
def test_parentheses_behind_what_is_no_assignment_are_not_clear(program):
    _, refusals = quote_values(program.replace("@", SLOT), ["a b"])
    assert [refusal.where.endswith("is not clear") for refusal in refusals] == [True]


UNSETTLED = [
    "alias e=x\n",
    "set -k; ",
    "set -eH; ",
    "set -o posix; ",
    "shopt -s expand_aliases; ",
    "shopt -s compat31; ",
]


@pytest.mark.parametrize("start", UNSETTLED)
def test_a_program_that_changes_how_bash_reads_gets_plain_values_only(start):
    text = f"{start}echo {SLOT}"
    assert [r.where for r in quote_values(text, ["a b"])[1]] == [
        "in a program that changes how bash reads words"
    ]
    assert quote_values(text, ["a.b/c"]) == (["a.b/c"], [])
