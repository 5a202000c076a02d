"""The record of messages in work, as a disk or a hand may have left it."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisup.core.messages import Settle, Settlement
from minisup.host import state_file
from minisup.host.source.ledger import DeliveryLedger, InWork, read

ENTRY = InWork("email", "mark", "m1", "receipt", 1, "email:0", 7)
TOO_LARGE = 10**400
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=7), inner, max_size=2),
    max_leaves=8,
)
LINES = st.dictionaries(st.sampled_from(["given", "decided", "over"]), st.lists(JSON, max_size=7) | JSON, max_size=2)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[" * 100_000,
        json.dumps({"given": []}),
        json.dumps({"given": [1, 2, 3, 4, 5, 6, 7]}),
        json.dumps({"decided": ["email", "m1", "ack", TOO_LARGE, ""]}),
        json.dumps({"decided": ["email", "m1", "nonsense", 0, ""]}),
        json.dumps({"over": [[], {}]}),
        json.dumps({"over": 1}),
    ],
)
def test_a_line_that_cannot_be_understood_costs_nothing_but_itself(tmp_path, line):
    ledger = DeliveryLedger()
    ledger.open(str(tmp_path))
    ledger.given(ENTRY)
    path = tmp_path / "messages"
    path.write_text(f"{path.read_text()}{line}\n")
    assert read(str(path)) == [ENTRY]
    assert DeliveryLedger().open(str(tmp_path)) == [ENTRY]


def written(path, *documents):
    """A record with the message `ENTRY` and these lines after it."""
    lines = [{"given": list(ENTRY)[:7]}, *documents]
    (path / "messages").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path / "messages")


def decided(delay):
    return {"decided": ["email", "m1", "return", delay, ""]}


@pytest.mark.parametrize("delay", [10**400, float("nan"), float("inf"), float("-inf"), "5", None, []], ids=repr)
def test_a_decision_with_a_delay_that_is_none_leaves_its_message_in_work(tmp_path, delay):
    assert read(written(tmp_path, decided(delay))) == [ENTRY]


def test_a_decision_is_heard(tmp_path):
    assert read(written(tmp_path, decided(2.5)))[0].decided == Settle("email", "m1", Settlement.RETURN, 2.5)


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, max_size=4))
def test_no_line_keeps_minisup_from_reading_the_others(tmp_path_factory, lines):
    path = written(tmp_path_factory.mktemp("state"), *lines, {"given": ["fax", *list(ENTRY)[1:7]]})
    assert any(entry.program == "fax" for entry in read(path))


def test_a_line_that_a_full_disk_has_cut_off_does_not_spoil_the_next(tmp_path, monkeypatch):
    ledger = DeliveryLedger()
    ledger.open(str(tmp_path))
    whole = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda fd, data: whole(fd, data[:20]))
        ledger.given(ENTRY)
    ledger.given(ENTRY._replace(message="m2"))
    assert [entry.message for entry in read(str(tmp_path / "messages"))] == ["m2"]


def test_a_record_of_many_messages_whose_runs_have_ended_is_written_anew_once(tmp_path, monkeypatch):
    left = [ENTRY._replace(message=f"m{number}", receipt="r" * 1000) for number in range(3000)]
    (tmp_path / "messages").write_text("".join(f"{json.dumps({'given': list(one)[:7]})}\n" for one in left))
    ledger = DeliveryLedger()
    assert ledger.open(str(tmp_path)) == left
    written = []
    monkeypatch.setattr(state_file, "replace", lambda _, content: written.append(content))
    ledger.forget(left[1:])
    assert [len(content.splitlines()) for content in written] == [1]
