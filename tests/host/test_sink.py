import errno
import fcntl
import os
import pty
import re
import socket
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from plumbing import Plumbing, Reader

from minisup.config.keys.log_tables import Rotation
from minisup.core.facts import OutputStuck, OutputTaken
from minisup.host.output import writer_thread
from minisup.host.output.console import open_sink
from minisup.host.output.files.file_sink import FileSink
from minisup.host.output.ready import ReadySink
from minisup.host.output.sink import FULL, LOW, DirectSink, NullSink, Sink
from minisup.host.output.writer_thread import ThreadSink

KINDS = ("pipe", "pipe by thread", "socket", "terminal")
BLOCK = bytes(range(32, 96)) * 256  # 16 KiB


@pytest.fixture
def plumbing() -> Iterator[Plumbing]:
    plumbing = Plumbing()
    yield plumbing
    plumbing.end()


@pytest.fixture(params=KINDS)
def output(request: pytest.FixtureRequest, plumbing: Plumbing) -> tuple[Sink, Reader]:
    """A sink over a real descriptor, and the far end."""
    if request.param == "socket":
        one, other = socket.socketpair()
        read_end, write_end = plumbing.opened(one.detach()), plumbing.opened(other.detach())
    elif request.param == "terminal":
        read_end, write_end = map(plumbing.opened, pty.openpty())
        tty.setraw(write_end)
    else:
        read_end, write_end = plumbing.pipe()
    make = ThreadSink if request.param == "pipe by thread" else open_sink
    sink = plumbing.sink(write_end, make)
    assert isinstance(sink, ThreadSink if request.param in ("socket", "pipe by thread") else ReadySink)
    return sink, Reader(plumbing, read_end)


def fill(sink: Sink) -> bytes:
    """Write to a sink whose reader does not read until it is full; what was written."""
    for written in range(1000):
        if sink.full:
            return BLOCK * written
        sink.write(BLOCK)
    raise AssertionError("never full")


def test_what_is_written_arrives_without_anybody_waiting_for_more(output: tuple[Sink, Reader]) -> None:
    sink, reader = output
    for number in range(100):
        sink.write(b"line %d\n" % number)
    expected = b"".join(b"line %d\n" % number for number in range(100))
    assert reader.read_until(lambda: len(reader.got) >= len(expected)) == expected


def test_a_reader_that_stops_and_goes_on_gets_everything_in_order(
    plumbing: Plumbing, output: tuple[Sink, Reader]
) -> None:
    sink, reader = output
    expected = fill(sink)
    assert sink.size >= FULL
    spaces: list[int] = []
    sink.when_space(lambda: spaces.append(sink.size))
    for _ in range(3):
        plumbing.turn(0.01)
    assert not spaces
    assert reader.read_until(lambda: len(reader.got) == len(expected)) == expected
    plumbing.until(lambda: spaces)
    assert len(spaces) == 1
    assert spaces[0] < LOW
    plumbing.until(lambda: not sink.size)


def test_when_there_is_space_already_the_callback_comes_in_a_later_turn(
    plumbing: Plumbing, output: tuple[Sink, Reader]
) -> None:
    sink, _ = output
    spaces: list[bool] = []
    sink.when_space(lambda: spaces.append(True))
    assert not spaces
    plumbing.until(lambda: spaces)


def test_own_lines_are_dropped_and_counted_when_nobody_reads(output: tuple[Sink, Reader]) -> None:
    sink, reader = output
    assert sink.offer(b"first\n")
    expected = b"first\n" + fill(sink)
    assert not sink.offer(b"one too many\n")
    assert not sink.offer(b"another\n")
    assert sink.dropped == 2
    reader.read_until(lambda: len(reader.got) == len(expected) and not sink.size)
    assert sink.offer(b"last\n")
    assert reader.read_until(lambda: reader.got.endswith(b"last\n")) == expected + b"last\n"


def test_a_reader_that_goes_away_is_reported_once_and_frees_who_waits(
    plumbing: Plumbing, output: tuple[Sink, Reader]
) -> None:
    sink, reader = output
    fill(sink)
    spaces: list[bool] = []
    sink.when_space(lambda: spaces.append(True))
    plumbing.close(reader.fd)
    plumbing.until(lambda: spaces)
    plumbing.until(lambda: sink.broken)
    sink.write(BLOCK)
    sink.write(BLOCK)
    assert not sink.full
    assert not sink.offer(b"own line\n")
    plumbing.turn(0.01)
    assert plumbing.errnos() in ([errno.EPIPE], [errno.EIO])
    assert sink.flush(time.monotonic() + 5)


def test_a_flush_ends_in_time_when_nobody_reads(output: tuple[Sink, Reader]) -> None:
    sink, _ = output
    fill(sink)
    start = time.monotonic()
    assert not sink.flush(start + 0.1)
    assert 0.05 < time.monotonic() - start < 0.9
    start = time.monotonic()
    assert not sink.flush(start + 100)
    assert 0.9 < time.monotonic() - start < 5


def test_a_flush_waits_for_a_reader_that_reads(plumbing: Plumbing) -> None:
    for make in (open_sink, ThreadSink):
        read_end, write_end = plumbing.pipe()
        sink = plumbing.sink(write_end, make)
        expected = fill(sink)
        reader = subprocess.Popen(["wc", "-c"], stdin=read_end, stdout=subprocess.PIPE)
        assert sink.flush(time.monotonic() + 5)
        sink.close()
        plumbing.sinks.clear()
        plumbing.close(read_end, write_end)
        assert int(reader.communicate(timeout=10)[0]) == len(expected)


def test_the_descriptor_that_we_were_given_stays_blocking(plumbing: Plumbing, output: tuple[Sink, Reader]) -> None:
    sink, _ = output
    fill(sink)
    plumbing.turn(0.01)
    assert os.get_blocking(sink.fd)


def test_a_queue_of_short_lines_takes_no_more_memory_than_one_of_long_ones(output: tuple[Sink, Reader]) -> None:
    sink, _ = output
    line = b"x" * 39 + b"\n"
    written = 0
    while not sink.full and written < 1_000_000:
        sink.write(bytes(line))
        written += 1
    assert written * (sys.getsizeof(line) + 8) < 1.2 * FULL + (1 << 18)  # the second part is what the system holds


def test_a_full_disk_is_reported_once_and_once_more_when_it_has_space_again(plumbing: Plumbing) -> None:
    fd = plumbing.opened(os.open("/dev/full", os.O_WRONLY))
    sink = plumbing.sink(fd)
    for _ in range(3):
        sink.write(b"x" * 10)
    assert plumbing.errnos() == [errno.ENOSPC]
    assert sink.lost == 30
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)
    sink.write(b"x")
    sink.write(b"x")
    assert plumbing.errnos() == [errno.ENOSPC, None]
    assert not sink.broken
    assert sink.lost == 30


def test_a_full_disk_behind_a_thread_is_reported_and_over_when_it_is_over(plumbing: Plumbing) -> None:
    fd = plumbing.opened(os.open("/dev/full", os.O_WRONLY))
    sink = plumbing.sink(fd, ThreadSink)
    sink.write(b"x" * 10)
    plumbing.until(lambda: plumbing.errnos() == [errno.ENOSPC])
    assert sink.lost == 10
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, fd)
    os.close(null)
    sink.write(b"x")
    plumbing.until(lambda: plumbing.errnos() == [errno.ENOSPC, None])
    assert sink.lost == 10


def test_a_file_takes_everything_through_a_thread(plumbing: Plumbing, tmp_path: Path) -> None:
    path = tmp_path / "out"
    fd = plumbing.opened(os.open(path, os.O_WRONLY | os.O_CREAT))
    sink = plumbing.sink(fd)
    assert isinstance(sink, ThreadSink)
    for _ in range(300):
        sink.write(BLOCK)
    assert sink.flush(time.monotonic() + 5)
    assert path.read_bytes() == BLOCK * 300
    sink.write(b"after a pause\n")
    assert sink.flush(time.monotonic() + 5)
    assert path.read_bytes().endswith(b"after a pause\n")


def test_the_thread_of_a_sink_takes_no_signals(plumbing: Plumbing) -> None:
    before = set(os.listdir("/proc/self/task"))
    _, write_end = plumbing.pipe()
    sink = plumbing.sink(write_end, ThreadSink)
    sink.write(b"x")
    plumbing.until(lambda: not sink.size)
    (thread,) = set(os.listdir("/proc/self/task")) - before
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    blocked = int(re.search(r"SigBlk:\s*(\w+)", status).group(1), 16)  # type: ignore[union-attr] # always there
    assert all(blocked >> (number - 1) & 1 for number in (1, 2, 15, 17))


def test_a_pipe_that_somebody_else_made_non_blocking_loses_nothing(plumbing: Plumbing) -> None:
    read_end, write_end = plumbing.pipe()
    os.set_blocking(write_end, False)
    sink = plumbing.sink(write_end, ThreadSink)
    reader = Reader(plumbing, read_end)
    expected = fill(sink)
    assert reader.read_until(lambda: len(reader.got) == len(expected)) == expected
    assert not plumbing.reports


def test_a_pipe_without_a_reader_breaks_the_sink_and_nothing_else(plumbing: Plumbing) -> None:
    read_end, write_end = plumbing.pipe()
    plumbing.close(read_end)
    sink = plumbing.sink(write_end)
    sink.write(b"x")
    plumbing.until(lambda: sink.broken)
    assert plumbing.errnos() == [errno.EPIPE]


def test_a_pipe_that_may_not_be_opened_again_is_written_by_a_thread(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path, flags)

    read_end, write_end = plumbing.pipe()
    monkeypatch.setattr("minisup.host.output.ready.os.open", refuse)
    sink = plumbing.sink(write_end)
    assert isinstance(sink, ThreadSink)
    sink.write(b"x")
    reader = Reader(plumbing, read_end)
    assert reader.read_until(lambda: reader.got) == b"x"


def test_when_no_thread_can_be_started_it_is_tried_again(plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch) -> None:
    start = writer_thread.start_new_thread
    tries: list[int] = []

    def sometimes(*arguments: object) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("can't start new thread")
        return start(*arguments)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(writer_thread, "start_new_thread", sometimes)
    monkeypatch.setattr(writer_thread, "START_RETRY", 0.01)
    read_end, write_end = plumbing.pipe()
    sink = plumbing.sink(write_end, ThreadSink)
    sink.write(b"one ")
    sink.write(b"two")
    reader = Reader(plumbing, read_end)
    assert reader.read_until(lambda: len(reader.got) == 7) == b"one two"
    assert len(tries) == 2


def test_a_closed_descriptor_gets_a_sink_that_forgets(plumbing: Plumbing) -> None:
    _, write_end = plumbing.pipe()
    plumbing.close(write_end)
    sink = plumbing.sink(write_end)
    assert isinstance(sink, NullSink)
    sink.write(b"x")
    assert sink.flush(time.monotonic() + 1)
    assert not sink.full


def test_dev_null_is_written_directly(plumbing: Plumbing) -> None:
    sink = plumbing.sink(plumbing.opened(os.open("/dev/null", os.O_WRONLY)))
    assert isinstance(sink, DirectSink)
    sink.write(BLOCK)
    assert sink.flush(time.monotonic() + 1)
    assert not plumbing.reports


def test_a_terminal_that_takes_nothing_although_writable_does_not_spin(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_end, write_end = plumbing.pipe()
    sink = plumbing.sink(write_end)
    expected = fill(sink)
    write = os.write
    tries: list[int] = []

    def stubborn(fd: int, data: bytes) -> int:
        if fd == sink._own:  # type: ignore[attr-defined] # a ReadySink
            tries.append(1)
            raise BlockingIOError
        return write(fd, data)

    reader = Reader(plumbing, read_end)
    reader.read()
    with monkeypatch.context() as patch:
        patch.setattr("minisup.host.output.ready.os.write", stubborn)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            plumbing.turn(0.01)
    assert 2 <= len(tries) <= 25
    assert reader.read_until(lambda: len(reader.got) == len(expected)) == expected


def test_stdout_and_stderr_share_a_sink_only_if_they_lead_to_the_same_place() -> None:
    code = """if True:
        from minisup.host.clock import Clock; from minisup.host.loop import Loop
        from minisup.host.output.console import open_console
        stdout, stderr = open_console(Loop(Clock()), print)
        stdout.write(b'one '); stderr.write(b'two '); stdout.write(b'three ')
        stderr.write(b'same' if stdout is stderr else b'not')
    """
    command = [sys.executable, "-c", code]
    joined = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=True)
    assert joined.stdout == b"one two three same"
    apart = subprocess.run(command, capture_output=True, timeout=20, check=True)
    assert (apart.stdout, apart.stderr) == (b"one three ", b"two not")


def test_no_job_can_inherit_the_second_descriptor_of_a_pipe(plumbing: Plumbing) -> None:
    _, write_end = plumbing.pipe()
    sink = plumbing.sink(write_end)
    assert isinstance(sink, ReadySink)
    assert fcntl.fcntl(sink._own, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_a_log_file_that_has_no_thread_to_write_it_is_said_once_and_written_when_there_is_one(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = writer_thread.start_new_thread
    refusals = [RuntimeError("can't start new thread")] * 3

    def sometimes(*arguments: object) -> int:
        if refusals:
            raise refusals.pop()
        return start(*arguments)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(writer_thread, "start_new_thread", sometimes)
    monkeypatch.setattr(writer_thread, "START_RETRY", 0.01)
    facts: list[object] = []
    path = tmp_path / "log"
    sink = FileSink(str(path), Rotation(), plumbing.loop, facts.append)
    plumbing.sinks.append(sink)
    sink.write(b"all of it\n")
    plumbing.until(lambda: path.exists() and path.read_text() == "all of it\n")
    assert facts == [OutputStuck(str(path)), OutputTaken(str(path), 0)]
