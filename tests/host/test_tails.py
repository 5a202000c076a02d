import pytest

from minisup.host.output.tails import KEPT_BYTES, KEPT_LINES, LONGEST_CAUSE, Tail, TailLine


def keep(tail: Tail, data: bytes, run: int = 1, stream: str = "stdout") -> None:
    tail.keep(run, stream, 12.5, data)


def test_lines_come_oldest_first_with_run_stream_and_time() -> None:
    tail = Tail()
    keep(tail, b"one\ntwo\n")
    keep(tail, b"three\n", run=2, stream="stderr")
    assert tail.lines() == [
        TailLine(1, "stdout", "one", 12.5),
        TailLine(1, "stdout", "two", 12.5),
        TailLine(2, "stderr", "three", 12.5),
    ]
    assert [line.text for line in tail.lines(2)] == ["two", "three"]
    assert [line.text for line in tail.lines(2, run=1)] == ["one", "two"]
    assert tail.lines(0) == []


@pytest.mark.parametrize("together", [1, 10, 5000])
def test_two_hundred_short_lines_are_kept(together: int) -> None:
    tail = Tail()
    lines = [b"%d\n" % number for number in range(5000)]
    for at in range(0, 5000, together):
        keep(tail, b"".join(lines[at : at + together]))
    assert [line.text for line in tail.lines(1000)] == [str(number) for number in range(4800, 5000)]


@pytest.mark.parametrize("together", [1, 3, 200])
def test_long_lines_are_kept_up_to_32_kib(together: int) -> None:
    tail = Tail()
    lines = [b"%0999d\n" % number for number in range(200)]
    for at in range(0, 200, together):
        keep(tail, b"".join(lines[at : at + together]))
    assert [int(line.text) for line in tail.lines()] == list(range(200 - KEPT_BYTES // 1000, 200))


def test_the_memory_of_a_tail_is_bounded_however_output_comes() -> None:
    tail = Tail()
    for size in (10, 70_000, 1, 40_000, 32_768, 100) * 100:
        keep(tail, b"x" * (size - 1) + b"\n")
        assert sum(len(block[3]) for block in tail._blocks) <= 2 * KEPT_BYTES
        assert len(tail._blocks) <= KEPT_LINES


def test_a_line_that_is_longer_than_all_that_is_kept_is_kept_by_its_end() -> None:
    tail = Tail()
    keep(tail, b"x" * 50_000 + b"end\n")
    (line,) = tail.lines()
    assert line.text.endswith("end")
    assert KEPT_BYTES - 10 < len(line.text) <= KEPT_BYTES


@pytest.mark.parametrize("character", ["é", "€", "🙂"])
@pytest.mark.parametrize("lead", ["", "a", "aa", "aaa"])
def test_no_character_is_cut_wherever_a_tail_begins_or_ends(character: str, lead: str) -> None:
    text = lead + character * (50_000 // len(character.encode())) + lead
    tail = Tail()
    keep(tail, text.encode() + b"\n")
    assert text.endswith(tail.lines()[0].text)
    for limit in range(8192, 8197):  # the bytes that the history keeps
        kept = tail.text(1, limit)
        assert limit - 4 < len(kept) <= limit
        assert text.endswith(kept.decode().removesuffix("\n"))
    (recent,), _ = tail.recent(1)
    assert recent in text
    assert "\ufffd" not in tail.last_line(1)


def test_a_line_that_just_fits_is_kept_whole() -> None:
    tail = Tail()
    keep(tail, b"first\nsecond\n")
    assert tail.text(1, 7) == b"second\n"
    assert tail.text(1, 6) == b"econd\n"


def test_bytes_that_are_no_text_are_replaced() -> None:
    tail = Tail()
    keep(tail, b"caf\xe9\n")
    assert tail.lines()[0].text == "caf\ufffd"


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (b"", ""),
        (b"\n \n\t\n", ""),
        (b"first\nlast\n\n  \n", "last"),
        (b"no newline", "no newline"),
        (b"\x1b[1;31mFatal\x1b[0m: gone\x07\n", "Fatal: gone"),
        (b"\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "text link"),
        (b"10 %\r 100 %\ttab\x00nul\x7f\n", "10 % 100 % tabnul"),
        (b"right\xe2\x80\xaeto left\n", "rightto left"),
        (b"\xff\xfe\n", "\ufffd\ufffd"),
        (b"half an escape \x1b[\n", "half an escape"),
        (b"\x1b[31m\n\x1b[0m\n", ""),
        ("π\n".encode(), "π"),
    ],
)
def test_the_last_line_that_says_something_is_the_cause(output: bytes, cause: str) -> None:
    tail = Tail()
    keep(tail, output)
    assert tail.last_line(1) == cause


def test_a_long_last_line_is_cut() -> None:
    tail = Tail()
    keep(tail, b"y" * 60_000 + b"\n")
    assert tail.last_line(1) == "y" * (LONGEST_CAUSE - 3) + "..."


def test_the_last_line_is_that_of_the_run_asked_for() -> None:
    tail = Tail()
    keep(tail, b"of one\n", run=1)
    keep(tail, b"of two\n", run=2)
    keep(tail, b"late, of one\n", run=1)
    assert tail.last_line(2) == "of two"
    assert tail.last_line(1) == "late, of one"
    assert tail.last_line(3) == ""
