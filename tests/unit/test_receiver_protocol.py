"""The lines between minisup and a receiver: what one end writes the other reads, whatever the bytes."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.receivers import protocol
from minisup.receivers.protocol import (
    LONGEST_BODY,
    LONGEST_LINE,
    LONGEST_MESSAGE,
    Ack,
    Connected,
    Credit,
    Keep,
    Known,
    Lines,
    Lost,
    Message,
    NonsenseError,
    Reject,
    Return,
    Settled,
    Source,
    Stop,
    Stopped,
    Trouble,
    Waiting,
)

BODIES = {
    "empty": b"",
    "text": "größer 🐘\n".encode(),
    "a MiB": b"x" * LONGEST_BODY,
    "a MiB of NUL": bytes(LONGEST_BODY),
    "a MiB of every byte": bytes(range(256)) * 4096,
    "a MiB of elephants": "🐘".encode() * (LONGEST_BODY // 4),
    "no UTF-8": b"\xff\xfe\x00",
}


def one_line(data: bytes) -> bytes:
    [line] = Lines().feed(data)
    return line


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_arrives_as_it_was_to_the_byte(body):
    sent = Message("id", body, 3, 1790000000.25, {"name": "größe"}, "receipt")
    got = protocol.said(one_line(protocol.message(sent)))
    assert isinstance(got, Message)
    assert hashlib.sha256(got.body).digest() == hashlib.sha256(body).digest()
    assert got == sent


def test_a_body_is_never_written_at_twice_its_length():
    assert max(len(protocol.message(Message("a", body, 1, None, {}, "r"))) for body in BODIES.values()) < 1.4 * (
        1 << 20
    )


@pytest.mark.parametrize("escape", [True, False])
def test_whatever_way_a_body_of_a_mib_is_written_in_json_it_fits(escape):
    for body in ("\0" * LONGEST_BODY, "🐘" * (LONGEST_BODY // 4)):
        line = json.dumps({"message": "a", "body": body}, ensure_ascii=escape).encode()
        assert len(line) < LONGEST_MESSAGE
        assert protocol.said(line) == Message("a", body.encode(), 1, None, {}, "a")


def test_what_minisup_says_is_what_a_receiver_hears():
    said = b"".join(
        (
            protocol.source({"kind": "directory", "lease": 120.0}),
            protocol.known({"a": "receipt"}),
            protocol.credit(3, 17),
            protocol.ack(["a", "ü"]),
            protocol.give_back("a", 1.5),
            protocol.reject("a", "exit 65"),
            protocol.keep(["a"], 120.0),
            protocol.stop(2.5),
        )
    )
    assert [protocol.told(line) for line in Lines().feed(said)] == [
        Source({"kind": "directory", "lease": 120.0}),
        Known({"a": "receipt"}),
        Credit(3, 17),
        Ack(("a", "ü")),
        Return("a", 1.5),
        Reject("a", "exit 65"),
        Keep(("a",), 120.0),
        Stop(2.5),
    ]


def test_what_a_receiver_says_is_what_minisup_hears():
    said = b"".join((protocol.settled(["a"]), protocol.lost("b"), protocol.waiting(312), protocol.error("no\nway"))) + (
        protocol.ok() + protocol.ok(5) + protocol.STOPPED
    )
    assert [protocol.said(line) for line in Lines().feed(said)] == [
        Settled(("a",)),
        Lost("b"),
        Waiting(312),
        Trouble("no way"),
        Connected(),
        Connected(5),
        Stopped(),
    ]


def test_many_ids_are_more_lines_none_longer_than_a_line_may_be():
    ids = [f"{number:05d}" + "\u0001" * 500 for number in range(500)]
    for data in (protocol.ack(ids), protocol.keep(ids, 1.0), protocol.known(dict.fromkeys(ids, "ü" * 4096))):
        lines = Lines().feed(data)
        assert max(map(len, lines)) <= LONGEST_LINE
    assert [which for line in Lines().feed(protocol.settled(ids)) for which in json.loads(line)["settled"]] == ids
    assert protocol.ack([]) == protocol.known({}) == b""


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"[]", b'{"credit": "x", "given": 0}', b'{"hello": 1}', b"[" * 9000]
)
def test_a_receiver_leaves_out_what_it_does_not_know(line):
    assert protocol.told(line) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"Traceback (most recent call last):", "no JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"hello": 1}', "no word of the protocol"),
        (b'{"settled": "a"}', "no list"),
        (b'{"settled": [7]}', "no printable text"),
        (b'{"settled": ["\\ud800"]}', "no printable text"),
        (b'{"lost": ""}', "no printable text"),
        (b'{"waiting": -1}', "no whole number"),
        (b'{"waiting": true}', "no whole number"),
        (b'{"ok": 1}', "not true"),
        (b'{"ok": true, "max_receives": 0}', "max_receives"),
        (b'{"stopped": false}', "not true"),
        (b'{"settled": [' + b'"a",' * 20_000 + b'"a"]}', "longer than 65,536"),
        (b'{"message": "a"}', "needs body or body64"),
        (b'{"message": "a", "body": "x", "body64": "eA=="}', "one of them"),
        (b'{"message": "a", "body64": "%%"}', "cannot be read"),
        (b'{"message": "a", "body": "\\ud800"}', "cannot be read"),
        (b'{"message": "a\\n", "body": ""}', "no printable text"),
        (b'{"message": "a", "body": "", "receives": 0}', "receives"),
        (b'{"message": "a", "body": "", "receives": 1.5}', "receives"),
        (b'{"message": "a", "body": "", "sent": true}', "sent"),
        (b'{"message": "a", "body": "", "sent": "now"}', "sent"),
        (b'{"message": "a", "body": "", "receipt": 7}', "receipt"),
        (b'{"message": "a", "body": "", "attributes": []}', "attributes"),
        (b'{"message": "a", "body": "' + b"x" * (LONGEST_BODY + 1) + b'"}', "more than 1,048,576"),
    ],
)
def test_nonsense_is_told_in_words(line, why):
    with pytest.raises(NonsenseError, match=why):
        protocol.said(line)


@pytest.mark.parametrize("sent", ["-1", "253402300799", "4e11", "NaN", "1e999", "9" * 4000])
def test_a_message_from_a_moment_without_a_name_has_no_moment(sent):
    assert protocol.said(b'{"message": "a", "body": "", "sent": %s}' % sent.encode()).sent is None


WORDS = st.sampled_from(["message", "settled", "lost", "waiting", "error", "ok", "stopped", "body"])
VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5)
OBJECTS = st.builds(lambda word, value: json.dumps({word: value}).encode(), WORDS, VALUES)


@given(st.binary(max_size=200) | OBJECTS)
def test_no_line_makes_minisup_raise_anything_else(line):
    try:
        problem = ""
        protocol.said(line)
    except NonsenseError as error:
        problem = str(error)
    assert problem.isprintable()
    protocol.told(line)


@given(st.lists(st.binary(min_size=1, max_size=9).filter(lambda line: b"\n" not in line)), st.integers(1, 7))
def test_lines_are_the_same_in_whatever_pieces_they_come(lines, size):
    data = b"".join(line + b"\n" for line in lines)
    whole = Lines()
    assert [line for at in range(0, len(data), size) for line in whole.feed(data[at : at + size])] == lines


def test_a_line_without_an_end_is_given_up_before_it_fills_the_memory():
    lines = Lines()
    for _ in range(LONGEST_MESSAGE // 65_536):
        lines.feed(b"x" * 65_536)
    with pytest.raises(NonsenseError, match="longer than"):
        lines.feed(b"x" * 65_536)
    with pytest.raises(NonsenseError, match="longer than"):
        Lines().feed(b"x" * (LONGEST_MESSAGE + 1) + b"\n")


def test_attributes_are_bounded_and_what_no_environment_can_hold_is_left_out():
    many = {f"name{number}": "x" for number in range(100)}
    assert list(protocol.bounded(many)) == list(many)[:32]
    assert protocol.bounded({"a": "b", "nul": "\0", "number": 7, "half": "\ud800", "": "x"}) == {"a": "b"}
    assert protocol.bounded({"small": "x", "big": "x" * 40_000, "late": "y"}) == {"small": "x"}


def test_credit_is_a_whole_number_beside_what_has_been_given():
    assert protocol.credit(3, 5) == b'{"credit": 3, "given": 5}\n'
    assert protocol.told(one_line(protocol.credit(-1, 5))) == Credit(0, 5)
    assert protocol.told(one_line(protocol.credit(10**9, 5))) == Credit(10_000, 5)
