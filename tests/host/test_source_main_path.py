"""A queue handed to the jobs, with real processes: the directory source, which needs no server."""

import hashlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until
from lookup import alive, children_of, started_of

NUMBER = iter(range(10**9))


def spool(stage: Stage) -> Path:
    path = stage.path("spool")
    path.mkdir(exist_ok=True)
    return path


def push(stage: Stage, *bodies: bytes) -> None:
    """Messages appear whole, in one moment."""
    new = stage.path("spool") / "new"
    wait_until(new.is_dir, SOON, "the receiver has made its directories")
    for body in bodies:
        fresh = stage.path("spool") / f".push{next(NUMBER)}"
        fresh.write_bytes(body)
        fresh.rename(new / f"m{next(NUMBER):06}")


def mail(stage: Stage, command: object, source: Mapping[str, object] | None = None, **keys: object) -> str:
    """A program whose messages are the files of the spool."""
    given = {"directory": str(spool(stage)), "return_delay": "100ms", **(source or {})}
    return program("mail", command, **{"source": given, "stop": AT_ONCE, "retry": {"backoff": "50ms"}, **keys})


def source(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.program("mail")["source"]
    return found


def left(stage: Stage, room: str) -> list[str]:
    """The files of messages in one of the directories."""
    return [name for _, _, names in os.walk(stage.path("spool") / room) for name in names if not name.startswith(".")]


def settled(daemon: Daemon, acked: int, rejected: int = 0) -> bool:
    found = source(daemon)
    return bool(found["acked"] == acked and found["rejected"] == rejected and not found["in_work"])


def printed(daemon: Daemon, count: int = 1) -> list[str]:
    """What the runs of all slots have printed: so many lines, or more."""

    def lines() -> list[str] | None:
        found = [line for number in range(2) for line in daemon.lines(f"mail:{number}")]
        return found if len(found) >= count else None

    return wait_until(lines, SOON, f"{count} lines are printed")


def receiver_of(daemon: Daemon) -> int:
    """The receiver's pid: a child of minisup that is no run."""
    return wait_until(lambda: next(iter(children_of(daemon.pid)), 0), SOON, "there is a receiver")


def test_each_message_is_one_fresh_process_and_is_removed_when_that_has_worked(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("cat; echo; echo pid $$ >> pids"), numprocs=2))
    wait_until(lambda: source(daemon)["state"] == "ok", SOON, "the source works")
    assert daemon.program("mail")["runs"]["total"] == 0, "nothing runs on an empty queue"
    push(stage, *(f"hello {number}".encode() for number in range(6)))
    wait_until(lambda: settled(daemon, 6), SOON, "all is done")
    assert sorted(printed(daemon, 6)) == [f"hello {number}" for number in range(6)]
    assert len(set(stage.lines("pids"))) == 6
    assert left(stage, "new") == left(stage, "work") == left(stage, "failed") == []


def test_a_directory_that_is_not_there_is_made_with_those_above(stage: Stage) -> None:
    far = stage.path("var") / "spool" / "mail"
    stage.up(mail(stage, sh("cat"), {"directory": str(far)}))
    wait_until((far / "new").is_dir, SOON, "it is made")


def test_a_message_whose_run_fails_comes_back_and_is_set_aside_in_the_end(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("read x; test $x != bad"), {"max_receives": 2}))
    push(stage, b"bad\n", b"good\n")
    wait_until(lambda: settled(daemon, 1, rejected=1), SOON, "one is done, one is set aside")
    assert source(daemon)["returned"] == 1
    assert daemon.program("mail")["runs"]["failed"] == 2
    assert len([name for name in left(stage, "failed") if not name.endswith(".reason")]) == 1
    daemon.says("is set aside: exit 1")


def test_a_run_rejects_a_message_by_its_exit_code_and_the_program_is_well(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("exit 65")))
    push(stage, b"no mail")
    wait_until(lambda: settled(daemon, 0, rejected=1), SOON, "it is set aside")
    found = daemon.program("mail")
    assert (found["runs"]["rejected"], found["failing_for"]) == (1, None)


BODIES = {
    "empty": b"",
    "a mebibyte": os.urandom(1 << 20),
    "binary": bytes(range(256)) * 9,
    "not UTF-8": b"\xff\xfe\x80 caf\xe9",
    "with NUL": b"a\0b\0",
}


@pytest.mark.parametrize("deliver", ["stdin", "file"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_exact_to_the_byte(stage: Stage, name: str, deliver: str) -> None:
    read = "sha256sum" if deliver == "stdin" else 'sha256sum < "$MINISUP_MESSAGE_FILE"'
    daemon = stage.up(mail(stage, sh(read), {"deliver": deliver}))
    push(stage, BODIES[name])
    wait_until(lambda: settled(daemon, 1), SOON, "it is done")
    assert printed(daemon)[0].split()[0] == hashlib.sha256(BODIES[name]).hexdigest()


def test_a_mebibyte_to_a_ready_process_that_sleeps_first(stage: Stage) -> None:
    body = BODIES["a mebibyte"]
    daemon = stage.up(mail(stage, sh("sleep 0.3; sha256sum; cat $MINISUP_MESSAGE_META"), {"warm": 1}))
    wait_until(lambda: source(daemon)["ready"] == 1, SOON, "a process is ready")
    push(stage, body)
    wait_until(lambda: settled(daemon, 1), SOON, "it is done")
    digest, facts = printed(daemon, 2)
    assert digest.split()[0] == hashlib.sha256(body).hexdigest()
    assert '"receives": 1' in facts


def test_a_job_that_never_reads_its_message_harms_nobody(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("exec 0<&-; sleep 0.1"), numprocs=2))
    push(stage, *(os.urandom(200_000) for _ in range(4)))
    wait_until(lambda: settled(daemon, 4), SOON, "by its exit code each is done")


def test_a_ready_process_that_ends_before_its_message_has_failed(stage: Stage) -> None:
    daemon = stage.up(mail(stage, "true", {"warm": 1}))
    wait_until(lambda: daemon.program("mail")["runs"]["failed"] > 1, SOON, "it fails")
    daemon.says("ended before its message: does the command read stdin?")
    assert source(daemon)["acked"] == 0


def test_ready_processes_end_at_once_at_a_stop_and_their_message_goes_to_nobody(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("cat >> got"), {"warm": 2}, numprocs=2, stop={"drain": "60s"}))
    wait_until(lambda: source(daemon)["ready"] == 2, SOON, "two are ready")
    daemon.ask("stop", ["mail"], wait=True)
    push(stage, b"hello")
    holds_for(lambda: left(stage, "new"), 0.3, "nobody takes it")
    daemon.ask("start", ["mail"])
    wait_until(lambda: settled(daemon, 1), SOON, "now it is done")
    assert stage.path("got").read_bytes() == b"hello"


def test_a_receiver_that_is_killed_costs_no_run_and_no_message(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("cat; until test -e go; do sleep 0.05; done"), numprocs=2))
    push(stage, b"one\n", b"two\n")
    wait_until(lambda: source(daemon)["in_work"] == 2, SOON, "both are in work")
    runs = {slot["pid"] for slot in daemon.program("mail")["slots"]}
    (receiver,) = set(children_of(daemon.pid)) - runs
    os.kill(receiver, signal.SIGKILL)
    daemon.says("its source does not work")
    push(stage, b"three\n")
    stage.write("go", "")
    wait_until(lambda: settled(daemon, 3), SOON, "all three are done")
    daemon.says("its source works again")
    assert sorted(printed(daemon, 3)) == ["one", "three", "two"]


def test_a_receiver_that_is_stopped_is_replaced(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("cat")))
    wait_until(lambda: source(daemon)["state"] == "ok", SOON, "the source works")
    receiver = receiver_of(daemon)
    os.kill(receiver, signal.SIGSTOP)
    daemon.says("SIGSTOP")
    push(stage, b"hello\n")
    wait_until(lambda: settled(daemon, 1), SOON, "another one receives")
    assert not alive(receiver)


def test_a_shutdown_finishes_what_is_in_work_and_returns_the_rest(stage: Stage) -> None:
    daemon = stage.up(mail(stage, sh("cat; touch begun; sleep 0.5"), stop={"drain": "3s"}))
    push(stage, *(b"%d\n" % number for number in range(5)))
    wait_until(lambda: stage.path("begun").exists(), SOON, "one is in work")
    daemon.term()
    assert daemon.wait() == 0
    assert len(printed(daemon)) + len(left(stage, "new")) == 5
    assert left(stage, "work") == []


def test_a_killed_minisup_loses_no_message_and_keeps_the_lease_of_what_goes_on(stage: Stage) -> None:
    config = stage.config(mail(stage, sh("cat >> got; until test -e go; do sleep 0.05; done"), {"lease": "1s"}))
    first = stage.up_file(config)
    push(stage, b"one\n")
    pid = first.running_pid("mail:0")
    wait_until(lambda: stage.lines("got") == ["one"], SOON, "it is at work")
    begun = started_of(pid)
    first.process.kill()
    first.process.wait(SOON)
    second = stage.up_file(config)
    assert second.slot("mail:0")["pid"] == pid
    assert source(second)["in_work"] == 1
    holds_for(lambda: len(left(stage, "work")) == 1, 2.5, "its lease of a second is renewed")
    assert (stage.lines("got"), started_of(pid)) == (["one"], begun)
    stage.write("go", "")
    wait_until(lambda: stage.lines("got") == ["one", "one"], SOON, "nobody knows how it ended: it is given once more")
    wait_until(lambda: source(second)["acked"] == 1, SOON, "that has worked")
    assert left(stage, "new") == left(stage, "work") == []


def test_a_source_that_is_removed_by_a_reload_leaves_what_is_in_work_to_its_queue(stage: Stage) -> None:
    command = sh("cat; until test -e go; do sleep 0.05; done")
    config = stage.config(mail(stage, command))
    daemon = stage.up_file(config)
    push(stage, b"one\n")
    wait_until(lambda: source(daemon)["in_work"] == 1, SOON, "it is in work")
    stage.config(program("mail", command, stop=AT_ONCE))
    daemon.ask("reload")
    assert source(daemon) is None
    push(stage, b"two\n")
    stage.write("go", "")
    wait_until(lambda: left(stage, "work") == [], SOON, "the one that was in work is acknowledged")
    holds_for(lambda: len(left(stage, "new")) == 1, 0.3, "nobody takes another one")
