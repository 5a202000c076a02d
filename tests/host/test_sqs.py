"""A real queue: jobs that pop one message from an SQS-compatible server and exit.

The three hundred messages are started first, once for the module; the other tests run beside them.
"""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kit import SLACK, SOON, Daemon, Stage, Stopwatch, wait_until
from sqs import Server, ended

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("three_hundred")]

MESSAGES = 300
JOB_START = 5.0
"""Seconds that one job may take on two busy cores."""


@pytest.fixture(scope="module")
def three_hundred(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    stage = Stage(tmp_path_factory.mktemp("mail"))
    server = Server(stage)
    bodies = [f"mail-{number}" for number in range(MESSAGES)]
    trace = stage.path("trace")
    daemon = stage.up(server.worker(server.queue("mail", *bodies), trace, numprocs=2))
    yield SimpleNamespace(stage=stage, server=server, daemon=daemon, bodies=bodies)
    stage.close()


def test_three_hundred_messages_are_each_handled_once_and_no_slot_is_given_up(three_hundred: SimpleNamespace) -> None:
    stage, daemon = three_hundred.stage, three_hundred.daemon
    wait_until(lambda: len(ended(stage.lines("trace"))) >= MESSAGES, 240, "all messages are handled")
    wait_until(lambda: daemon.program("mail")["runs"]["worked"] >= MESSAGES, SOON, "the last run has ended")
    assert sorted(ended(stage.lines("trace"))) == sorted(three_hundred.bodies)
    assert three_hundred.server.left("mail") == 0
    status = daemon.program("mail")
    assert status["runs"]["worked"] == MESSAGES
    assert status["runs"]["total"] == MESSAGES + status["runs"]["idle"]
    assert [slot["failures"] for slot in status["slots"]] == [0, 0]
    assert {slot["phase"] for slot in status["slots"]} <= {"running", "waiting"}
    printed = sorted(f"handled {body}" for body in three_hundred.bodies)
    wait_until(lambda: sorted(daemon.lines("mail:0") + daemon.lines("mail:1")) == printed, SOON, "all is printed")


def test_an_empty_queue_is_polled_ever_more_slowly_and_a_message_is_still_found(stage: Stage) -> None:
    server = Server(stage)
    trace = stage.path("trace")
    daemon = stage.up(server.worker(server.queue("quiet"), trace))
    wait_until(lambda: daemon.program("quiet")["runs"]["idle"] >= 3, 4 * JOB_START, "idle runs")
    idle = wait_until(lambda: waits_idle(daemon), 2 * JOB_START, "the slot waits because the queue is empty")
    assert 0 < idle["next_in"] <= 1.0
    server.queue("quiet", "hello")
    wait_until(lambda: ended(stage.lines("trace")) == ["hello"], 1.0 + 2 * JOB_START, "the message is handled")
    runs = wait_until(lambda: worked(daemon, "quiet"), SOON, "the run that handled it has ended")
    assert runs["total"] == runs["idle"] + 1


def test_the_same_job_is_understood_by_what_it_prints(stage: Stage) -> None:
    server = Server(stage)
    rules = {
        "exit": {"ok": [0, 3]},  # as if it exited cleanly in any case
        "idle": {"unless_output": "^handled ", "wait": "200ms", "max_wait": "1s"},
        "worked": {"output": "^handled "},
    }
    daemon = stage.up(server.worker(server.queue("mail"), stage.path("trace"), **rules))
    wait_until(lambda: daemon.program("mail")["runs"]["idle"] >= 2, 4 * JOB_START, "idle runs")
    server.queue("mail", "hello", "world")
    wait_until(lambda: daemon.program("mail")["runs"]["worked"] == 2, 1.0 + 4 * JOB_START, "both messages are handled")
    runs = daemon.program("mail")["runs"]
    assert runs["total"] == runs["idle"] + 2
    assert sorted(ended(stage.lines("trace"))) == ["hello", "world"]


def waits_idle(daemon: Daemon) -> dict[str, object] | None:
    slot = daemon.slot("quiet:0")
    return slot if slot["reason"] == "idle" and slot["last"]["outcome"] == "idle" else None


def worked(daemon: Daemon, name: str) -> dict[str, int] | None:
    runs = daemon.program(name)["runs"]
    return runs if runs["worked"] else None


def test_a_queue_server_that_was_down_for_twenty_seconds_is_used_again_without_help(stage: Stage) -> None:
    server = Server(stage)
    trace = stage.path("trace")
    retry = {"max_backoff": "4s"}
    daemon = stage.up(server.worker(server.queue("mail", "before"), trace, numprocs=2, retry=retry))
    wait_until(lambda: ended(stage.lines("trace")) == ["before"], 3 * JOB_START, "the queue works")
    server.kill()
    down = Stopwatch()
    wait_until(lambda: daemon.program("mail")["failing_for"], SOON + JOB_START, "the program is failing")
    wait_until(lambda: down.seconds > 20, 21, "the server has been down for 20 s")
    tries = daemon.program("mail")["runs"]["failed"]
    # The law of the retry budget: size 10 + 2, each slot's start that was free and its r = 1, a token every 15 s.
    assert tries <= (10 + 2) + 2 * (1 + 1) + down.seconds / 15
    server.start()
    after = [f"after-{number}" for number in range(4)]
    server.queue("mail", *after)
    wait_until(lambda: len(ended(stage.lines("trace"))) == 5, 4 + 6 * JOB_START, "the messages are handled")
    assert sorted(ended(stage.lines("trace"))) == sorted(["before", *after])
    assert daemon.program("mail")["failing_for"] is None


def test_a_term_in_the_middle_of_a_message_lets_it_finish(stage: Stage) -> None:
    server = Server(stage)
    queue = server.queue("mail", "2.5", "never")
    daemon = stage.up(
        server.worker(queue, stage.path("trace"), stop={"drain": "30s"}), supervisor='shutdown_timeout = "30s"'
    )
    wait_until(lambda: stage.lines("trace") == ["begin 2.5"], 3 * JOB_START, "the job is in its message")
    stopping = Stopwatch()
    daemon.term()
    assert daemon.wait(30) == 0
    assert stopping.seconds < 2.5 + SLACK
    assert stage.lines("trace") == ["begin 2.5", "end 2.5"]
    assert server.left("mail") == 1
    assert "cut" not in daemon.stderr.replace("0 cut", "")
