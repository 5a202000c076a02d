"""What jobs and servers say, where a terminal reads it: colours at most."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.cli import output
from minisup.escapes import visible, visible_but_colours

LETTERS = "plain \u00e9 \u65e5\u672c \U0001f642 a\u0301 \u05d0 tab\t."


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (LETTERS, LETTERS),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;cm0gLXJmIC8=\x1b\\", "\\x1b]52;c;cm0gLXJmIC8=\\x1b\\"),
        ("10%\rother:0 | forged", r"10%\rother:0 | forged"),
        ("windows\r", "windows"),
        ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
        ("\x9b31m \x85 \x7f \b", r"\x9b31m \x85 \x7f \x08"),
        ("\u202edrowssap\u2066", r"\u202edrowssap\u2066"),
        ("a\u2028b", r"a\u2028b"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
        ("\x1b[38:2::1:2:3mleft red", "\x1b[38:2::1:2:3mleft red\x1b[0m"),
        ("\x1b[31mred\x1b[5n", "\x1b[31mred\\x1b[5n\x1b[0m"),
        ("\x1b[>4;2m \x1b[?25l", r"\x1b[>4;2m \x1b[?25l"),
        ("", ""),
    ],
)  # fmt: skip
def test_colours_work_and_all_else_is_written_out(line, shown):
    assert visible_but_colours(line) == shown


@given(st.text(alphabet=st.sampled_from("\x1b[]0;31mH\r\n\x07\x9b\\\t a\u202e")))
def test_nothing_but_colours_gets_through(text):
    shown = visible_but_colours(text.replace("\n", ""))
    for piece in shown.split("\x1b")[1:]:
        assert piece.startswith("[")
        assert piece[1:].lstrip("0123456789;:").startswith("m")
    assert not {"\r", "\n", "\x07", "\x9b", "\u202e"} & set(shown)
    assert "\x1b" not in visible(text)


def test_a_sentence_may_have_more_lines_only_if_they_are_indented():
    assert visible("2 problems\n  one\nwarning: forged") == "2 problems\n  one\\nwarning: forged"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_only_a_terminal_needs_that():
    title = "\x1b]0;title\x07"
    assert output.as_shown(Terminal())(title) == r"\x1b]0;title\x07"
    assert output.as_shown(Terminal(), raw=True)(title) == title
    assert output.as_shown(io.StringIO())(title) == title
    assert output.as_shown(None)(title) == title


def test_what_a_stranger_at_a_socket_answers_does_not_command_the_terminal(capsys):
    """Root types `minisup status` in a directory whose `minisup.toml` names the socket of its owner."""
    output.complain("cannot do that: \x1b]0;title\x07\x1b[2J\n  try again")
    assert capsys.readouterr().err == "cannot do that: \\x1b]0;title\\x07\\x1b[2J\n  try again\n"
    assert output.names(["a:0\x1b[2J", "a:1"]) == "a:0\\x1b[2J, a:1"
