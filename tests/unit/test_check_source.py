"""What `check` says about a source, in words and numbers."""

import pytest
from lint_kit import configuration

from minisup.check.explain import explain


def said(directory, source, keys=""):
    text = explain(configuration(directory, f'[program.email]\ncommand = "cat"\n{keys}\nsource = {{ {source} }}\n'))
    lines = [line.strip() for line in text.splitlines()]
    begin = next(place for place, line in enumerate(lines) if line.startswith("source"))
    return [lines[begin].removeprefix("source").strip(), *lines[begin + 1 :]]


def test_an_empty_queue_of_sqs_costs_requests_and_no_process(tmp_path):
    lines = said(tmp_path, 'sqs = "https://sqs.eu-west-1.amazonaws.com/123456789012/email", warm = 2, prefetch = 1')
    assert lines[:6] == [
        (
            "the SQS queue https://sqs.eu-west-1.amazonaws.com/123456789012/email: "
            "an empty queue costs 4,320 requests a day and no process"
        ),
        "each run gets one message, on its stdin; up to 1 more are received ahead of a free slot",
        "up to 2 processes wait for their message, each for 5 m at most",
        "a message in work is hidden from others for 120 s (lease), renewed every 60 s while its run goes on",
        "one whose run failed comes back after 5-10 s, 10-20 s ... up to 15 m",
        (
            "one whose run fails at receive 5 (a redrive policy of the queue counts instead) is set aside: "
            "in the dead-letter queue of its redrive policy; without one it comes again"
        ),
    ]
    assert any("a message starts a run: while messages wait" in line for line in lines)
    assert any("65 rejected" in line for line in lines)


@pytest.mark.parametrize(
    ("source", "where", "aside"),
    [
        ('directory = "/spool"', "the directory /spool: while it is empty no process runs", "failed/ in it"),
        ('redis = "redis://me:hush@h/0", list = "mail"', "the Redis list mail at redis://", "mail:dead"),
        (
            'redis = "redis://h/0", stream = "s", group = "g"',
            "the Redis stream s, as group g, at redis://h/0",
            "s:dead",
        ),
        ('command = ["./receive", "x"]', "what the receiver says: ./receive: while", "the receiver is told"),
        ('directory = "/spool", dead_letter = "/dead"', "the directory /spool", "/dead"),
    ],
)
def test_each_kind_says_where_from_and_where_to(tmp_path, source, where, aside):
    lines = said(tmp_path, source)
    assert lines[0].startswith(where)
    assert "hush" not in lines[0]
    assert next(line for line in lines if "set aside" in line).endswith(f"is set aside: {aside}")


def test_a_message_that_failed_may_come_back_at_once(tmp_path):
    lines = said(tmp_path, 'directory = "/spool", return_delay = 0, deliver = "file"')
    assert "one whose run failed comes back at once" in lines
    assert lines[1] == "each run gets one message, in the file that MINISUP_MESSAGE_FILE names"
