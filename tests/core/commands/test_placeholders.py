"""Templates: what is a placeholder, what is wrong with one, and what a command becomes."""

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.hostile_values import HOSTILE_VALUES

from elpa_core.commands.code_readers import values_read_as_code
from elpa_core.commands.placeholders import (
    Placeholder,
    parse_template,
    placeholder_names,
    render_command,
    render_text,
    template_problems,
)
from elpa_core.errors import ConfigError, PlaceholderError

KNOWN = {"model_dir", "seed", "VAR"}


def problems(template, known=KNOWN, kind="command"):
    found = template_problems(template, known, source="pool.json", place="$.models[0].train_cmd", kind=kind)
    return [str(problem).removeprefix("pool.json: $.models[0].train_cmd: ") for problem in found]


def test_a_template_is_split_into_text_and_placeholders():
    assert parse_template("a {seed}{model_dir} {{b}}") == (
        "a ",
        Placeholder("seed", 2),
        Placeholder("model_dir", 8),
        " {b}",
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("{{{seed}}}", ("{", Placeholder("seed", 2), "}")),
        ("{{{{ x }}}}", ("{{ x }}",)),
        ("{_a1}", (Placeholder("_a1", 0),)),
    ],
)
def test_braces_are_doubled_as_in_str_format(template, text):
    assert parse_template(template) == text


def test_parsing_reports_every_malformed_field_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_template("{0} {seed} }", source="pool.json", place="$.a")
    assert [problem.found for problem in caught.value.problems] == [
        '"{0}" at character 1',
        'a "}" at character 12 that has no "{"',
    ]


def test_names_are_found_without_those_in_doubled_braces():
    assert placeholder_names("{seed} {{no}} {{{model_dir}}} {seed}") == {"seed", "model_dir"}


@pytest.mark.parametrize(
    "template",
    [
        "run {seed} ${{HOME}} > {model_dir}/log",
        "a ${VAR}",
        "awk '{{print $1}}'",
        "{{}}",
        "${{f%%.*}} ${{#a[@]}}",
    ],
)
def test_a_sound_template_has_no_problems(template):
    assert problems(template) == []


EXPECTED_FIELD = "expected a plain name in braces, such as {model_dir}; "
PROBLEMS = [
    ("", 'found ""; expected a command that is not empty'),
    (" \n", 'found " \\n"; expected a command that is not empty'),
    (
        "a {mdel_dir}",
        "found the unknown placeholder {mdel_dir} at character 3; expected one of VAR, model_dir, seed;"
        " did you mean {model_dir}?",
    ),
    (
        "a ${HOME}",
        "found the unknown placeholder {HOME} at character 4; expected one of VAR, model_dir, seed;"
        " a shell variable in braces is written ${{HOME}}",
    ),
    (
        "a ${sed}",
        "found the unknown placeholder {sed} at character 4; expected one of VAR, model_dir, seed;"
        " a shell variable in braces is written ${{sed}}; did you mean {seed}?",
    ),
    (
        "a ${VAR%%.*}",
        f'found "{{VAR%%.*}}" at character 4; {EXPECTED_FIELD}'
        "a shell variable in braces is written ${{VAR%%.*}}",
    ),
    (
        "a ${b[${i}]}",
        f'found "{{b[${{i}}]}}" at character 4; {EXPECTED_FIELD}'
        "a shell variable in braces is written ${{b[${{i}}]}}",
    ),
    *(
        (
            f"a {field}",
            f'found "{field}" at character 3; {EXPECTED_FIELD}literal braces are written twice: {{{field}}}',
        )
        for field in (
            "{seed.__class__}",
            "{0}",
            "{}",
            "{seed!r}",
            "{seed:>3}",
            "{seed[0]}",
            "{ seed }",
            "{é}",
        )
    ),
    (
        "a {seed",
        'found a "{" at character 3 that has no "}"; expected braces in pairs;'
        " a literal brace is written twice: {{",
    ),
    (
        "a {{seed}",
        'found a "}" at character 9 that has no "{"; expected braces in pairs;'
        " a literal brace is written twice: }}",
    ),
    ("a\0", "found a NUL character in the command; expected text that the system can pass to a program"),
    (
        "a\udc80",
        "found half a surrogate pair, U+DC80, in the command;"
        " expected text that the system can pass to a program",
    ),
]


@pytest.mark.parametrize(("template", "message"), PROBLEMS)
def test_each_problem_says_what_was_found_and_what_to_write(template, message):
    assert problems(template) == [message]


def test_all_problems_of_a_template_are_reported_in_order():
    assert [line.partition(";")[0] for line in problems("{a} {0} {seed} }\0")] == [
        "found a NUL character in the command",
        "found the unknown placeholder {a} at character 1",
        'found "{0}" at character 5',
        'found a "}" at character 16 that has no "{"',
    ]


def test_an_unclosed_brace_does_not_hide_what_follows():
    assert [line.partition(" at ")[0] for line in problems("a { {sed}")] == [
        'found a "{"',
        "found the unknown placeholder {sed}",
    ]


def test_an_empty_path_is_called_a_path():
    assert problems("", kind="path") == ['found ""; expected a path that is not empty']


# Literal text


@pytest.mark.parametrize(
    "command",
    [
        "a=(1 2); echo ${#a[@]} ${f%%.*} $((1+1)) | sort && ./train.sh",
        "cat <<'EOF' > x\n{{ task_instance }} it's\nEOF",
        "echo {{ x }} {% y %} été 日本 \u202e %s \\n",
    ],
)
def test_a_command_without_data_stays_as_it_is(command):
    template = command.replace("{", "{{").replace("}", "}}")
    assert render_command(template, {}, {}) == command
    assert render_command("# {seed}\n" + template, {}, {"seed": "7"}) == "# 7\n" + command


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).filter(str.strip))
def test_any_literal_text_comes_back(text):
    template = text.replace("{", "{{").replace("}", "}}")
    assert render_command(template, {}, {}) == text
    assert render_text(template, {}) == text
    assert template.format() == text


@given(st.text(st.sampled_from("{}ab$ :.!\\'0"), max_size=12).filter(str.strip))
@example("{a")
@example("b{a")
def test_what_is_accepted_reads_as_str_format_reads_it(template):
    names = {"a": "A", "b": "B", "ab": "C", "ba": "D"}
    if problems(template, names) == []:
        assert render_text(template, names) == template.format(**names)


# Values of the config's author


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("uv run python", "uv run python"),
        (True, "True"),
        (3, "3"),
        (0.1, "0.1"),
        ("$(x) {seed}", "$(x) {seed}"),
    ],
)
def test_written_values_go_in_as_they_are(value, text):
    assert render_command("{v} '{v}'", {"v": value}, {}) == f"{text} '{text}'"


def test_written_values_are_part_of_the_program_around_the_data():
    written = {"quote": "'", "run": "bash -c"}
    assert render_command("{run} {quote}{x}{quote}", written, {"x": "it's"}) == "bash -c 'it'\"'\"'s'"


# Data


def test_values_are_never_read_as_templates_again():
    assert render_command("echo {a} {b}", {"a": "{b}"}, {"b": "{a}"}) == "echo {b} '{a}'"


def test_a_name_has_one_origin():
    with pytest.raises(ValueError, match="both written and data: a, b"):
        render_command("x", {"a": 1, "b": 2}, {"b": "", "a": ""})


def test_an_unknown_name_is_an_error_with_its_place():
    with pytest.raises(
        ConfigError, match=r"^pool\.json: \$\.a: found the unknown placeholder \{x\} at character 1;"
    ):
        render_command("{x}", {}, {}, source="pool.json", place="$.a")


UNPASSABLE = [
    ("\0", "a NUL character in the value for {x}"),
    ("a\ud800", "half a surrogate pair, U+D800, in the value for {x}"),
]


@pytest.mark.parametrize(("value", "found"), UNPASSABLE)
@pytest.mark.parametrize("template", ["{x}", '"{x}"', "'{x}'", "cat <<'E'\n{x}\nE", "# {x}"])
def test_what_no_command_can_hold_is_refused(template, value, found):
    message = f"pool.json: $.a: found {found}; expected text that the system can pass to a program"
    for written, data in (({}, {"x": value}), ({"x": value}, {})):
        with pytest.raises(PlaceholderError) as caught:
            render_command(template, written, data, source="pool.json", place="$.a")
        assert str(caught.value) == message
    with pytest.raises(PlaceholderError):
        render_text(template, {"x": value})


def test_an_unused_value_is_not_checked():
    assert render_command("a", {}, {"x": "\0"}) == "a"


def test_a_refused_value_is_named_with_its_place_and_the_way_out():
    with pytest.raises(PlaceholderError) as caught:
        render_command(
            "let a={n} # {note}", {}, {"n": "1;x", "note": "a\nb"}, source="pool.json", place="$.a"
        )
    assert str(caught.value).splitlines() == [
        'pool.json: $.a: found the value "1;x" for {n} where bash reads arithmetic; expected an integer;'
        " take it from the environment variable ELPA_N instead",
        'pool.json: $.a: found the value "a\\nb" for {note} in a comment; expected no newline;'
        " take it from the environment variable ELPA_NOTE instead",
    ]


FIVE_PLACES = {
    "show {x}": "{x}",
    "show a{x}b": "a{x}b",
    'show "a {x}"': "a {x}",
    "show 'a {x}'": "a {x}",
    "cat <<EOF\n-{x}-\nEOF": "-{x}-\n",
}


@pytest.mark.parametrize("template", FIVE_PLACES)
def test_in_the_five_main_places_only_nul_and_surrogates_are_refused(template, tmp_path):
    refused = []
    for value in HOSTILE_VALUES:
        try:
            command = render_command(template, {}, {"x": value})
        except PlaceholderError:
            refused.append(value)
            continue
        ended = subprocess.run(
            ["bash", "-c", "--", f"show() {{ printf %s \"$@\"; }}\n{command}".encode()],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        assert ended.stdout == FIVE_PLACES[template].replace("{x}", value).encode(), command
        assert ended.stderr == b""
    assert list(tmp_path.iterdir()) == []
    ends_document = {"a\nEOF\nb", "\nEOF\ntouch canary_heredoc"} if "EOF" in template else set()
    assert (
        set(refused)
        == {value for value in HOSTILE_VALUES if re.search("[\0\ud800-\udfff]", value)} | ends_document
    )


# Text that is no command


def test_a_path_takes_every_value_as_it_is():
    assert render_text("{model_dir}/{{a}}/{seed}.csv", {"model_dir": "/a 'b", "seed": 3}) == "/a 'b/{a}/3.csv"


def test_a_path_with_an_unknown_name_is_an_error():
    with pytest.raises(ConfigError, match=r"found the unknown placeholder \{x\} at character 2"):
        render_text("/{x}", {})


# Text that another program reads


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("python train.py {seed}", []),
        ("bash -c 'echo {seed}' {model_dir}", ["seed"]),
        ('sh -c "{seed} {model_dir} {seed}"', ["seed", "model_dir"]),
        ("bash -c {seed}", ["seed"]),
        ("/bin/bash -euo pipefail -c 'a {seed}' _ {model_dir}", ["seed"]),
        ("bash -lc 'a {seed}'", ["seed"]),
        ("bash -ce 'a {seed}'", ["seed"]),
        ("bash run.sh -c {seed}", []),
        ("python3 -c'print({seed})'", ["seed"]),
        ("{python} -W ignore -c 'print({seed})'", ["seed"]),
        ("{run} -c 'print({seed})'", ["seed"]),
        ('"$PYTHON" -c "print({seed})"', ["seed"]),
        ("{python} train.py -c {model_dir}", []),
        ("cd {model_dir} && uv run python3.12 -c 'print({seed})'", ["seed"]),
        ("A=1 timeout 5 env B={model_dir} python -c 'print({seed})'", ["seed"]),
        ('x="$(python -c "print({seed})")"; echo "{model_dir}"', ["seed"]),
        ("find . -exec sh -c 'echo {seed}' {model_dir} \\;", ["seed"]),
        ("eval echo {seed} '{model_dir}'", ["seed", "model_dir"]),
        ("python train.py eval {seed}", []),
        ("nohup ssh -p 22 host 'run {seed}' {model_dir}", ["seed", "model_dir"]),
        ("trap 'rm {model_dir}' EXIT", ["model_dir"]),
        ('bash -c "$(cat {model_dir})"', []),
        ("python - {{a}} <<EOF\n{seed}\nEOF", []),
        ("python - <<EOF\n{seed}\nEOF", ["seed"]),
        ("bash <<< 'a {seed}'", ["seed"]),
        ("ssh host <<'EOF'\n{seed}\nEOF", ["seed"]),
        ("cat <<EOF > {model_dir}/c\n{seed}\nEOF", []),
        ("grep -c {seed} {model_dir}", []),
        ("# bash -c {seed}\nls {model_dir}", []),
    ],
)
def test_placeholders_in_a_program_of_its_own_are_found(template, names):
    found = dict.fromkeys(reading.name for reading in values_read_as_code(template))
    assert list(found) == names
