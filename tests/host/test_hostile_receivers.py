"""Receivers that flood, lie, close or leave something behind: their own program suffers, and nobody else."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until

from minisup.host.source.giving import Places

BEGIN = """
import itertools, json, os, sys, time
def say(**line): print(json.dumps(line), flush=True)
def talk():
    for line in sys.stdin:
        word = json.loads(line)
        for which in word.get("ack", ()): say(settled=[which])
        yield word
"""

FLOODS = {
    "one message": '{"message": "m", "body": ""}',
    "messages": '{"message": "m%d", "body": ""}',
    "counts": '{"waiting": %d}',
    "what was never asked": '{"settled": ["s%d"]}',
    "losses of what nobody has": '{"lost": "s%d"}',
    "empty lines": "",
    "failures": '{"ok": true}\n{"error": "no %d"}',
}
FLOOD = """
say(ok=True)
for number in itertools.count(1):
    print({line!r}.replace("%d", str(number)))
"""

ENDED = "the receiver says more than it is asked"

LEFT_BEHIND = """
say(ok=True)
flood = b'{"waiting": 1}\\n' * 4096
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        sys.stdin.close()
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end: os.write(1, flood)
        finally:
            os._exit(0)
"""

MUTE = "say(ok=True); os.close(0); os.close(1); time.sleep(60)"

GIVES = """
say(ok=True)
for word in talk():
    if "credit" in word and not word["given"]: say(message="first", body="hello", **MORE)
"""


def sourced(stage: Stage, receiver: str, **source: object) -> str:
    """A program whose messages come from this receiver, in Python."""
    own = stage.write("own_receiver.py", BEGIN + receiver)
    command = [sys.executable, "-X", "utf8", str(own)]
    script = sh('cat >> got; env > environment; test -z "$MINISUP_MESSAGE_META" || cp "$MINISUP_MESSAGE_META" meta')
    return program("fed", script, stop=AT_ONCE, retry={"backoff": "30s"}, source={"command": command, **source})


def up(stage: Stage, receiver: str, **source: object) -> Daemon:
    return stage.up(sourced(stage, receiver, **source), program("other", "sleep 1000", stop=AT_ONCE))


def goes_on(daemon: Daemon) -> None:
    """Requests are answered, and a shutdown ends minisup."""
    assert daemon.slot("other:0")["phase"] == "running"
    assert not daemon.says_it_is_broken()
    daemon.term()
    assert daemon.wait() == 0


@pytest.mark.parametrize("line", FLOODS.values(), ids=FLOODS)
def test_a_receiver_that_floods_is_ended_before_it_takes_the_loop_from_others(stage: Stage, line: str) -> None:
    daemon = up(stage, FLOOD.format(line=line))
    wait_until(lambda: ENDED in (daemon.program("fed")["source"]["error"] or ""), SOON, "the receiver is ended")
    assert len(daemon.stderr.splitlines()) < 1100
    goes_on(daemon)


def test_what_a_receiver_left_behind_writes_without_end_and_the_loop_goes_on(stage: Stage) -> None:
    daemon = up(stage, LEFT_BEHIND)
    wait_until(lambda: "its source does not work" in daemon.stderr, SOON, "the receiver has ended")
    goes_on(daemon)
    stage.end_survivors()


def test_a_receiver_that_closes_its_stdout_and_lives_is_no_source_that_works(stage: Stage) -> None:
    daemon = up(stage, MUTE)
    daemon.says("the receiver has closed its stdout")
    goes_on(daemon)


@pytest.mark.parametrize("warm", [0, 1], ids=["cold", "warm"])
def test_a_message_from_the_year_14645_is_work_like_any_other(stage: Stage, warm: int) -> None:
    daemon = up(stage, GIVES.replace("MORE", repr({"sent": 4e11})), warm=warm)
    wait_until(lambda: daemon.program("fed")["source"]["acked"] == 1, SOON, "the message is done")
    assert stage.lines("got") == ["hello"]
    if warm:
        assert json.loads(stage.path("meta").read_text())["sent_at"] is None
    goes_on(daemon)


def test_a_message_whose_attributes_no_environment_can_hold_starts_without_them(stage: Stage) -> None:
    attributes = {"small": "x", "elephants": "\N{ELEPHANT}" * 32_750}
    daemon = up(stage, GIVES.replace("MORE", repr({"attributes": attributes})))
    wait_until(lambda: daemon.program("fed")["source"]["acked"] == 1, SOON, "the message is done")
    given = [line for line in stage.lines("environment") if line.startswith("MINISUP_MESSAGE_ATTR_")]
    assert given == ["MINISUP_MESSAGE_ATTR_small=x"]
    goes_on(daemon)


def test_the_directory_of_messages_is_made_again_when_somebody_has_tidied_up() -> None:
    places = Places()
    first = Path(places.file("1")).parent
    shutil.rmtree(first)
    again = Path(places.file("2")).parent
    assert again.is_dir()
    assert again.stat().st_mode & 0o777 == 0o711
    places.remove()
    assert not again.exists()
