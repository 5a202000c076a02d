"""`--wait` with a terminal: what is told while it waits, and that nothing of it is left behind."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

from minisup.cli.control.progress import line


def told(done, *missing):
    entries = [{"phase": phase, "slots": slots, "longest": longest} for phase, slots, longest in missing]
    return {"done": done, "of": done + sum(entry["slots"] for entry in entries), "missing": entries}


def test_the_line_says_how_many_are_there_and_how_long_the_others_drain():
    said = line("restart email", told(3, ("draining", 2, 41.6)))
    assert said == "restart email: 3 of 5 slots, 2 draining (longest 42 s)"


def test_what_is_signalled_or_killed_is_being_stopped():
    said = line("stop email", told(2, ("killing", 1, 0.5), ("stopping", 1, 2.0), ("draining", 1, 5.0)))
    assert said == "stop email: 2 of 5 slots, 1 draining (longest 5 s), 2 stopping (longest 2 s)"


def test_for_how_long_something_waits_is_not_told():
    assert line("start email", told(0, ("waiting", 1, 90.0))) == "start email: 0 of 1 slot, 1 waiting"


def test_what_has_no_word_of_its_own_is_counted_only():
    assert line("start email", told(0, ("off", 2, 1.0))) == "start email: 0 of 2 slots"


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
