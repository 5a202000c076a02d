"""Following output: many programs, from the command line and from Python; slow readers are dropped, nobody waits."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from kit import AT_ONCE, SOON, Stage, holds_for, program, sh, wait_until
from lookup import resident_of
from plumbing import Plumbing

from minisup import Client
from minisup.control.handler import Following
from minisup.control.protocol import notification_line
from minisup.errors import MinisupError, NoSuchTargetError, NotReachableError
from minisup.host.output.following import Followers
from minisup.host.output.outlets import Outlet, Outlets
from minisup.host.output.pump import Pump
from minisup.host.output.sink import NullSink

MIB = 1 << 20
TICKING = sh("echo out $MINISUP_SLOT $MINISUP_RUN_ID; echo err >&2; sleep 0.02")
FLOOD = sh("test -e go && exec yes " + "x" * 99 + "; sleep 0.05")


def ticking(name: str = "job", **keys: object) -> str:
    return program(name, TICKING, **{"min_runtime": 0, "stop": AT_ONCE, "log": {"to": "none"}, **keys})


# --- from Python ------------------------------------------------------------------------------------------------------


def test_lines_of_many_programs_come_as_they_are_printed(stage: Stage) -> None:
    stage.up(ticking("a", numprocs=2), ticking("b"), ticking("c"))
    with Client(str(stage.socket)) as client:
        seen = set()
        with closing(client.logs_follow(["a", "b"])) as coming:
            for line in coming:
                assert set(line) == {"slot", "run", "stream", "timestamp", "text"}
                assert line["text"] in (f"out {line['slot'][-1]} {line['run']}", "err")
                seen.add((line["slot"], line["stream"]))
                if len(seen) == 6:
                    break
        assert client.version()["pid"], "the client itself is free for other calls"
    assert seen == {(slot, stream) for slot in ("a:0", "a:1", "b:0") for stream in ("stdout", "stderr")}


def test_the_last_lines_come_first_and_none_is_missing_or_twice(stage: Stage) -> None:
    daemon = stage.up(ticking())
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > 5, SOON, "it has printed")
    with closing(Client(str(stage.socket)).logs_follow("job", lines=8)) as coming:
        lines = [next(coming) for _ in range(50)]
    runs = [line["run"] for line in lines if line["stream"] == "stdout"][:20]
    assert runs == list(range(runs[0], runs[0] + 20))


def test_only_one_run_is_followed(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("while :; do echo tick; sleep 0.02; done"), numprocs=2, stop=AT_ONCE))
    daemon.running_pid("job:1")
    run = daemon.slot("job:1")["run"]
    with closing(Client(str(stage.socket)).logs_follow(run=run)) as coming:
        assert {(line["slot"], line["run"]) for line, _ in zip(coming, range(5), strict=False)} == {("job:1", run)}


def test_the_iterator_ends_when_minisup_ends_with_the_last_words_of_its_jobs(stage: Stage) -> None:
    job = sh("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done")
    daemon = stage.up(program("job", job, stop={"drain": 0, "scope": "leader"}))
    with Client(str(stage.socket)) as client:
        coming = client.logs_follow(lines=10)
        assert next(coming)["text"] == "ready"
        daemon.term()
        assert [line["text"] for line in coming] == ["bye"]
    assert daemon.wait() == 0


def test_a_minisup_that_is_killed_is_no_quiet_end(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo ready; sleep 0.5"), log={"to": "none"}))
    coming = Client(str(stage.socket)).logs_follow(lines=10)
    assert next(coming)["text"] == "ready"
    daemon.process.kill()
    with pytest.raises(NotReachableError, match="hung up without a word"):
        list(coming)
    wait_until(lambda: not stage.jobs(), SOON, "the job ends by itself")


def test_an_unknown_target_is_refused_at_once(stage: Stage) -> None:
    stage.up(ticking())
    with Client(str(stage.socket)) as client, pytest.raises(NoSuchTargetError):
        client.logs_follow("nope")


def test_a_reader_that_does_not_read_is_dropped_and_told_why(stage: Stage) -> None:
    daemon = stage.up(program("loud", FLOOD, numprocs=2, min_runtime=0, stop=AT_ONCE, log={"to": "none"}), ticking())
    coming = Client(str(stage.socket)).logs_follow("loud")
    before = resident_of(daemon.pid)
    stage.write("go", "")
    holds_for(lambda: daemon.program("job")["running"] >= 0, 1.0, "minisup answers while nobody reads")
    assert resident_of(daemon.pid) - before < 12 * MIB
    runs = daemon.program("job")["runs"]["worked"]
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > runs + 5, SOON, "the other program goes on")
    with pytest.raises(MinisupError, match="comes faster than it is read"):
        assert all(line["text"] == "x" * 99 for line in coming)


def test_a_reader_that_leaves_harms_nobody(stage: Stage) -> None:
    daemon = stage.up(ticking())
    for _ in range(70):  # more than there are connections
        coming = Client(str(stage.socket)).logs_follow()
        next(coming)
        coming.close()
    assert daemon.status()["state"] == "running"


def test_one_half_of_a_connection_may_be_closed(stage: Stage) -> None:
    stage.up(ticking())
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile() as received:
        sock.settimeout(SOON)
        sock.connect(str(stage.socket))
        sock.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "logs.follow"}\n')
        sock.shutdown(socket.SHUT_WR)
        assert json.loads(received.readline()) == {"jsonrpc": "2.0", "id": 1, "result": {"following": True}}
        for _ in range(3):
            notification = json.loads(received.readline())
            assert notification["method"] == "logs.follow"
            assert set(notification) == {"jsonrpc", "method", "params"}
            assert set(notification["params"]) == {"slot", "run", "stream", "timestamp", "lines"}


# --- on the command line ----------------------------------------------------------------------------------------------


def followed(stage: Stage, *words: object, **keys: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "minisup", "-s", stage.socket, "logs", "--follow", *words]
    return stage.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keys)


def test_a_pipe_gets_plain_lines_at_once_and_ctrl_c_is_quiet(stage: Stage) -> None:
    stage.up(ticking("a"), ticking("b"))
    process = followed(stage, "-n", 0)
    seen = set()
    for _ in range(1000):
        seen.add(re.sub(r"\d+\n", "N", process.stdout.readline()))
        if len(seen) == 4:
            break
    assert seen == {"a:0 | out 0 N", "b:0 | out 0 N", "a:0 | err\n", "b:0 | err\n"}
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=SOON)
    assert (process.returncode, error) == (128 + signal.SIGINT, "")


def test_each_line_is_an_object_with_json(stage: Stage) -> None:
    stage.up(ticking())
    process = followed(stage, "job", "--json")
    line = json.loads(process.stdout.readline())
    assert set(line) == {"slot", "run", "stream", "timestamp", "text"}
    process.terminate()
    process.communicate(timeout=SOON)


def test_the_end_of_minisup_is_told(stage: Stage) -> None:
    daemon = stage.up(ticking())
    process = followed(stage)
    process.stdout.readline()
    daemon.term()
    _, error = process.communicate(timeout=SOON)
    assert (process.returncode, error) == (0, "minisup has ended\n")


def test_minisup_that_dies_is_told(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo ready; sleep 0.5"), log={"to": "none"}))
    process = followed(stage)
    process.stdout.readline()
    daemon.process.kill()
    _, error = process.communicate(timeout=SOON)
    assert process.returncode == 3
    assert error.startswith("cannot follow any longer: minisup")
    wait_until(lambda: not stage.jobs(), SOON, "the job ends by itself")


def on_terminal(stage: Stage, *words: object, until: Sequence[bytes], **environ: str) -> bytes:
    """What `logs --follow` shows on a terminal until each of `until` has come twice."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "minisup", "-s", stage.socket, "logs", "-f", *words]
    process = stage.popen(command, {"TERM": "xterm-256color", **environ}, stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    shown = b""

    def enough() -> bool:
        nonlocal shown
        if select.select([master], [], [], 0.05)[0]:
            shown += os.read(master, 4096)
        return all(shown.count(text) > 1 for text in until)

    try:
        wait_until(enough, SOON, "it shows lines")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(SOON)
        os.close(master)
    return shown


def test_slots_have_colours_on_a_terminal(stage: Stage) -> None:
    stage.up(ticking("a"), ticking("b"))
    shown = on_terminal(stage, until=(b"a:0", b"b:0"))
    assert b"\x1b[36ma:0\x1b[0m" in shown or b"\x1b[32ma:0\x1b[0m" in shown
    assert b"\x1b[31m | \x1b[0merr" in shown, "the bar of stderr is red"
    assert b"\x1b[2m | \x1b[0mout 0" in shown


HOSTILE = b"\x1b]0;title\x07 10%\rsms:0 | forged \x1b[31mred"


@pytest.mark.parametrize("words", [("logs",), ("logs", "-f"), ("run", "evil")], ids=" ".join)
def test_a_job_commands_no_terminal_but_has_its_colours(stage: Stage, words: tuple[str, ...]) -> None:
    """The title, the clipboard, and a return to the start of the line, over the name of the slot."""
    stage.write("hostile", HOSTILE.decode() + "\n")
    daemon = stage.up(program("evil", "cat hostile", kind="task"))
    wait_until(lambda: daemon.program("evil")["runs"]["worked"], SOON, "it has printed")
    written_out = rb"\x1b]0;title\x07 10%\rsms:0 | forged " + b"\x1b[31mred\x1b[0m\r\n"
    assert written_out in on_a_terminal(stage, *words)
    assert HOSTILE + b"\r\n" in on_a_terminal(stage, *words, "--raw")
    if "-f" not in words:
        as_it_is = HOSTILE.decode().replace("\r", "\n")  # so text is read from a pipe
        assert as_it_is + "\n" in stage.command(*words).stdout


def test_a_job_commands_no_terminal_of_up(stage: Stage) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    stage.write("hostile", HOSTILE.decode() + "\n")
    daemon = stage.up(
        program("evil", "cat hostile", kind="task"),
        program("free", "cat hostile", kind="task", after=["evil"], log={"format": "raw"}),
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while b"free worked" not in shown and select.select([master], [], [], SOON)[0]:
        shown += os.read(master, 4096)
    assert rb"evil:0 | \x1b]0;title\x07 10%\rsms:0 | forged " + b"\x1b[31mred\x1b[0m\n" in shown
    assert shown.count(HOSTILE) == 1, "raw is raw"
    daemon.end()
    os.close(master)


def on_a_terminal(stage: Stage, *words: str) -> bytes:
    """What a command shows on a terminal, to its end or to the first end of a line."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "minisup", "-s", stage.socket, *words]
    process = stage.popen(command, {"TERM": "xterm", "NO_COLOR": "1"}, stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    shown = b""
    try:
        while not shown.endswith(b"\n") and select.select([master], [], [], SOON)[0]:
            shown += os.read(master, 4096)
    finally:
        process.kill()
        process.wait(SOON)
        os.close(master)
    return shown


def test_no_color_is_respected(stage: Stage) -> None:
    stage.up(ticking("a"))
    shown = on_terminal(stage, until=(b"a:0",), NO_COLOR="1")
    assert b"\x1b[3" not in shown
    assert b"a:0" in shown


def test_the_output_of_a_run_that_left_nothing_is_explained(stage: Stage) -> None:
    daemon = stage.up(ticking())
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > 3, SOON, "it has printed")
    done = stage.command("logs", "--run", 2)
    assert done.stdout == "job:0 | out 0 2\njob:0 | err\n"
    wait_until(stage.path("state/history.db").exists, SOON, "the history, which is written later, is there")
    done = stage.command("logs", "--run", 999_999)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cannot find run 999999: ")
    lines = stage.command("logs", "job", "-n", 3, "--json").stdout
    assert len(json.loads(lines)["lines"]) == 3
    assert stage.command("logs", "job", "-n", 0).stdout == ""


def test_a_program_with_a_file_can_be_followed(stage: Stage) -> None:
    stage.up(ticking("a", log={"to": "file", "path": "a.log", "format": "json", "stderr": "join"}))
    with closing(Client(str(stage.socket)).logs_follow()) as coming:
        assert next(coming)["text"] in ("out 0 1", "out 0 2", "out 0 3", "err")


# --- what it costs ----------------------------------------------------------------------------------------------------


class Wire:
    """A connection that takes so many lines."""

    def __init__(self, takes: int = 1000) -> None:
        self.takes = takes
        self.got: list[bytes] = []
        self.last: bytes | None = None

    def notify(self, line: bytes) -> bool:
        self.takes -= 1
        if self.takes >= 0:
            self.got.append(line)
        return self.takes >= 0

    def send(self, line: bytes, *, last: bool) -> None:
        assert last
        self.last = line

    def texts(self) -> list[str]:
        return [text for line in self.got for text in json.loads(line)["params"]["lines"]]


class Works(Plumbing):
    """A pump whose output goes nowhere, and those who follow it."""

    def __init__(self) -> None:
        super().__init__()
        nowhere = NullSink(self.loop)
        self.pump = Pump(self.loop, Outlets(self.loop, nowhere, nowhere, lambda _fact: None))
        self.followers = Followers(self.pump)

    def run(self, output: bytes, slot: str = "a:0", run: int = 1) -> None:
        """A run that prints `output`."""
        pipes = self.pump.open(slot, run, Outlet(stderr="join"))
        assert pipes
        with tempfile.TemporaryFile() as file:
            file.write(output)
            file.seek(0)
            child = subprocess.Popen(["cat"], stdin=file, stdout=pipes.stdout_fd)
        self.pump.started(pipes)
        self.until(lambda: child.poll() is not None)
        assert not self.pump.finish(run)

    def follow(self, wire: Wire, lines: int = 0) -> Following:
        following = self.followers.add(["a:0"], lambda slot: slot == "a:0", lines, None)
        following.attach(wire)
        return following


@pytest.fixture
def works() -> Iterator[Works]:
    works = Works()
    yield works
    works.end()


def test_no_line_of_a_flood_is_missing(works: Works) -> None:
    """The tail keeps 32 KiB; those who follow get everything, also where a chunk begins in the middle of a line."""
    lines = [f"line {number} {'x' * (number % 100)}" for number in range(30_000)]
    wire = Wire(1_000_000)
    works.follow(wire)
    works.run("".join(f"{line}\n" for line in lines).encode())
    assert wire.texts() == lines


def test_only_what_is_wanted_is_told_and_bytes_that_are_not_utf_8_are_replaced(works: Works) -> None:
    wire = Wire()
    works.follow(wire)
    works.run(b"one\xff\n\nlast")
    works.run(b"another\n", slot="b:0", run=2)
    assert wire.texts() == ["one\ufffd", "", "last"]


def test_what_is_told_before_the_reply_comes_after_it(works: Works) -> None:
    works.run(b"old\n")
    following = works.followers.add(["a:0"], lambda _slot: True, 10, None)
    works.run(b"new\n", run=2)
    wire = Wire()
    following.attach(wire)
    assert wire.texts() == ["old", "new"]


def test_who_is_too_slow_is_told_so_and_nothing_more(works: Works) -> None:
    wire = Wire(takes=1)
    following = works.follow(wire)
    for run in range(1, 4):
        works.run(b"line\n", run=run)
    assert following.gone
    assert wire.texts() == ["line"]
    assert wire.last == notification_line("logs.follow", {"ended": "slow"})


def test_while_nobody_follows_nothing_is_told(works: Works) -> None:
    works.run(b"line\n")
    tail = works.pump._tails["a:0"]
    assert tail.listener is None
    following = works.follow(Wire())
    assert tail.listener is not None
    following.leave()
    assert tail.listener is None
    works.run(b"line\n", slot="b:0", run=2)
    assert works.pump._tails["b:0"].listener is None


def test_the_end_is_told_to_all(works: Works) -> None:
    wires = [Wire(), Wire()]
    for wire in wires:
        works.follow(wire)
    works.followers.end()
    assert [wire.last for wire in wires] == [notification_line("logs.follow", {"ended": "shutdown"})] * 2
    assert works.followers._followers == {}
