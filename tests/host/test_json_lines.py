"""Lines as JSON and lines with the time: whatever the chunks, the lines are the same and memory is bounded."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minisup.host.output.jsonlines import Json
from minisup.host.output.lines import Timed
from minisup.host.output.longlines import LONGEST_LINE, LongLines

NOON = 1795521600.123
TEXT = "2026-11-24T12:00:00.123Z"


def noon() -> float:
    return NOON


def lines_of(subject: LongLines, output: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    forward = kept = b""
    edges = [0, *sorted(cut % (len(output) + 1) for cut in cuts), len(output)]
    for begin, end in pairwise(edges):
        if begin < end:
            taken = subject.take(output[begin:end])
            assert len(taken[0]) <= (end - begin + LONGEST_LINE) * subject.growth
            forward, kept = forward + taken[0], kept + taken[1]
    taken = subject.end()
    return forward + taken[0], kept + taken[1]


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"\xff", b"\xc3\xa9", b'"', b"\\", b"\x00", b"\r"])),
    st.lists(st.integers(0)),
)
@example([b"\n"], [])
def test_each_line_is_an_object_whatever_the_chunks(pieces: list[bytes], cuts: list[int]) -> None:
    output = b"".join(pieces)
    forward, kept = lines_of(Json("e.mail:3", 812, "stderr", noon), output, cuts)
    assert kept == output
    expected = output.removesuffix(b"\n").split(b"\n") if output else []
    assert forward.count(b"\n") == len(expected)
    for line, text in zip(forward.splitlines(), expected, strict=True):
        assert json.loads(line) == {
            "timestamp": TEXT,
            "program": "e.mail",
            "slot": "e.mail:3",
            "run": 812,
            "stream": "stderr",
            "line": text.decode(errors="replace"),
        }


@pytest.mark.parametrize("character", [b"x", "é".encode(), "€".encode(), "🙂".encode(), b"\xbf"])
@pytest.mark.parametrize("step", [1 << 16, 6000])
def test_a_long_line_comes_in_marked_pieces_and_no_character_is_cut(character: bytes, step: int) -> None:
    line = b"a" + character * (2 * LONGEST_LINE // len(character))
    output = line + b"\nnext\n"
    forward, _ = lines_of(Json("a:0", 1, "stdout", noon), output, list(range(0, len(output), step)))
    *pieces, last, after = [json.loads(line) for line in forward.splitlines()]
    assert pieces
    assert all(piece["partial"] for piece in pieces)
    assert "partial" not in last
    assert "partial" not in after
    assert after["line"] == "next"
    assert "".join(piece["line"] for piece in [*pieces, last]) == line.decode(errors="replace")


def test_the_time_stands_before_the_prefix_of_every_line() -> None:
    times = iter([NOON, NOON, NOON + 1, NOON + 2, NOON + 61])
    timed = Timed(b"a:0 | ", None, lambda: next(times))
    forward = timed.take(b"one\ntwo\nthr")[0] + timed.take(b"ee\n")[0] + timed.take(b"rest")[0] + timed.end()[0]
    assert forward.decode().splitlines() == [
        f"{TEXT} a:0 | one",
        f"{TEXT} a:0 | two",
        "2026-11-24T12:00:01.123Z a:0 | three",
        "2026-11-24T12:01:01.123Z a:0 | rest",
    ]
