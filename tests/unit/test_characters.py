"""Where bytes are cut: between characters of UTF-8, and anywhere in what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.host.characters import cut_after, cut_before, last_lines


@given(st.text(min_size=1), st.integers(0, 40))
def test_text_is_cut_into_two_texts(text: str, size: int) -> None:
    data = text.encode()
    before = cut_before(data, size)
    assert size - 3 <= before <= size
    head = data[:before].decode()
    assert data.decode().startswith(head)
    if size < len(data):
        after = cut_after(data, size)
        assert size <= after <= size + 3
        assert data.decode().endswith(data[after:].decode())


@given(st.binary(max_size=40), st.integers(0, 40))
def test_what_is_no_text_is_cut_near_the_place(data: bytes, size: int) -> None:
    assert size - 3 <= cut_before(data, size) <= size
    assert size <= cut_after(data, size) <= size + 3


@pytest.mark.parametrize(("limit", "kept"), [(3, b"b\n"), (2, b"b\n"), (4, b"a\nb\n"), (1, b"\n"), (9, b"a\nb\n")])
def test_the_last_whole_lines(limit: int, kept: bytes) -> None:
    assert last_lines(b"a\nb\n", limit) == kept
