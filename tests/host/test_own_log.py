"""minisup's own lines: sentences or objects, dropped and counted when stderr is full."""

import json
from collections.abc import Iterator

import pytest
from plumbing import Plumbing, Reader

from minisup import narrate
from minisup.config.keys.log_tables import Level, LineFormat, SupervisorLog
from minisup.core import facts
from minisup.core.model import Outcome
from minisup.host.output.log import OwnLog
from minisup.host.output.sink import Sink

FAILURE = facts.FirstFailure("sms:0", 4, Outcome.FAILED, 1, None, 0.21, "Connection refused", 0.8)


class Stderr(Plumbing):
    """A log, and what it has written."""

    def __init__(self) -> None:
        super().__init__()
        read_end, write_end = self.pipe()
        self.reader = Reader(self, read_end)
        self.stderr: Sink = self.sink(write_end)

    def log(self, **options: object) -> OwnLog:
        return OwnLog(self.stderr, self.loop.clock, SupervisorLog(**options))  # type: ignore[arg-type] # by name

    def lines(self, count: int) -> list[str]:
        got = self.reader.read_until(lambda: self.reader.got.count(b"\n") >= count)
        return got.decode().splitlines()


@pytest.fixture
def stderr() -> Iterator[Stderr]:
    stderr = Stderr()
    yield stderr
    stderr.end()


def test_a_sentence_a_line_and_a_word_for_what_is_wrong(stderr: Stderr) -> None:
    log = stderr.log()
    log.say("hello")
    log.say("hidden", "debug")
    log.tell(facts.Cut("email:3", 81340, 130.0))
    assert stderr.lines(2) == ["hello", "warning: cut: email:3 run 81340 after 2 m 10 s"]


def test_the_time_begins_a_line_if_it_is_asked_for(stderr: Stderr) -> None:
    stderr.log(time=True).say("hello")
    (line,) = stderr.lines(1)
    assert line.endswith("Z hello")


def test_json_has_the_fact_with_its_fields(stderr: Stderr) -> None:
    log = stderr.log(format=LineFormat.JSON, level=Level.DEBUG)
    log.say("plain \udcff", "debug")
    log.tell(FAILURE)
    log.tell(facts.TaskWorked("migrate", 4.2, ("email", "sms")))
    plain, failure, worked = map(json.loads, stderr.lines(3))
    assert plain.pop("timestamp").endswith("Z")
    assert plain == {"level": "debug", "message": "plain \ufffd"}
    assert (failure["level"], failure["message"], failure["fact"]) == (
        "info",
        narrate.sentence(FAILURE),
        "first_failure",
    )
    assert failure["fields"] == FAILURE._asdict() | {"outcome": "failed"}
    assert worked["fields"] == {"program": "migrate", "took": 4.2, "frees": ["email", "sms"]}


def test_words_of_a_server_neither_command_a_terminal_nor_forge_a_line(stderr: Stderr) -> None:
    log = stderr.log()
    log.tell(facts.HookFailed("on_drain", "email", "HTTP 500 \x1b]0;title\x07\r\x9b2J\nwarning: forged"))
    log.say("a name \x1b[2J")
    assert stderr.lines(2) == [
        r"warning: on_drain for email failed: HTTP 500 \x1b]0;title\x07\r\x9b2J\nwarning: forged",
        r"a name \x1b[2J",
    ]


def test_lines_that_nobody_takes_are_counted_and_that_is_said(stderr: Stderr) -> None:
    log = stderr.log()
    for _ in range(100_000):
        if stderr.stderr.full:
            break
        stderr.stderr.write(b"x" * 4095 + b"\n")
    log.say("lost")
    log.say("lost, too")
    stderr.reader.read_until(lambda: not stderr.stderr.size)
    log.say("again")
    stderr.reader.read_until(lambda: stderr.reader.got.endswith(b"again\n"))
    said = [line for line in stderr.reader.got.decode().splitlines() if not line.startswith("x")]
    assert said == ["warning: 2 of minisup's own lines were dropped: stderr was full", "again"]
