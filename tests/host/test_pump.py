import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from plumbing import Plumbing, Reader

from minisup.core.facts import PipesClosed
from minisup.host.output.outlets import Outlet, Outlets
from minisup.host.output.pump import MOST_HELD, Pipes, Pump
from minisup.host.output.sink import FULL, Sink


class Works(Plumbing):
    """A pump between real pipes: jobs on one side, the readers of stdout and stderr on the other."""

    def __init__(self) -> None:
        super().__init__()
        (out_read, out_write), (err_read, err_write) = self.pipe(), self.pipe()
        self.out, self.err = Reader(self, out_read), Reader(self, err_read)
        self.stdout, self.stderr = self.sink(out_write), self.sink(err_write)
        self.drained: list[str] = []
        self.facts: list[object] = []
        self.pump = Pump(
            self.loop,
            Outlets(self.loop, self.stdout, self.stderr, self.facts.append),
            self.drained.append,
            self.facts.append,
        )
        self.children: list[subprocess.Popen[bytes]] = []

    def open(self, slot: str = "email:0", run: int = 1, to: str = "console", form: str = "prefix") -> Pipes:
        pipes = self.pump.open(slot, run, Outlet(to, form))
        assert pipes is not None
        return pipes

    def start(self, script: str, run: int = 1, slot: str = "email:0", **log: str) -> subprocess.Popen[bytes]:
        """A real job, `sh -c script`; its exit is not waited for."""
        pipes = self.pump.open(slot, run, Outlet(**log))
        assert pipes is not None
        command = ["sh", "-c", script]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=pipes.stdout_fd, stderr=pipes.stderr_fd, start_new_session=True
        )
        self.pump.started(pipes)
        self.children.append(child)
        return child

    def run(self, script: str, run: int = 1, slot: str = "email:0", **log: str) -> bool:
        """A job from its start to its end, as the supervisor does it; whether it has to wait for the sink."""
        child = self.start(script, run, slot, **log)
        self.until(lambda: child.poll() is not None)
        return self.pump.finish(run)

    def texts(self, slot: str = "email:0") -> list[str]:
        return [line.text for line in self.pump.tail(slot)]

    def fill(self, sink: Sink) -> int:
        """Fill a sink whose reader does not read; the bytes written."""
        written = 0
        for _ in range(10_000):
            if sink.full:
                return written
            sink.write(b"." * 9999 + b"\n")
            written += 10_000
        raise AssertionError("never full")

    def end(self) -> None:
        for child in self.children:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.communicate()
        self.pump.close()
        super().end()


@pytest.fixture
def works() -> Iterator[Works]:
    works = Works()
    yield works
    works.end()


def open_fds() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


PRINT = f"exec {sys.executable} -S -c"


def test_lines_come_with_their_slot_on_their_own_stream(works: Works) -> None:
    assert not works.run("echo one; echo two; echo three >&2; printf last")
    assert works.out.read_until(lambda: works.out.got.count(b"\n") == 3) == (
        b"email:0 | one\nemail:0 | two\nemail:0 | last\n"
    )
    assert works.err.read_until(lambda: b"\n" in works.err.got) == b"email:0 | three\n"
    assert {(line.stream, line.text) for line in works.pump.tail("email:0")} == {
        ("stdout", "one"),
        ("stdout", "two"),
        ("stdout", "last"),
        ("stderr", "three"),
    }


def test_joined_streams_keep_their_order(works: Works) -> None:
    works.run("for i in 1 2 3; do echo out; echo err >&2; done", stderr="join")
    assert works.texts() == ["out", "err"] * 3
    assert works.out.read_until(lambda: works.out.got.count(b"\n") == 6) == b"email:0 | out\nemail:0 | err\n" * 3
    assert not works.err.read()


def test_a_line_is_seen_while_its_run_goes_on(works: Works) -> None:
    child = works.start("echo now; read forever")
    works.out.read_until(lambda: works.out.got == b"email:0 | now\n")
    assert child.poll() is None
    assert works.texts() == ["now"]


def test_half_a_line_waits_for_its_other_half(works: Works) -> None:
    child = works.start("printf half; read go; echo ' and half'; read forever")
    works.until(lambda: works.pump._runs[1].streams[0]._lines._partial == b"half")
    other = works.start("echo other; read forever", run=2, slot="email:1")
    works.out.read_until(lambda: b"other" in works.out.got)
    assert child.stdin
    child.stdin.write(b"\n")
    child.stdin.flush()
    got = works.out.read_until(lambda: works.out.got.count(b"\n") == 2)
    assert sorted(got.splitlines()) == [b"email:0 | half and half", b"email:1 | other"]
    assert other.poll() is None


def test_lines_of_many_slots_never_mix(works: Works) -> None:
    script = f"""{PRINT} "
import os
for number in range(2000):
    for piece in (b'start ', b'%d' % number, b' middle', b' end\\n'): os.write(1, piece)
" """
    children = [works.start(script, run, f"email:{run}") for run in range(3)]
    for run, child in enumerate(children):
        works.out.read_until(lambda child=child: child.poll() is not None)
        works.pump.finish(run)
    got = works.out.read_until(lambda: works.out.got.count(b"\n") == 6000).decode().splitlines()
    for run in range(3):
        mine = [line for line in got if line.startswith(f"email:{run} | ")]
        assert mine == [f"email:{run} | start {number} middle end" for number in range(2000)]


def test_raw_is_byte_for_byte_what_the_job_wrote(works: Works) -> None:
    works.run(r"printf 'a\r\n\377\000\n\n'; head -c 150000 /dev/zero; printf 'no newline'", format="raw")
    expected = b"a\r\n\xff\x00\n\n" + bytes(150_000) + b"no newline"
    assert works.out.read_until(lambda: len(works.out.got) >= len(expected)) == expected


def test_bytes_that_are_no_text_pass_with_a_prefix(works: Works) -> None:
    works.run(r"printf '\377\376\n\000'")
    assert works.out.read_until(lambda: works.out.got.count(b"\n") == 2) == b"email:0 | \xff\xfe\nemail:0 | \x00\n"


def test_two_mebibytes_right_before_the_end_arrive_whole(works: Works) -> None:
    line = b"y" * 1023 + b"\n"
    child = works.start(f"""{PRINT} "import os; [os.write(1, b'y' * 1023 + b'\\n') for _ in range(2048)]" """)
    works.out.read_until(lambda: child.poll() is not None)
    works.pump.finish(1)
    expected = (b"email:0 | " + line) * 2048
    assert works.out.read_until(lambda: len(works.out.got) >= len(expected)) == expected


def test_what_is_in_the_pipe_at_the_end_is_read_at_once(works: Works) -> None:
    """Nothing is left for later turns: the run's end can be told with its last line."""
    pipes = works.open()
    for _ in range(64):
        os.write(pipes.stdout_fd, b"z" * 999 + b"\n")
    os.write(pipes.stdout_fd, b"the last line")
    works.pump.started(pipes)
    assert not works.pump.finish(1)
    assert works.pump.last_line("email:0", 1) == "the last line"


def test_silent_runs_leave_no_descriptor_open(works: Works) -> None:
    before = open_fds()
    for run in range(300):
        pipes = works.open(run=run)
        works.pump.started(pipes)
        assert not works.pump.finish(run)
    assert not open_fds() - before  # another test's last thread may close one meanwhile
    works.pump.abandon(works.open(run=301))
    assert not open_fds() - before


def test_a_run_that_ends_before_its_pipe_was_watched_and_one_after_leave_no_descriptor_open(works: Works) -> None:
    before = open_fds()
    assert not works.run("echo quick")
    child = works.start("echo slow; read go", run=2)
    works.out.read_until(lambda: b"slow" in works.out.got)
    child.communicate(b"\n")
    assert not works.pump.finish(2)
    works.children[0].communicate()
    assert open_fds() == before


def test_a_job_that_closes_its_output_and_works_on_costs_nothing(works: Works) -> None:
    before = open_fds()
    child = works.start("echo bye; exec >&- 2>&-; read go")
    works.out.read_until(lambda: b"bye" in works.out.got)
    works.until(lambda: len(open_fds()) <= len(before) + 1)  # the child's stdin is ours
    child.communicate(b"\n")
    assert not works.pump.finish(1)


def test_when_nobody_reads_the_printer_waits_and_the_silent_do_not(works: Works) -> None:
    works.fill(works.stdout)
    printer = works.start("echo hello")
    works.until(lambda: printer.poll() is not None)
    assert works.pump.finish(1)
    before = open_fds()
    for run in range(2, 52):
        assert not works.run("exit 0", run, "email:1")
    assert not works.run("echo on stderr >&2", 52, "email:1")
    assert len(open_fds() - before) <= 52 - 1  # stdin pipes of the children, none of ours
    for child in works.children:
        child.communicate()
    assert len(open_fds()) <= len(before)
    assert not works.drained
    works.err.read_until(lambda: b"on stderr" in works.err.got)
    works.out.read_until(lambda: works.drained)
    assert works.drained == ["email:0"]
    works.out.read_until(lambda: works.out.got.endswith(b"email:0 | hello\n"))


def test_a_printer_waits_in_its_own_write_and_memory_stays_bounded(works: Works) -> None:
    child = works.start("yes | tr y '\\n'")  # empty lines grow the most
    works.until(lambda: works.stdout.full)
    for _ in range(50):
        works.turn(0.001)
    assert works.stdout.size <= 2 * FULL
    assert child.poll() is None
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert works.pump.finish(1)
    works.out.read_until(lambda: works.drained and not works.stdout.size)
    assert works.out.got == b"email:0 | \n" * works.out.got.count(b"\n")


def test_memory_stays_bounded_for_a_program_with_a_long_name(works: Works) -> None:
    works.start("yes | tr y '\\n'", slot="n" * 200 + ":0")
    works.until(lambda: works.stdout.full)
    assert works.stdout.size <= 2 * FULL


def test_everything_that_waited_is_read_in_order_when_somebody_reads_again(works: Works) -> None:
    works.fill(works.stdout)
    runs = {}
    for run in range(5):
        runs[run] = works.start(f"seq {run}0000 {run}2000", run, f"email:{run}")
    works.until(lambda: len([1 for stream in works.pump._outlets._stdout._waiting]) == 5)
    works.out.read_until(lambda: all(child.poll() is not None for child in runs.values()))
    for run in runs:
        works.pump.finish(run)
    works.out.read_until(lambda: works.out.got.count(b" | ") == 5 * 2001)
    lines = works.out.got.decode().splitlines()
    for run in runs:
        prefix = f"email:{run} | "
        mine = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
        assert mine == [str(number) for number in range(run * 10_000, run * 10_000 + 2001)]


def test_a_chatterbox_does_not_keep_the_others_from_a_slow_reader(works: Works) -> None:
    works.start("exec yes chatter", 1, "chatter:0")
    works.start("exec yes rival", 2, "rival:0")
    works.until(lambda: works.stdout.full)
    quiet = works.start("echo quiet", 3, "quiet:0")
    works.until(lambda: quiet.poll() is not None)
    assert works.pump.finish(3)
    works.out.read_until(lambda: b"quiet:0 | quiet\n" in works.out.got)
    works.out.read_until(lambda: len(works.out.got) > 16 * FULL)
    shares = [works.out.got.count(name) for name in (b"chatter:0", b"rival:0")]
    assert min(shares) > max(shares) / 10


def test_a_reader_that_goes_away_frees_the_waiting_runs(works: Works) -> None:
    works.fill(works.stdout)
    assert works.run("echo one; printf two")
    works.close(works.out.fd)
    works.until(lambda: works.drained == ["email:0"])
    assert works.texts() == ["one", "two"]
    assert not works.run("seq 100000 | tail -n 20000", 2)
    assert works.texts()[-1] == "100000"
    assert len(works.reports) == 1


def test_a_descendant_that_holds_the_pipe_delays_no_end_and_its_lines_count_as_the_old_runs(works: Works) -> None:
    before = open_fds()
    script = "exec 3<&0; (read go <&3; echo late; printf later) & printf 'leader, no newline'"
    child = works.start(script)
    works.until(lambda: child.poll() is not None)
    assert not works.pump.finish(1)
    assert works.pump.last_line("email:0", 1) == "leader, no newline"
    assert not works.run("echo second run", 2)
    child.communicate(b"\n")
    works.out.read_until(lambda: b"later" in works.out.got)
    assert [(line.run, line.text) for line in works.pump.tail("email:0")] == [
        (1, "leader, no newline"),
        (2, "second run"),
        (1, "late"),
        (1, "later"),
    ]
    assert works.out.got.count(b"email:0 | late") == 2
    works.children[1].communicate()
    works.until(lambda: open_fds() == before)
    assert not works.drained


def test_a_descendant_that_never_stops_printing_does_not_keep_a_run_from_ending(works: Works) -> None:
    child = works.start("yes descendant & echo leader")
    works.out.read_until(lambda: child.poll() is not None)
    start = time.monotonic()
    works.pump.finish(1)
    assert time.monotonic() - start < 1
    works.out.read_until(lambda: works.drained or not works.stdout.full)
    works.out.read_until(lambda: b"email:0 | leader\n" in works.out.got)


def test_a_waiting_run_is_drained_although_a_descendant_prints_on(works: Works) -> None:
    works.fill(works.stdout)
    child = works.start("echo leader; yes descendant &")
    works.until(lambda: child.poll() is not None)
    assert works.pump.finish(1)
    works.out.read_until(lambda: works.drained)
    works.out.read_until(lambda: b"email:0 | leader\n" in works.out.got)
    assert works.drained == ["email:0"]


def test_many_held_pipes_are_all_served(works: Works) -> None:
    before = open_fds()
    children = [works.start(f"exec 3<&0; (read go <&3; echo late {run}) &", run, f"email:{run}") for run in range(40)]
    for run, child in enumerate(children):
        works.until(lambda child=child: child.poll() is not None)
        assert not works.pump.finish(run)
    for child in children:
        child.communicate(b"\n")
    works.out.read_until(lambda: works.out.got.count(b"late") == 40)
    works.until(lambda: open_fds() == before)
    assert not works.pump._held


def leave_behind(works: Works, slot: str, run: int) -> int:
    """A run that has ended, whose stdout somebody still has; returns that descriptor."""
    pipes = works.open(slot, run)
    somebody = os.dup(pipes.stdout_fd)
    works.pump.started(pipes)
    works.pump.finish(run)
    return somebody


def test_what_a_programs_runs_left_behind_holds_so_many_pipes_and_no_more(works: Works) -> None:
    other = leave_behind(works, "other:0", 1)
    before = open_fds()
    somebody = [leave_behind(works, "email:0", run) for run in range(2, 2 + MOST_HELD + 12)]
    assert len(open_fds() - before) - len(somebody) == MOST_HELD
    assert works.facts == [PipesClosed("email:0", 2, 1), PipesClosed("email:0", 11, 10)]
    with pytest.raises(BrokenPipeError):
        os.write(somebody[0], b"nobody reads this\n")
    os.write(somebody[-1], b"late\n")
    os.write(other, b"later\n")
    works.out.read_until(lambda: b"email:0 | late\n" in works.out.got)
    works.out.read_until(lambda: b"other:0 | later\n" in works.out.got)
    for fd in (other, *somebody):
        os.close(fd)


def spare_descriptor() -> int | None:
    try:
        return os.dup(0)
    except OSError:
        return None


def test_a_new_run_gets_the_descriptors_of_what_is_held_open_the_longest(works: Works) -> None:
    somebody = [leave_behind(works, "leaky:0", run) for run in range(10)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), hard))
    try:
        taken = []
        while (fd := spare_descriptor()) is not None:
            taken.append(fd)
        works.pump.abandon(works.open("healthy:0", 20))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in (*taken, *somebody):
            os.close(fd)
    assert works.facts == [PipesClosed("leaky:0", 0, 1)]


def test_output_to_none_is_remembered_and_passed_on_to_nobody(works: Works) -> None:
    assert not works.run("echo silent; echo error >&2", to="none")
    assert not works.run("echo next", 2)
    assert works.out.read_until(lambda: works.out.got) == b"email:0 | next\n"
    assert not works.err.read()
    assert works.texts() == ["silent", "error", "next"]


def test_inherited_output_has_no_pipes(works: Works) -> None:
    before = open_fds()
    assert works.pump.open("email:0", 1, Outlet("inherit")) is None
    assert not works.pump.finish(1)
    assert open_fds() == before
    assert works.pump.tail("email:0") == []
    assert works.pump.last_line("email:0", 1) == ""


def test_a_job_gets_an_ordinary_blocking_pipe(works: Works) -> None:
    pipes = works.open()
    assert os.get_blocking(pipes.stdout_fd)
    assert os.get_blocking(pipes.stderr_fd)
    assert not os.get_inheritable(pipes.stdout_fd)
    works.pump.abandon(pipes)


def test_no_descriptors_left_is_an_error_that_leaks_none(works: Works) -> None:
    before = open_fds()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    # Enough for the first pipe, not for the second.
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 3, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            works.open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert open_fds() == before
    assert not works.run("echo fine")


def test_a_forgotten_slot_is_forgotten(works: Works) -> None:
    works.run("echo one")
    works.pump.forget("email:0")
    assert works.pump.tail("email:0") == []
    works.pump.forget("never:0")


def test_a_flush_takes_what_is_still_in_the_pipes(works: Works) -> None:
    child = works.start("seq 1 5000; printf end; read forever")
    works.out.read_until(lambda: b"5000" in works.out.got)
    os.set_blocking(works.out.fd, True)
    assert works.pump.flush(time.monotonic() + 5)
    assert child.poll() is None
    os.set_blocking(works.out.fd, False)
    works.out.read_until(lambda: works.out.got.endswith(b"email:0 | end\n"))


def test_a_flush_gets_a_waiting_run_out_to_a_reader_that_reads_again(works: Works) -> None:
    works.fill(works.stdout)
    assert works.run("seq 1 5000")
    os.set_blocking(works.out.fd, True)
    reader = subprocess.Popen(["tail", "-n", "5000"], stdin=works.out.fd, stdout=subprocess.PIPE)
    assert works.pump.flush(time.monotonic() + 5)
    works.sinks.remove(works.stdout)
    works.stdout.close()
    works.close(works.stdout.fd)
    out, _ = reader.communicate(timeout=10)
    assert out.decode().splitlines() == [f"email:0 | {number}" for number in range(1, 5001)]


def test_a_flush_ends_in_time_when_nobody_reads(works: Works) -> None:
    works.fill(works.stdout)
    assert works.run("echo never seen")
    start = time.monotonic()
    assert not works.pump.flush(start + 100)
    assert time.monotonic() - start < 5


def test_idle_runs_wake_nobody(works: Works) -> None:
    """The pipes of a run that neither prints nor ends are watched once and then cost nothing."""
    works.start("read forever")
    for _ in range(3):
        works.turn(0.1)
    now = time.monotonic()
    assert works.loop.wait(now + 0.2) == []
    assert time.monotonic() >= now + 0.19


def test_a_full_console_disk_stops_no_job(works: Works, tmp_path: Path) -> None:
    full = works.sink(works.opened(os.open("/dev/full", os.O_WRONLY)))
    pump = Pump(works.loop, Outlets(works.loop, full, full, works.facts.append))
    pipes = pump.open("email:0", 1, Outlet(stderr="join"))
    assert pipes
    child = subprocess.Popen(["seq", "100000"], stdout=pipes.stdout_fd, cwd=tmp_path)
    pump.started(pipes)
    works.until(lambda: child.poll() is not None)
    assert not pump.finish(1)
    assert pump.last_line("email:0", 1) == "100000"
    assert len(works.reports) == 1
