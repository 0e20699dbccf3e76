"""Lines for people: plain, one per problem, coloured only on a terminal. Under 1 s."""

import os
import pty

import pytest

from elpa_core.cli.console import print_block, print_line, print_problem


def test_a_problem_is_one_plain_line_on_standard_error(capsys):
    print_problem("error", "a\nb\x1b[31m\r\u202e" + "x" * 500)
    assert capsys.readouterr() == ("", r"error: a\nb\x1b[31m\r\u202e" + "x" * 500 + "\n")


def test_a_line_is_one_line(capsys):
    print_line("a\nb\x07")
    assert capsys.readouterr() == ("a\\nb\\x07\n", "")


def test_a_block_keeps_its_lines_and_nothing_else_that_moves_the_cursor(capsys):
    print_block("a\n\tb\r\n", "  ")
    assert capsys.readouterr() == ("  a\n  \\tb\\r\n  \n", "")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, b"\x1b[31merror:\x1b[0m pool.json: found "),
        ({"NO_COLOR": "1"}, b"error: pool.json: found "),
    ],
    ids=["terminal", "NO_COLOR"],
)
def test_colour_is_for_terminals(elpa_alone, monkeypatch, env, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    try:
        elpa_alone("validate", "pool.json", env=env, stderr=theirs)
        assert os.read(ours, 1000).startswith(expected)
    finally:
        os.close(ours)
        os.close(theirs)
