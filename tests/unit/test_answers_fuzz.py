"""Whatever is answered (by a probe, our helper as the job's user, the agent of ECS) is a number or plain words."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisup.host.integrations.agent import trouble
from minisup.host.integrations.http_call import HttpAnswer
from minisup.probes.number import LONGEST, MOST, NoNumberError, answer_in, number_in, sayable, whole

DEEP = "[" * 100_000
DEEP_OBJECT = '{"visible": ' * 100_000
ODD = st.sampled_from(
    [
        "NaN",
        "1e999",
        "-1e999",
        "9" * 4000,
        "-" + "9" * 4000,
        "9" * 5000,
        "-0.0",
        "1e308",
        '"\\ud800"',
        "null",
        "true",
        DEEP,
        DEEP_OBJECT,
        "[" * 900 + "]" * 900,
        '{"visible": 1, "visible": -1}',
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FUZZ = settings(deadline=None, max_examples=200)


def is_plain(text):
    """Whether it can be shown on every terminal, written to every log and sent as JSON."""
    text.encode()
    return text.isprintable() and len(text) <= LONGEST


@FUZZ
@given(st.text() | ODD | JSON.map(json.dumps), st.none() | st.sampled_from(["visible", "0", "a.0.b"]))
def test_the_number_in_any_answer_is_a_count_or_there_is_none(text, path):
    try:
        answer = number_in(text, path)
    except NoNumberError as error:
        answer = str(error)
    assert is_plain(answer) if isinstance(answer, str) else (type(answer) is int and 0 <= answer <= MOST)


def test_letters_beyond_the_first_plane_do_not_make_a_reason_longer_than_a_line():
    with pytest.raises(NoNumberError) as caught:
        number_in("\U0001d42c" * 500)
    assert is_plain(str(caught.value))


LINES = st.fixed_dictionaries({}, optional={"visible": JSON, "error": JSON}).map(lambda said: json.dumps(said).encode())


@FUZZ
@given(st.binary() | LINES | ODD.map(lambda text: b'{"visible": ' + text.encode() + b"}") | ODD.map(str.encode))
def test_any_line_of_a_helper_is_a_count_or_words(line):
    answer = answer_in(line)
    if answer is not None:
        count, error = answer
        assert is_plain(error)
        assert (count is None) == bool(error)
        assert count is None or (type(count) is int and 0 <= count <= MOST)


SAID = st.fixed_dictionaries({}, optional=dict.fromkeys(("failure", "error", "protection"), JSON))
WORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(("Reason", "Detail", "Code", "Message"), JSON))
BODIES = (
    st.binary()
    | ODD.map(str.encode)
    | (SAID | st.dictionaries(st.sampled_from(["failure", "error"]), WORDS)).map(lambda said: json.dumps(said).encode())
)


@FUZZ
@given(BODIES, st.integers(0, 999), st.text(), st.booleans())
def test_any_answer_of_the_agent_is_understood_or_refused_in_words(body, status, error, on):
    assert is_plain(trouble(HttpAnswer(status, body, error), on))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b'{"visible": 5}', (5, "")),
        (b'{"error": "no route to host"}', (None, "no route to host")),
        (b'{"error": "a\\u001b]0;x\\u0007\\ud800b"}', (None, "a?]0;x??b")),
        (b'{"visible": NaN}', (None, "who asks answers with what is no number of messages")),
        (b'{"visible": 1e999}', (None, "who asks answers with what is no number of messages")),
        (b'{"visible": "5"}', (None, "who asks answers with what is no number of messages")),
        (b'{"visible": true}', (None, "who asks answers with what is no number of messages")),
        (b'{"visible": ' + b"9" * 4000 + b"}", (None, "who asks answers with what is no number of messages")),
        (b'{"error": [1]}', (None, "it gives no reason in words")),
        (b"connecting ...", None),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
        (DEEP.encode(), None),
    ],
    ids=repr,
)
def test_what_a_helper_says(line, answer):
    assert answer_in(line) == answer


@pytest.mark.parametrize("value", [-(10**4000), float("nan"), float("-inf"), -1, None, True, "5", [1]], ids=repr)
def test_what_is_no_count(value):
    with pytest.raises(NoNumberError):
        whole(value)


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (1.2, 2), (10**4000, MOST), (float("inf"), MOST)], ids=["0", "1.2", "huge", "inf"]
)
def test_what_is_one(value, count):
    assert whole(value) == count


def test_what_is_shown_of_an_answer_is_short_whatever_its_letters():
    assert number_error("\U00010000" * 100) == '"' + "\U00010000" * 60 + '..." is no number'
    assert number_error("\x1b]0;x") == '"?]0;x" is no number'


def number_error(text):
    with pytest.raises(NoNumberError) as raised:
        number_in(text)
    return str(raised.value)


def test_words_of_others_are_one_line():
    assert sayable(" no\r\nroute\tto\x1b[2J host ") == "no route to?[2J host"


def test_an_answer_of_the_agent_that_is_nested_without_end_is_one_failure():
    assert trouble(HttpAnswer(200, DEEP.encode()), on=True) == "the answer does not say that protection is on"
    assert trouble(HttpAnswer(400, b'{"failure": {"Reason": {"a": 1}}}'), on=True) == "failure"
