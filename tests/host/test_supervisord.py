"""supervisord beside minisup, on the same jobs: what goes wrong there and does not here.

All supervisords start together, once for this module: their failures take seconds to show, and need little CPU.
"""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import AT_ONCE, SLACK, SOON, Stage, Stopwatch, holds_for, pause, program, wait_until
from lookup import alive, state_of
from peer import Supervisord, command

pytestmark = pytest.mark.timeout(180)

OUTAGE = 12.0
STARTSECS = 1.0
"""supervisord's default: what has lived for so long was a success."""

LONG_ENOUGH = 60.0


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The failures that take a while, side by side: supervisords, and one minisup with the same jobs."""
    stage = Stage(tmp_path_factory.mktemp("lab"))
    short = stage.script("short", "sleep 0.2")
    gated = stage.script("gated", f"test -e {stage.root}/dependency || exit 1\nsleep 1.3")
    lab = SimpleNamespace(stage=stage, started=Stopwatch())
    lab.ours = stage.up(
        program("short", ["sh", str(short)], min_runtime="300ms", stop=AT_ONCE),
        program("gated", ["sh", str(gated)], retry={"max_backoff": "3s"}, stop=AT_ONCE),
        program("false", "false", min_runtime=0, retry={"backoff": "50ms", "max_backoff": "100ms"}),
    )
    lab.theirs = Supervisord(stage, "peer", {**several("short", short), **several("gated", gated)})
    yield lab
    stop(lab.theirs)
    stage.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Stage]:
    """A stage of its own for the supervisord that a test starts beside minisup."""
    root = tmp_path / "there"
    root.mkdir()
    there = Stage(root)
    yield there
    there.close()


def several(name: str, script: Path) -> dict[str, dict[str, object]]:
    """Four programs that run the same: supervisord now and then takes a failure for a success, but not four times."""
    return {f"{name}{number}": {"command": command(script)} for number in range(4)}


def stop(*peers: Supervisord) -> None:
    for peer in peers:
        peer.process.terminate()
    for peer in peers:
        peer.process.wait(SOON)


def test_a_job_of_a_fifth_of_a_second_that_works_is_given_up_there_and_goes_on_here(
    laboratory: SimpleNamespace,
) -> None:
    given_up = laboratory.theirs.first_fatal("short", LONG_ENOUGH)
    assert laboratory.theirs.state(given_up) == "FATAL"
    ours = laboratory.ours.program("short")
    assert ours["runs"]["worked"] == ours["runs"]["total"] >= 5
    assert ours["budget"]["tokens"] == ours["budget"]["size"]
    assert ours["failing_for"] is None


def test_an_outage_of_a_dependency_is_for_ever_there_and_over_when_it_is_over_here(laboratory: SimpleNamespace) -> None:
    given_up = laboratory.theirs.first_fatal("gated", LONG_ENOUGH)
    wait_until(lambda: laboratory.started.seconds > OUTAGE, OUTAGE, "the outage has lasted")
    assert laboratory.ours.program("gated")["runs"]["worked"] == 0
    laboratory.stage.write("dependency", "")
    wait_until(lambda: laboratory.ours.program("gated")["runs"]["worked"], 3 + 1.3 + SLACK, "minisup has recovered")
    assert laboratory.ours.program("gated")["failing_for"] is None
    assert laboratory.theirs.state(given_up) == "FATAL"


def test_a_program_that_fails_at_once_is_called_running_there_and_never_healthy_here(
    laboratory: SimpleNamespace, there: Stage
) -> None:
    """A busy machine holds a daemon up between a start and the end of that run; here the program does."""
    stall = there.script("stall", "sleep 0.3; kill -STOP $PPID; exit 1")
    peer = Supervisord(there, "stalled", {"false": {"command": command(stall), "startretries": 1000}})

    def misread() -> list[str]:
        """Let it go on when a program has held it up for longer than a success takes; where that met it is chance."""
        if state_of(peer.process.pid) == "T":
            pause(STARTSECS + 0.1)
            peer.process.send_signal(signal.SIGCONT)
        return peer.said("success: false entered RUNNING state")

    wait_until(misread, 2 * SOON, "supervisord misreads the failure")
    peer.process.kill()  # else the next start of its program stops it again
    peer.process.wait(SOON)
    ours = wait_until(lambda: spent(laboratory.ours.program("false")), SOON, "the budget of 11 is spent")
    assert ours["runs"]["failed"] == ours["runs"]["total"]
    assert ours["failing_for"] > 0
    assert ours["state"] == "holding"


def spent(status: dict[str, Any]) -> dict[str, Any] | None:
    return status if status["runs"]["failed"] >= 11 and status["budget"]["label"] == "holding" else None


def test_four_programs_that_need_a_second_stop_one_after_another_there_and_together_here(
    stage: Stage, there: Stage
) -> None:
    slow = stage.script(
        "slow", f"trap 'sleep 1; exit 0' TERM\necho ready >> {stage.root}/ready\nwhile :; do sleep 0.05; done"
    )
    names = ["one", "two", "three", "four"]
    peer = Supervisord(there, "serial", {name: {"command": command(slow)} for name in names})
    daemon = stage.up(
        *(program(name, ["sh", str(slow)], stop={"drain": 0, "timeout": "5s", "scope": "leader"}) for name in names),
        supervisor='shutdown_timeout = "20s"',
    )
    wait_until(lambda: len(stage.lines("ready")) == 8, SOON, "all eight run")
    theirs, ours = Stopwatch(), Stopwatch()
    peer.process.terminate()
    daemon.term()
    assert daemon.wait() == 0
    took = ours.seconds
    peer.process.wait(2 * SOON)
    assert 1.0 <= took < theirs.seconds - 1.0
    assert theirs.seconds > 3.5


def test_a_job_in_the_middle_of_its_work_is_cut_there_and_finished_here(stage: Stage, there: Stage) -> None:
    job = stage.script("job", "echo begin >> $0.$1\nuntil test -e $0.go; do sleep 0.05; done\necho end >> $0.$1")
    peer = Supervisord(there, "cut", {"job": {"command": f"{command(job)} theirs", "stopasgroup": "true"}})
    daemon = stage.up(program("job", ["sh", str(job), "ours"]), supervisor='shutdown_timeout = "20s"')
    wait_until(lambda: stage.lines("job.theirs") and stage.lines("job.ours"), SOON, "both jobs are at work")
    peer.process.terminate()
    daemon.term()
    peer.process.wait(SOON)
    stage.write("job.go", "")
    assert daemon.wait() == 0
    assert stage.lines("job.theirs") == ["begin"]
    assert stage.lines("job.ours") == ["begin", "end"]


def test_a_stdout_that_nobody_reads_freezes_all_there_and_only_the_printers_here(stage: Stage, there: Stage) -> None:
    loud = stage.script("loud", "yes 'a line that somebody ought to read'")
    tick = stage.script("tick", "echo tick >> $0.$1\nsleep 0.1")
    to_stdout = {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": 0}
    programs = {
        "loud": {"command": command(loud), **to_stdout},
        "tick": {"command": f"{command(tick)} theirs", "startsecs": 0, "autorestart": "true"},
    }
    peer = Supervisord(there, "blocked", programs, stdout=subprocess.PIPE)
    daemon = stage.up(
        program("loud", ["sh", str(loud)], stop=AT_ONCE),
        program("tick", ["sh", str(tick), "ours"], min_runtime=0, log={"to": "none"}, stop=AT_ONCE),
        stdout=subprocess.PIPE,
    )
    wait_until(lambda: peer.state("tick") == "hangs", 30, "supervisorctl gets no answer")
    theirs, ours = len(stage.lines("tick.theirs")), len(stage.lines("tick.ours"))
    wait_until(lambda: len(stage.lines("tick.ours")) > ours + 5, SOON, "ours go on")
    assert len(stage.lines("tick.theirs")) <= theirs + 1
    peer.process.terminate()
    holds_for(lambda: alive(peer.process.pid), 1.0, "supervisord does not even act on TERM")
    asked = Stopwatch()
    assert daemon.program("tick")["runs"]["worked"] > 5
    assert asked.seconds < SLACK
    peer.process.kill()
    there.end_survivors()
