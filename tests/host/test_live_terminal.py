"""The live screen for real: in tmux, with keys sent and the pane captured."""

import fcntl
import os
import shlex
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until

LONG = 3 * SOON
"""Seconds for what begins with an interpreter, a terminal program and rich, on the busiest machine."""


class Pane:
    """A tmux server of its own with one window in which `status` runs."""

    def __init__(self, stage: Stage, daemon: Daemon, shell: bool = False) -> None:
        self.stage = stage
        self.daemon = daemon
        self.command = shlex.join([sys.executable, "-m", "minisup", "-s", str(stage.socket), "status"])
        run = (
            "PS1='$ ' exec bash --norc --noprofile -i"
            if shell
            else f"trap : INT; {self.command}; echo left $?; exec cat"
        )
        self.tmux("new-session", "-d", "-x", "120", "-y", "30", "-s", "m", run)

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self.stage.socket.parent / "t"), "-f", os.devnull, *words]
        environ = self.stage.environ(SHELL="/bin/sh", TERM="xterm-256color", LC_ALL="C.UTF-8", COLUMNS="40")
        done = subprocess.run(
            command, env=environ, cwd=self.stage.root, capture_output=True, text=True, timeout=SOON, check=False
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "m", *keys)

    def insist(self, key: str, words: str) -> None:
        """Press a key until the screen shows this: what comes right after a burst of keys counts as part of it."""

        def done() -> bool:
            if words not in self.text():
                self.press(key)
            return words in self.text()

        wait_until(done, LONG, f"{words}, after {key}")

    def agree(self, question: str) -> None:
        """Answer with y, until it counts: an answer before the question could be read does not."""
        self.shows(question, "y / n")

        def answered() -> bool:
            if question in self.text():
                self.press("y")
            return question not in self.text()

        wait_until(answered, LONG, f"{question} is answered")

    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "m")

    def shows(self, *words: str) -> str:
        def all_there() -> str:
            text = self.text()
            return text if all(word in text for word in words) else ""

        try:
            return wait_until(all_there, LONG, f"the screen shows {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows\n{self.text()}") from None


@pytest.fixture
def pane(stage: Stage) -> Iterator[Callable[..., Pane]]:
    if not shutil.which("tmux"):
        pytest.skip("no tmux here")
    opened: list[Pane] = []

    usual = (
        program("email", "sleep 1000", numprocs=2, stop=AT_ONCE),
        program("sms", sh("echo no route to host >&2; exit 3"), numprocs=2, retry={"backoff": "30s"}),
        program("push", "sleep 0.1"),
    )

    def open_pane(*programs: str, supervisor: str = 'shutdown_timeout = "4s"', shell: bool = False) -> Pane:
        daemon = stage.up(*(programs or usual), supervisor=supervisor)
        opened.append(Pane(stage, daemon, shell))
        return opened[0]

    yield open_pane
    for each in opened:
        each.tmux("kill-server")


def test_filter_slots_logs_why_restart_stop_and_quit(pane: Callable[[], Pane]) -> None:
    screen = pane()
    drawn = screen.shows("PROGRAM", "email", "sms", "push", "q quit")
    assert drawn.index("sms") < drawn.index("email"), "trouble first"
    screen.press("/", "e", "m", "a", "Enter")
    assert "sms" not in screen.shows("filter: ema")
    screen.press("Enter")
    screen.shows("email:0", "email:1", "pid")
    screen.press("Escape")
    screen.press("Escape")
    screen.shows("sms  ")
    screen.press("Home", "l")
    screen.shows("logs sms", "sms:0 | no route to host")
    screen.press("w")
    screen.shows("why sms", "sms is in backoff", "no route to host")
    screen.press("Escape", "r")
    screen.shows("several keys came at once")
    screen.insist("r", "restart sms: accepted")
    screen.press("/", "e", "m", "a", "Enter")
    screen.shows("filter: ema", "●●")  # its second slot starts half a second after the first
    screen.insist("s", "stop email? 2 runs in progress")
    screen.press("n")
    screen.shows("nothing was changed")
    holds_for(lambda: screen.daemon.program("email")["running"] == 2, 0.3, "nothing was stopped")
    screen.insist("s", "stop email?")
    screen.agree("stop email?")
    screen.shows("email", "off")
    assert screen.daemon.program("email")["running"] == 0
    screen.press("q")
    screen.shows("left 0")


def test_another_size_is_drawn_and_nothing_of_the_old_one_stays(pane: Callable[[], Pane]) -> None:
    screen = pane()
    screen.shows("BUDGET")
    screen.tmux("resize-window", "-t", "m", "-x", "80", "-y", "24")
    wait_until(lambda: "BUDGET" not in screen.text(), SOON, "the narrow table")
    assert max(map(len, screen.text().splitlines())) <= 80
    screen.tmux("resize-window", "-t", "m", "-x", "150", "-y", "40")
    screen.shows("BUDGET", "MEM")


def test_a_minisup_that_goes_away_and_comes_back_is_followed(pane: Callable[[], Pane]) -> None:
    screen = pane()
    screen.shows("push")
    assert screen.daemon.end()
    screen.shows("minisup has ended", "push")
    again = screen.stage.up(program("fresh", "sleep 1000", stop=AT_ONCE))
    assert "push" not in screen.shows("fresh", f"pid {again.pid}")
    screen.press("C-c")
    screen.shows("left 0")


def test_a_shutdown_says_how_far_it_is(pane: Callable[..., Pane]) -> None:
    screen = pane(program("email", "sleep 1000", numprocs=2), supervisor='shutdown_timeout = "8s"')
    screen.shows("email", "2 running")
    screen.daemon.term()
    screen.shows("draining", "2 runs left", " of 7.2 s", "the stop signal in")


def test_a_shell_with_jobs_can_put_it_aside_and_take_it_back(pane: Callable[..., Pane]) -> None:
    screen = pane(program("email", "sleep 1000", stop=AT_ONCE), shell=True)
    screen.shows("$")
    screen.press(f"{screen.command} & wait %1; echo code $?", "Enter")
    assert "PROGRAM" not in screen.shows("Stopped", "code"), "it takes the screen before it is in the foreground"
    screen.press("fg", "Enter")
    screen.shows("PROGRAM", "email", "q quit")
    screen.press("C-z")
    assert "PROGRAM" not in screen.shows("Stopped", "$")
    screen.press("fg", "Enter")
    screen.shows("PROGRAM", "email", "q quit")
    screen.press("C-c")
    screen.shows("Stopped", "$")


def test_no_size_of_the_terminal_ends_it_and_none_is_the_usual_one(pane: Callable[..., Pane]) -> None:
    screen = pane(program("email", "sleep 1000", stop=AT_ONCE))
    screen.shows("BUDGET")
    screen.press("w")
    for width, height in (("2", "24"), ("1", "1"), ("42", "12")):
        screen.tmux("resize-window", "-t", "m", "-x", width, "-y", height)
    screen.shows("why email", "? help")
    terminal = screen.tmux("display-message", "-p", "-t", "m", "#{pane_tty}").strip()
    with open(terminal, "rb") as tty:
        fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    screen.press("?")
    screen.shows("help")
    screen.press("q")
    screen.shows("left 0")
