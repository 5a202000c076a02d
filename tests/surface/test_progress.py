"""`--wait` with a terminal: what is told while it waits, and that nothing of it is left behind."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from fake_minisup import program, slot, snapshot

from minisup.cli.control.progress import goal, line, reached

BEFORE = snapshot(program(slots=[slot(number=number, run=800 + number) for number in range(5)]))


def now(*slots):
    return snapshot(program(slots=list(slots)))


def after(verb, document, **more):
    aim = goal(verb, f"{verb} email", BEFORE, **more)
    return reached(aim, document), line(aim, document)


def test_a_restart_counts_fresh_runs_and_tells_how_long_the_others_drain():
    document = now(
        slot(number=0, run=813),
        slot(number=1, phase="waiting", last={"run": 814}),
        slot(number=2, phase="draining", run=802, since=41.6),
        slot(number=3, phase="draining", run=803, since=3.0),
        slot(number=4, phase="waiting", reason="paused", cause="paused by app since 09:58"),
    )
    assert after("restart", document) == (3, "restart email: 3 of 5 slots, 2 draining (longest 42 s)")


def test_a_stop_counts_what_is_off():
    document = now(
        slot(number=0, phase="off"),
        slot(number=1, phase="done"),
        slot(number=2, phase="stopping", since=2.0),
        slot(number=3, phase="killing", since=0.5),
        slot(number=4, phase="draining", since=5.0),
    )
    assert after("stop", document) == (
        2,
        "stop email: 2 of 5 slots, 1 draining (longest 5 s), 2 stopping (longest 2 s)",
    )


def test_a_pause_counts_what_does_not_run():
    document = now(slot(number=0, phase="waiting"), slot(number=1, since=90.0), slot(number=2, phase="off"))
    assert after("pause", document) == (4, "pause email: 4 of 5 slots, 1 running (longest 1 m 30 s)")


@pytest.mark.parametrize("verb", ["start", "resume"])
def test_a_start_counts_what_runs_or_has_run(verb):
    document = now(
        slot(number=0),
        slot(number=1, phase="waiting", last={"run": 990}),
        slot(number=2, phase="waiting", last=None),
        slot(number=3, phase="waiting"),
        slot(number=4, phase="off"),
    )
    assert after(verb, document) == (3, f"{verb} email: 3 of 5 slots, 2 waiting")


def test_a_scale_counts_what_is_gone():
    document = now(slot(number=0), slot(number=1), slot(number=4, phase="draining", since=7.0))
    assert after("scale", document, numprocs=2) == (2, "scale email: 2 of 3 slots, 1 draining (longest 7 s)")


def test_a_shutdown_counts_what_ran_when_it_was_asked_for():
    before = snapshot(program(slots=[slot(number=0), slot(number=1, phase="waiting")]))
    aim = goal("shutdown", "shutdown", before)
    assert aim.slots == ("email:0",)
    assert (
        line(aim, now(slot(number=0, phase="draining", since=1.0))) == "shutdown: 0 of 1 slot, 1 draining (longest 1 s)"
    )


def on_a_terminal(*arguments):
    """A command whose stderr is a terminal, and the terminal's other end."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-m", "minisup", *arguments], stdout=subprocess.PIPE, stderr=theirs, env=environ, text=True
    )
    os.close(theirs)
    return process, ours


def read_until(terminal, words, limit=20.0):
    """What the terminal shows, up to these words or its end."""
    shown, deadline = b"", time.monotonic() + limit
    while words not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # its other end is closed
                break
    return shown


def test_a_terminal_sees_how_far_it_is_and_ctrl_c_ends_the_waiting(fake):
    process, terminal = on_a_terminal("restart", "slow", "--wait", "-s", fake)
    try:
        assert b"restart slow: 0 of 2 slots, 2 running" in read_until(terminal, b"slots, 2 running")
        process.send_signal(signal.SIGINT)
        shown = read_until(terminal, b"goes on: `minisup status` shows how far it is")
        assert b"no longer waiting; restart slow goes on" in shown
        assert b"\x1b[?25h" in shown, "the cursor is back"
        assert process.wait(20) == 130
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(terminal)


def test_what_is_done_at_once_shows_no_progress(fake):
    process, terminal = on_a_terminal("stop", "email", "--wait", "-s", fake)
    try:
        assert process.wait(20) == 0
        assert process.stdout.read() == "stopped: email:0, email:1\n"
        assert read_until(terminal, b"slots", 0.2) == b""
    finally:
        process.kill()
        process.stdout.close()
        os.close(terminal)


def test_without_a_terminal_the_waiting_is_silent(minisup, fake):
    process = minisup("stop", "slow", "--wait", "--timeout", "1200ms", "-s", fake)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == (
        "cannot wait longer: stop is not done after 1.2 s; it goes on, and `minisup status` shows how far it is\n"
    )
