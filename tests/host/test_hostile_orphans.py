"""Processes that outlive a run and lie about whose they are: nobody else's run, request or shutdown notices them."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import alive, environ_of, session_of
from ways import needs_root

from minisup.host.process.orphan_claims import MOST_READ

MANY = "7" * 5000
BAD_NUMBERS = (MANY, "9" * 19, "9" * 20, "-1", "", "\u0667", "1e3")
"""What `MINISUP_RUN_ID` has said; the sixth is an Arabic digit."""

PATIENT = {"drain": "20s", "timeout": "5s"}
"""A `stop` that waits for leftovers, if there are any."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage in a directory that other users may enter; what a killed minisup left is ended when a test fails."""
    root = Path(tempfile.mkdtemp(prefix="minisup-"))
    root.chmod(0o1777)
    stage = Stage(root)
    yield stage
    for daemon in stage.daemons:
        daemon.end()
    stage.end_survivors()
    stage.close()
    shutil.rmtree(root)


def orphan(**environment: str) -> str:
    """Shell that leaves a process with a session of its own and these variables, and notes its pid."""
    given = " ".join(f"{name}='{value}'" for name, value in environment.items())
    return f"env {given} setsid sh -c 'echo $$ >> orphans; exec sleep 1000' </dev/null >/dev/null 2>&1 &\n"


def forger(*orphans: str, user: str = "") -> str:
    """A program that leaves such processes behind and goes on."""
    more = {"user": user} if user else {}
    script = "".join(orphans) + "exec sleep 1000"
    return program("forger", sh(script), log={"to": "none"}, stop={"drain": 0, "timeout": "1s"}, **more)


def until_there(stage: Stage, count: int) -> list[int]:
    """The pids of the orphans, once all have executed what they were to."""
    wait_until(lambda: len(stage.lines("orphans")) == count, SOON, "the orphans are there")
    return [int(pid) for pid in stage.lines("orphans")]


def is_undisturbed(stage: Stage, daemon: Daemon, *, sound: bool = True) -> None:
    """Requests are answered, ends are handled, and the rest."""
    assert daemon.status()["state"] == "running"
    run = daemon.slot("victim:0")["run"]
    os.kill(daemon.running_pid("victim:0"), signal.SIGKILL)
    wait_until(lambda: (daemon.slot("victim:0")["run"] or run) > run, SOON, "the next run follows a death by signal")
    stops_at_once(stage, daemon)
    assert not sound or "internal error" not in daemon.stderr


def stops_at_once(stage: Stage, daemon: Daemon) -> None:
    """A stop of what has no run waits for nobody, and a shutdown ends minisup."""
    stage.write("go", "")
    wait_until(lambda: daemon.slot("victim:0")["phase"] == "waiting", SOON, "its run has worked")
    taken = Stopwatch()
    daemon.ask("stop", ["victim"], wait=True)
    assert taken.seconds < 5, "it waited for what another program had left"
    daemon.term()
    assert daemon.wait() == 0


VICTIM = program(
    "victim",
    sh("while ! test -e go; do sleep 0.02; done"),
    min_runtime="1h",
    retry={"backoff": "100ms"},
    log={"to": "none"},
    stop=PATIENT,
)


def test_numbers_that_are_none_in_environments_of_orphans(stage: Stage) -> None:
    orphans = [orphan(MINISUP_RUN_ID=number, MINISUP_PROGRAM="victim") for number in BAD_NUMBERS]
    daemon = stage.up(VICTIM, forger(*orphans))
    until_there(stage, len(BAD_NUMBERS))
    is_undisturbed(stage, daemon)


def test_a_forged_program_does_not_delay_its_stop(stage: Stage) -> None:
    """The number of the run is the orphan's own: whose that was is known, whatever the rest says."""
    daemon = stage.up(VICTIM, forger(orphan(MINISUP_PROGRAM="victim", MINISUP_SLOT="0")))
    until_there(stage, 1)
    is_undisturbed(stage, daemon)


@needs_root
def test_a_forged_run_of_another_users_program_does_not_delay_its_stop(stage: Stage) -> None:
    daemon = stage.up(VICTIM, program("forger", "sleep 1000", autostart=False))
    run = daemon.slot("victim:0")["run"]
    lies = [{"MINISUP_RUN_ID": str(number), "MINISUP_PROGRAM": "victim"} for number in (run, run + 1, run + 2)]
    stage.config(VICTIM, forger(*(orphan(**lie) for lie in lies), user="nobody"))
    daemon.ask("reload")
    daemon.ask("start", ["forger"])
    until_there(stage, len(lies))
    is_undisturbed(stage, daemon)


@needs_root
def test_what_orphans_of_another_user_say_does_not_keep_the_next_minisup_from_coming_up(stage: Stage) -> None:
    orphans = [orphan(MINISUP_RUN_ID=number, MINISUP_PROGRAM="victim", MINISUP_SLOT="0") for number in BAD_NUMBERS]
    config = stage.config(VICTIM, forger(*orphans, user="nobody"))
    first = stage.up_file(config)
    pids = until_there(stage, len(BAD_NUMBERS))
    victim = first.running_pid("victim:0")
    state = [item for item in environ_of(victim).split(b"\0") if item.startswith(b"MINISUP_STATE=")]
    assert all(state[0] in environ_of(pid).split(b"\0") for pid in pids), "they know the number of the state directory"
    first.signal(signal.SIGKILL)
    first.wait()
    second = stage.up_file(config)
    assert second.running_pid("victim:0") == victim
    assert second.status()["state"] == "running"
    stops_at_once(stage, second)
    assert "internal error" not in second.stderr


def test_of_what_a_job_really_left_nothing_is_forgotten(stage: Stage) -> None:
    daemon = stage.up(program("job", sh(orphan()), min_runtime="1h", stop={"drain": 0, "timeout": "1s"}))
    (pid,) = until_there(stage, 1)
    wait_until(lambda: daemon.program("job")["leftovers"] == 1, SOON, "it is counted")
    daemon.ask("stop", ["job"], wait=True)
    assert not alive(pid)


def test_an_environment_larger_than_what_is_read_is_nobodys(stage: Stage) -> None:
    """Only its beginning is read, so that many large ones do not keep minisup busy."""
    large = "".join(f"X{number}=$x " for number in range(3))
    more = f"x=$(head -c {MOST_READ // 3 + 1} /dev/zero | tr '\\0' x); unset MINISUP_RUN_ID\n"
    hidden = f"env {large} MINISUP_RUN_ID=1 setsid sleep 1000 >/dev/null 2>&1 & echo $! >> orphans\n"
    daemon = stage.up(program("job", sh(more + hidden + "wait"), stop={"drain": 0, "timeout": "1s"}))
    (pid,) = until_there(stage, 1)
    wait_until(lambda: b"X2=" in environ_of(pid) and session_of(pid) == pid, SOON, "it has executed its command")
    os.kill(daemon.running_pid("job:0"), signal.SIGKILL)
    wait_until(lambda: daemon.program("job")["runs"]["crashed"] == 1, SOON, "its run has ended")
    holds_for(lambda: alive(pid), 0.3, "it belongs to nobody")
    daemon.term()
    assert daemon.wait() == 0
    assert not alive(pid), "strangers end with minisup"


def test_a_look_that_fails_stops_neither_ends_nor_requests_nor_the_shutdown(stage: Stage) -> None:
    """Whatever a process has written: what is not understood says nothing, and each step is tried."""
    entry = (str(Path(__file__).parent / "jobs" / "broken_looks.py"),)
    daemon = stage.up(VICTIM, program("other", "sleep 1000", stop={"drain": 0, "timeout": "1s"}), entry=entry)
    stage.daemons.remove(daemon)  # it does say that it is broken
    try:
        is_undisturbed(stage, daemon, sound=False)
    finally:
        daemon.end()
    assert "internal error: ValueError: what another wrote" in daemon.stderr
    assert not stage.jobs()
