from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.host.output.lines import CONTINUED, OnTerminal, Prefixed, Raw
from minisup.host.output.longlines import LONGEST_LINE, LongLines
from minisup.host.output.tails import KEPT_BYTES, Tail

PREFIX = b"email:0 | "


def pump(lines: LongLines, chunks: list[bytes]) -> tuple[bytes, bytes]:
    """What is passed on and what is remembered of chunks and the end of the run."""
    taken = [*map(lines.take, chunks), lines.end()]
    return b"".join(forward for forward, _ in taken), b"".join(kept for _, kept in taken)


def prefixed(output: bytes) -> bytes:
    """The plain rule that `Prefixed` is a fast way of."""
    if not output:
        return b""
    return b"".join(PREFIX + line + b"\n" for line in output.removesuffix(b"\n").split(b"\n"))


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    output = draw(st.lists(st.sampled_from([b"\n", b"a", b"\xff\x00", b"email:0 | ", b"\r\n", b"line\nline\n"])))
    data = b"".join(output)
    cuts = sorted(draw(st.sets(st.integers(0, len(data)))) | {0, len(data)})
    return [data[start:end] for start, end in pairwise(cuts) if start < end]


@given(chunked())
def test_where_a_pipe_cuts_the_output_does_not_matter(chunks: list[bytes]) -> None:
    output = b"".join(chunks)
    assert pump(Prefixed(PREFIX), chunks) == (prefixed(output), output)
    assert pump(Raw(), chunks) == (output, output)


@pytest.mark.parametrize("make", [Raw, lambda: Prefixed(PREFIX)])
@given(chunks=chunked())
def test_only_whole_lines_are_passed_on_before_the_end(make: type[Raw], chunks: list[bytes]) -> None:
    lines = make()
    for chunk in chunks:
        forward, kept = lines.take(chunk)
        assert forward == b"" or forward.endswith(b"\n")
        assert kept == b"" or kept.endswith(b"\n")


@pytest.mark.parametrize("size", [1, 7, 1000, 65_536])
@pytest.mark.parametrize("length", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 3 * LONGEST_LINE + 5])
def test_a_line_of_more_than_64_kib_is_cut_and_marked(length: int, size: int) -> None:
    output = b"before\n" + b"x" * length + b"\nafter\n"
    chunks = [output[at : at + size] for at in range(0, len(output), size)]
    forward, _ = pump(Prefixed(PREFIX), chunks)
    pieces = forward.removesuffix(b"\n").split(b"\n")
    assert all(piece.startswith(PREFIX) for piece in pieces)
    assert all(len(piece) <= len(PREFIX) + LONGEST_LINE + len(CONTINUED) for piece in pieces)
    long = [piece.removeprefix(PREFIX) for piece in pieces[1:-1]]
    assert [piece.endswith(CONTINUED) for piece in long] == [True] * ((length - 1) // LONGEST_LINE) + [False]
    assert b"".join(piece.removesuffix(CONTINUED) for piece in long) == b"x" * length
    assert pieces[0] + pieces[-1] == PREFIX + b"before" + PREFIX + b"after"


CHARACTERS = ["x", "é", "€", "🙂", "a\u0301"]


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("step", [1 << 16, 6001])
@pytest.mark.parametrize("make", [Raw, lambda: Prefixed(PREFIX)])
def test_a_line_of_more_than_64_kib_is_cut_between_two_characters(character: str, step: int, make: type[Raw]) -> None:
    text = "a" + character * (2 * LONGEST_LINE // len(character.encode()))
    output = text.encode()
    lines, pieces = make(), []
    for at in range(0, len(output), step):
        forward, kept = lines.take(output[at : at + step])
        forward.decode()  # a console that many share may show another's line next
        pieces += kept.decode().splitlines()
    pieces.append(lines.end()[1].decode())
    assert "".join(pieces) == text
    assert all(LONGEST_LINE - 4 < len(piece.encode()) <= LONGEST_LINE for piece in pieces[:-1])


@pytest.mark.parametrize("character", CHARACTERS)
def test_one_line_without_an_end_in_a_large_chunk_is_remembered_from_a_whole_character_on(character: str) -> None:
    """Of a long line only its end fits; half of a letter would be shown as a question mark."""
    text = character * (40_000 // len(character.encode()))
    tail = Tail()
    tail.keep(1, "stdout", 0.0, Prefixed(PREFIX).take(text.encode() + b"\nhalf")[1])
    assert text.endswith(tail.lines()[-1].text)
    assert KEPT_BYTES - 5 < len(tail.lines()[-1].text.encode()) <= KEPT_BYTES


def test_raw_passes_long_lines_on_unchanged_and_keeps_little() -> None:
    lines = Raw()
    chunks = [b"x" * 50_000] * 10 + [b"\n"]
    out = b""
    for fed, chunk in enumerate(chunks, 1):
        out += lines.take(chunk)[0]
        assert fed * 50_000 - len(out) <= LONGEST_LINE + 50_000
    assert out + lines.end()[0] == b"".join(chunks)


def test_on_a_terminal_colours_work_and_what_else_would_command_it_is_written_out() -> None:
    lines = OnTerminal(Prefixed(PREFIX))
    output = b"10%\rsms:0 | forged\n\x1b]0;title\x07\x1b[31mred\nplain\xff\nlast\x1b[2J"
    forward, kept = pump(lines, [output[:3], output[3:30], output[30:]])
    assert kept == output, "what is remembered is what the job wrote"
    assert forward.decode().splitlines() == [
        r"email:0 | 10%\rsms:0 | forged",
        "email:0 | \\x1b]0;title\\x07\x1b[31mred\x1b[0m",
        "email:0 | plain\ufffd",
        r"email:0 | last\x1b[2J",
    ]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_no_byte_becomes_more_on_a_terminal_than_is_reckoned_with(chunks: list[bytes]) -> None:
    lines = OnTerminal(Prefixed(PREFIX))
    size = len(b"".join(chunks)) + 1
    assert len(pump(lines, [chunk for chunk in chunks if chunk])[0]) <= size * lines.growth


def test_a_large_chunk_is_remembered_by_its_end() -> None:
    chunk = b"".join(b"line %d\n" % number for number in range(7000)) + b"half"
    forward, kept = Prefixed(PREFIX).take(chunk)
    assert forward == prefixed(chunk.removesuffix(b"half"))
    assert KEPT_BYTES - 10 < len(kept) <= KEPT_BYTES
    assert kept.endswith(b"line 6999\n")
    tail = Tail()
    tail.keep(1, "stdout", 0.0, kept)
    assert [line.text for line in tail.lines(10_000)] == [f"line {number}" for number in range(6800, 7000)]


def test_no_half_line_is_remembered_of_a_large_chunk() -> None:
    chunk = b"".join(b"%d %s\n" % (number, b"x" * 400) for number in range(160)) + b"half"
    tail = Tail()
    tail.keep(1, "stdout", 0.0, Prefixed(PREFIX).take(chunk)[1])
    texts = [line.text for line in tail.lines()]
    assert texts == [f"{number} {'x' * 400}" for number in range(160 - len(texts), 160)]
    assert len(texts) > 75
