"""Nobody reads minisup's stdout, then it is closed: control answers, other programs go on, those that print wait."""

import os
import signal
import subprocess
from collections.abc import Callable
from statistics import median

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until

ANSWER = 0.1
"""Seconds in which status and stop must be answered. The median of several, because the machine has other work too."""
COUNT = 400_000
"""Lines that fit neither into the pipes nor into minisup's buffer: 2.7 MB."""
LINE = "x" * 99
PRINTER = f"yes {LINE} | head -n 2000; echo $MINISUP_RUN_ID >> printed"  # 200 kB a run


def loud_and_quiet(stage: Stage, **popen: object) -> Daemon:
    """A program that prints and one that does not, with a stdout (and stderr) that nobody reads, full."""
    daemon = stage.up(
        program("loud", sh(PRINTER), min_runtime=0, numprocs=2, stop=AT_ONCE),
        program("quiet", sh("echo tick >> ticks; sleep 0.05"), min_runtime=0, log={"to": "none"}, stop=AT_ONCE),
        stdout=subprocess.PIPE,
        **popen,
    )
    wait_until(lambda: stage.lines("ticks"), SOON, "the quiet program runs")
    wait_until(lambda: stalled(stage), SOON, "the printers wait")
    return daemon


def stalled(stage: Stage) -> bool:
    """Whether no printer has got anywhere for half a second."""
    before, watch = len(stage.lines("printed")), Stopwatch()
    wait_until(lambda: watch.seconds > 0.5, 1.0)
    return before == len(stage.lines("printed"))


def assert_quick(call: Callable[[], object], times: int) -> None:
    taken = []
    for _ in range(times):
        watch = Stopwatch()
        call()
        taken.append(watch.seconds)
    assert median(taken) < ANSWER, taken


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_reader_that_stops_reading_stops_nobody_but_the_printers(stage: Stage, both: bool) -> None:
    daemon = loud_and_quiet(stage, **({"stderr": subprocess.STDOUT} if both else {}))
    ticks = len(stage.lines("ticks"))
    wait_until(lambda: len(stage.lines("ticks")) > ticks + 5, SOON, "the quiet program goes on")
    assert_quick(daemon.status, 9)
    assert_quick(lambda: daemon.ask("stop", ["quiet"], wait=True, now=True), 1 + 4)
    assert daemon.program("quiet")["phases"] == {"off": 1}
    assert daemon.program("loud")["runs"]["failed"] == 0
    stop = Stopwatch()
    daemon.ask("stop", ["loud"], wait=True, now=True)
    assert stop.seconds < SLACK, "a printer that waits is stopped all the same"


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_reader_that_goes_away_sets_the_printers_free(stage: Stage, both: bool) -> None:
    daemon = loud_and_quiet(stage, **({"stderr": subprocess.STDOUT} if both else {}))
    printed = len(stage.lines("printed"))
    daemon.process.stdout.close()
    wait_until(lambda: len(stage.lines("printed")) > printed + 5, SOON, "the printers go on")
    assert daemon.program("loud")["runs"]["failed"] == daemon.program("loud")["runs"]["crashed"] == 0
    daemon.term()
    assert daemon.wait() == 0
    if not both:
        assert len([line for line in daemon.stderr.splitlines() if "stdout" in line]) == 1, daemon.stderr


def test_a_reader_that_reads_again_gets_every_line_in_order(stage: Stage) -> None:
    counting = sh(f"seq {COUNT}; sleep 1000")
    daemon = stage.up(program("counting", counting, log={"format": "raw"}, stop=AT_ONCE), stdout=subprocess.PIPE)
    daemon.running_pid("counting:0")
    assert stalled(stage)
    lines = [daemon.process.stdout.readline() for _ in range(COUNT)]
    assert lines == [f"{number}\n".encode() for number in range(1, COUNT + 1)]


def test_shutdown_does_not_wait_for_a_reader_that_does_not_read(stage: Stage) -> None:
    daemon = loud_and_quiet(stage)
    taken = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert taken.seconds < 4.0 + SLACK


def test_a_printer_that_cannot_print_waits_with_the_reason_output(stage: Stage) -> None:
    full = sh(f"yes {LINE} | head -n 600; echo $MINISUP_RUN_ID >> printed")  # 60 kB: the pipe takes it all
    daemon = stage.up(program("loud", full, min_runtime=0, stop=AT_ONCE), stdout=subprocess.PIPE)
    wait_until(lambda: daemon.slot("loud:0")["reason"] == "output", SOON, "the slot waits for its output")
    runs = len(stage.lines("printed"))
    holds_for(lambda: len(stage.lines("printed")) == runs, 0.3, "no run starts meanwhile")
    os.set_blocking(daemon.process.stdout.fileno(), False)
    wait_until(
        lambda: daemon.process.stdout.read(1 << 20) and len(stage.lines("printed")) > runs + 3, SOON, "it goes on"
    )


def test_a_terminal_that_is_gone_stops_minisup_gracefully(stage: Stage) -> None:
    master, slave = os.openpty()
    daemon = stage.up(
        program("job", sh("echo begin > begin; sleep 1; echo end > end")),
        before=("setsid", "--ctty"),
        supervisor='shutdown_timeout = "20s"',
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    wait_until(lambda: stage.lines("begin"), SOON, "the job is at work")
    os.close(master)
    assert daemon.wait() == 0
    assert stage.lines("end") == ["end"]


def test_stdout_that_was_never_open_harms_nobody(stage: Stage) -> None:
    close = ("sh", "-c", 'exec "$@" >&- 2>&-', "sh")
    daemon = stage.up(
        program("loud", sh("echo hello; echo tick >> ticks"), min_runtime="50ms", stop=AT_ONCE), before=close
    )
    wait_until(lambda: len(stage.lines("ticks")) > 3, SOON, "the job runs")
    assert daemon.program("loud")["runs"]["failed"] == 0
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
