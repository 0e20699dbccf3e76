"""Bash's own view of a command, without running any of it. About 1 s."""

import pytest

from elpa_core.processes.bash_syntax import syntax_complaint


@pytest.mark.parametrize(
    ("command", "line", "words"),
    [
        ('python x.py "a', 1, "unexpected EOF while looking for matching"),
        ("if true; then x", 1, "unexpected end of file"),
        ("echo a\nfi", 2, "syntax error near unexpected token `fi'"),
        ("x /data/load (1).csv", 1, "syntax error near unexpected token"),
        ("ls !(a)", 1, "syntax error near unexpected token"),
        ("echo $(if)", 1, "syntax error near unexpected token"),
        ("if true; then\r\n  x\r\nfi\r\n", 3, "unexpected end of file"),
    ],
)
def test_what_bash_cannot_read(command, line, words):
    complaint = syntax_complaint(command)
    assert complaint is not None
    assert complaint.is_error
    assert words in complaint.words
    assert complaint.line == line


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "shopt -s extglob\nls !(a|b)",
        "[[ a == !(b) ]]",
        "cat <<'E'\n(\nE",
        "exit 3",
        "-c",
        "x" * 200_000,
        "echo \u00fc\u2028 $'\\x00'",
    ],
)
def test_what_bash_can_read(command):
    assert syntax_complaint(command) is None


def test_a_document_without_an_end_is_only_a_complaint():
    complaint = syntax_complaint("cat <<E\na")
    assert complaint is not None
    assert not complaint.is_error
    assert "here-document" in complaint.words


@pytest.mark.parametrize(
    "command",
    [
        "touch {ran}",
        "echo $(touch {ran}) `touch {ran}` <(touch {ran}) $((x[$(touch {ran})]))",
        "set +n; touch {ran}",
        "shopt -s extglob; trap 'touch {ran}' EXIT DEBUG; exit",
        "alias x='touch {ran}'\nx",
        "touch {ran}\nif",
        "f() { touch {ran}; }; f",
        "declare -i n='a[$(touch {ran})]'",
        "exec < /dev/stdin; . {file}",
    ],
)
def test_nothing_of_a_command_runs(tmp_path, monkeypatch, command):
    ran, file = tmp_path / "ran", tmp_path / "file"
    file.write_text(f"touch {ran}\n")
    for name in ("BASH_ENV", "ENV"):
        monkeypatch.setenv(name, str(file))
    monkeypatch.setenv("PS4", f"$(touch {ran})")
    monkeypatch.setenv("SHELLOPTS", "xtrace")
    monkeypatch.setenv("BASH_FUNC_touch%%", f"() {{ echo > {ran}; }}")
    syntax_complaint(command.replace("{ran}", str(ran)).replace("{file}", str(file)))
    assert not ran.exists()
