"""Text in the cells of a terminal: wide letters take two, marks none, and no line is wider than it may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.cell_width import cut, cut_inside, padded, width, wrapped

JAPANESE = "接続が拒否されました"
TEXTS = st.text(st.sampled_from("ab .,接続。é\u0301\u200d한🐍"), max_size=60)


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("", 0), (JAPANESE, 20), ("é", 1), ("e\u0301", 1), ("🐍", 2), ("ﾊﾝ", 2), ("…●▁", 3)],
)
def test_the_width_of_a_text(text, cells):
    assert width(text) == cells


def test_a_text_is_cut_between_two_letters():
    assert cut(JAPANESE, 20) == JAPANESE
    assert cut(JAPANESE, 10) == "接続が拒…"
    assert cut("abcdef", 4, "..") == "ab.."
    assert (cut("abc", 1), cut("abc", 0), cut("abc", 1, "..")) == ("…", "", ".")


def test_a_name_keeps_its_end_which_tells_it_from_its_neighbours():
    assert cut_inside("notifications-mail-priority-a", 13) == "notifi…rity-a"
    assert cut_inside("notifications-mail-priority-b", 13) == "notifi…rity-b"
    assert cut_inside("short", 13) == "short"
    assert cut_inside("longer", 3) == "lo…"


def test_a_text_is_padded_to_cells():
    assert padded("接", 4) == "接  "
    assert padded("接", 4, right=True) == "  接"
    assert padded("toolong", 4) == "toolong"


def test_a_sentence_is_wrapped_at_spaces_and_a_japanese_one_anywhere_but_before_its_full_stop():
    assert wrapped("one two three four", 9) == ["one two", "three", "four"]
    assert wrapped("  one two three", 9, "  ") == ["  one two", "  three"]
    assert wrapped("接続が拒否されました。", 10) == ["接続が拒否", "されまし", "た。"]
    assert wrapped("", 9) == [""]
    assert wrapped("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrapped("ab cd", 0) == ["ab", "cd"]


@given(TEXTS, st.integers(min_value=-3, max_value=30), st.integers(min_value=0, max_value=8))
def test_nothing_is_lost_and_no_line_is_too_wide(text, cells, indent):
    lines = wrapped(text, cells, " " * indent)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(width, lines)) <= max(cells, indent + 2)


@given(TEXTS, st.integers(min_value=0, max_value=30))
def test_what_is_cut_is_never_too_wide(text, cells):
    for shortened in (cut(text, cells), cut(text, cells, ".."), cut_inside(text, cells), cut_inside(text, cells, "..")):
        assert width(shortened) <= cells
    assert width(padded(cut(text, cells), cells)) == cells
