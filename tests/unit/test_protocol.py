"""Requests and replies: whatever arrives, there is a call or a reply that the standard allows."""

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minisup.control.protocol import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    MAX_LINE,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Call,
    Fault,
    LineBuffer,
    error_line,
    parse,
    refusal_line,
    result_line,
)
from minisup.errors import MinisupError, NoSuchTargetError, TakenError
from minisup.host.requests.verbs import VERBS


def request(method="status", identity=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}).encode()


def fault_of(line):
    with pytest.raises(Fault) as raised:
        parse(line, VERBS)
    reply = json.loads(raised.value.reply())
    assert reply["jsonrpc"] == "2.0"
    assert reply["error"]["code"] == raised.value.code
    assert reply["error"]["message"].startswith("cannot ")
    return raised.value, reply


def code_of(line):
    return fault_of(line)[0].code


def whole(data):
    lines = LineBuffer()
    lines.feed(data)
    return lines


# --- lines ------------------------------------------------------------------------------------------------------------


def test_a_line_that_comes_in_pieces_is_one_line():
    lines = LineBuffer()
    for piece in (b'{"a"', b": 1", b"}"):
        lines.feed(piece)
        assert not lines.waiting
        assert lines.next() is None
    lines.feed(b'\n{"b"')
    assert lines.waiting
    assert lines.next() == b'{"a": 1}'
    assert lines.next() is None


def test_blank_lines_and_carriage_returns_are_no_requests():
    lines = whole(b"\n \r\n{}\r\n\n")
    assert lines.next() == b"{}"
    assert lines.next() is None


@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore"], ids=["unfinished", "finished", "followed"])
def test_a_line_over_the_limit_is_refused_and_ends_the_connection(end):
    lines = whole(b"x" * (MAX_LINE + 1) + end)
    assert lines.waiting
    with pytest.raises(Fault) as raised:
        lines.next()
    assert raised.value.code == INVALID_REQUEST
    assert raised.value.closes


def test_a_line_at_the_limit_is_taken():
    assert len(whole(b"x" * MAX_LINE + b"\n").next()) == MAX_LINE
    assert whole(b"x" * MAX_LINE).next() is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=20).filter(lambda piece: b"\n" not in piece), max_size=6), st.integers(1, 7))
def test_lines_are_the_same_however_they_are_cut(texts, size):
    data = b"".join(text + b"\n" for text in texts)
    lines, found = LineBuffer(), []
    for start in range(0, len(data), size):
        lines.feed(data[start : start + size])
        while (line := lines.next()) is not None:
            found.append(line)
    assert found == [text.strip() for text in texts if text.strip()]


# --- requests ---------------------------------------------------------------------------------------------------------


def test_params_may_be_left_out_and_every_parameter_then_has_its_default():
    call = parse(b'{"jsonrpc": "2.0", "id": "a", "method": "logs"}', VERBS)
    assert call == Call("a", "logs", {"targets": (), "lines": 100, "run": None}, wants_reply=True)
    assert parse(b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": null}', VERBS).params == {"targets": ()}


def test_a_string_is_accepted_as_targets():
    assert parse(request(targets="email"), VERBS).params == {"targets": ("email",)}
    assert parse(request("stop", targets="all"), VERBS).params["targets"] == ("all",)


def test_every_parameter_arrives_as_its_type():
    params = parse(request("restart", targets=["a", "b:1"], now=True, wait=True, timeout=3), VERBS).params
    assert params == {"targets": ("a", "b:1"), "now": True, "wait": True, "timeout": 3.0, "progress": False}
    assert isinstance(params["timeout"], float)


def test_a_request_without_an_id_is_a_notification():
    assert not parse(b'{"jsonrpc": "2.0", "method": "version"}', VERBS).wants_reply
    fault, _ = fault_of(b'{"jsonrpc": "2.0", "method": "nonsense"}')
    assert not fault.wants_reply
    assert fault_of(b'{"method": "version"}')[0].wants_reply, "what is no request at all is always told so"


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"\xff\xfe\x00",
        b'{"jsonrpc": "2.0"',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"jsonrpc": "2.0", "id": NaN, "method": "version"}',
        b'{"jsonrpc": "2.0", "id": -Infinity, "method": "version"}',
        b'{"id": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_json_is_a_parse_error(line):
    fault, reply = fault_of(line)
    assert fault.code == PARSE_ERROR
    assert reply["id"] is None
    assert not fault.closes


@pytest.mark.parametrize(
    "line",
    [
        b"42",
        b"null",
        b'"version"',
        b"{}",
        b'{"id": 1, "method": "version"}',
        b'{"jsonrpc": 2.0, "id": 1, "method": "version"}',
        b'{"jsonrpc": "2.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "method": ["status"]}',
        b'{"jsonrpc": "2.0", "id": true, "method": "version"}',
        b'{"jsonrpc": "2.0", "id": [1], "method": "version"}',
        b'{"jsonrpc": "2.0", "id": 1e999, "method": "version"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": 5}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": "email"}',
    ],
)
def test_what_is_no_request_is_an_invalid_one(line):
    fault, _ = fault_of(line)
    assert fault.code == INVALID_REQUEST
    assert not fault.closes


@pytest.mark.parametrize("line", [b"[]", b"[" + request() + b"]"])
def test_a_batch_is_refused_and_ends_the_connection(line):
    fault, _ = fault_of(line)
    assert (fault.code, fault.closes) == (INVALID_REQUEST, True)


def test_an_unknown_method_is_not_found():
    assert code_of(request("explode")) == METHOD_NOT_FOUND
    assert code_of(request("__init__")) == METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("status", {"x": 1}, '"x"'),
        ("version", {"targets": ["a"]}, '"targets"'),
        ("status", {"targets": 5}, "targets"),
        ("status", {"targets": [1]}, "targets"),
        ("status", {"targets": ["\ud800"]}, "targets"),
        ("status", {"targets": {"a": 1}}, "targets"),
        ("stop", {}, "targets"),
        ("stop", {"targets": []}, "targets"),
        ("stop", {"targets": None}, "targets"),
        ("stop", {"targets": ["a"], "now": 1}, "now"),
        ("stop", {"targets": ["a"], "wait": "yes"}, "wait"),
        ("stop", {"targets": ["a"], "timeout": -1}, "timeout"),
        ("stop", {"targets": ["a"], "timeout": True}, "timeout"),
        ("stop", {"targets": ["a"], "timeout": "5m"}, "timeout"),
        ("health", {"max_age": 1e300}, "max_age"),
        ("logs", {"lines": 1.5}, "lines"),
        ("logs", {"lines": -1}, "lines"),
        ("logs", {"run": True}, "run"),
        ("logs", {"run": 2**64}, "run"),
    ],
)
def test_wrong_and_unknown_parameters_are_named(method, params, named):
    fault, reply = fault_of(request(method, identity=9, **params))
    assert fault.code == INVALID_PARAMS
    assert reply["id"] == 9
    assert named in reply["error"]["message"]


def test_params_by_position_are_refused():
    assert code_of(b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": ["email"]}') == INVALID_PARAMS


# --- replies ----------------------------------------------------------------------------------------------------------


def test_our_errors_carry_their_exit_code_targets_and_hint():
    reply = json.loads(refusal_line(3, NoSuchTargetError("cannot find x", ["x"], "did you mean y?")))
    assert reply == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {
            "code": -32004,
            "message": "cannot find x",
            "data": {"targets": ["x"], "hint": "did you mean y?"},
        },
    }
    assert json.loads(refusal_line(None, TakenError("cannot")))["error"]["code"] == -32073
    assert json.loads(refusal_line(None, MinisupError("cannot")))["error"]["data"] == {"targets": [], "hint": ""}


def test_a_reply_is_one_line_whatever_is_in_it():
    line = result_line("\n", {"text": "a\nb\u2028\ud800"})
    assert line.count(b"\n") == 1
    assert json.loads(line)["result"] == {"text": "a\nb\u2028\ud800"}


@pytest.mark.parametrize("result", [math.nan, math.inf, {1, 2}, object(), {"a": b"bytes"}])
def test_what_is_no_plain_data_is_not_sent(result):
    with pytest.raises((TypeError, ValueError)):
        result_line(1, result)


# --- whatever arrives -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": st.sampled_from([*VERBS]) | JSON,
        "params": st.dictionaries(st.sampled_from(["targets", "now", "wait", "timeout", "lines", "x"]), JSON) | JSON,
    },
).map(lambda request: json.dumps(request).encode())


def assert_valid_reply(line):
    def no_constant(name):
        raise AssertionError(f"{name} is no JSON")

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    reply = json.loads(line, parse_constant=no_constant)
    assert reply["jsonrpc"] == "2.0"
    assert set(reply) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
    assert reply["id"] is None or (isinstance(reply["id"], str | int | float) and not isinstance(reply["id"], bool))
    if "error" in reply:
        assert isinstance(reply["error"]["code"], int)
        assert isinstance(reply["error"]["message"], str)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | NEARLY | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"\xef\xbb\xbf{}")
@example(b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}')
def test_arbitrary_bytes_never_raise_anything_but_a_fault_with_a_valid_reply(data):
    lines = whole(data + b"\n")
    for _ in range(len(data) + 2):
        try:
            line = lines.next()
            if line is None:
                return
            call = parse(line, VERBS)
        except Fault as fault:
            assert_valid_reply(fault.reply())
        else:
            assert set(call.params) == set(VERBS[call.method].parameters)
            assert_valid_reply(result_line(call.id, {"ok": True}))
            assert_valid_reply(error_line(call.id, -32603, "cannot"))
    pytest.fail("lines do not end")


WRONG = (
    None,
    True,
    -1,
    1.5,
    1e308,
    float("nan"),
    10**30,
    "",
    "\0",
    "x" * 5000,
    [],
    {},
    [[]],
    [{}],
    {"a": []},
    ["\ud800"],
)


@pytest.mark.parametrize("method", VERBS)
def test_a_value_of_the_wrong_type_is_refused_in_words_and_is_no_internal_error(method):
    for name, parameter in VERBS[method].parameters.items():
        for value in WRONG:
            try:
                parameter.read(name, value)
            except ValueError as error:
                assert str(error).startswith(f"{name} ")  # noqa: PT017 - some of them are right
