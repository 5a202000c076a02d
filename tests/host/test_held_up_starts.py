"""What another user can do to a start of his own program: hold that up, and nothing else. Attackers are real users."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, program, wait_until
from lookup import children_of, started_of, state_of

JOBS = Path(__file__).parent / "jobs"
USER = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start runs as another user")

pytestmark = needs_root


def attacker(stage: Stage, name: str, *words: object) -> subprocess.Popen[bytes]:
    """A process of the user's, once it has printed its first line."""
    made = stage.popen([sys.executable, JOBS / f"{name}.py", *words], stdout=subprocess.PIPE)
    assert made.stdout is not None
    assert made.stdout.readline(), "the attacker is at work"
    return made


def lease(stage: Stage, path: Path) -> subprocess.Popen[bytes]:
    try:
        return attacker(stage, "leaser", path)
    except AssertionError:
        pytest.skip("this file system knows no leases")


def theirs(name: str, command: object, **keys: object) -> str:
    return program(name, command, **{"user": str(USER), "group": str(USER), "stop": AT_ONCE, "min_runtime": 0, **keys})


@pytest.fixture
def leased(open_stage: Stage) -> Iterator[SimpleNamespace]:
    """A program whose command the user leases, beside a busy one."""
    path = open_stage.script("leased", "echo it runs; sleep 60")
    os.chown(path, USER, USER)
    leaser = lease(open_stage, path)
    daemon = open_stage.up(program("busy", "true", min_runtime=0, stop=AT_ONCE), theirs("leased", path))
    return SimpleNamespace(daemon=daemon, leaser=leaser, stage=open_stage)


def worked(daemon: Daemon, name: str) -> int:
    return daemon.program(name)["runs"]["worked"]


def test_a_lease_on_the_command_costs_nobody_else_time(leased: SimpleNamespace) -> None:
    daemon = leased.daemon
    assert daemon.slot("leased:0")["pid"] is None
    for _ in range(3):
        watch, before = Stopwatch(), worked(daemon, "busy")
        wait_until(lambda before=before: worked(daemon, "busy") > before + 5, SOON, "the other one runs on")
        assert watch.seconds < 2.0
    slot = daemon.slot("leased:0")
    assert (slot["phase"], slot["pid"]) == ("running", None), "it is still on its way"
    leased.leaser.kill()
    wait_until(lambda: daemon.lines("leased:0") == ["it runs"], SOON, "the lease is gone, and it starts")
    assert daemon.program("leased")["runs"]["total"] == 0


def test_a_stop_reaches_a_start_that_is_held_up(leased: SimpleNamespace) -> None:
    daemon = leased.daemon
    daemon.ask("stop", ["leased"], now=True)
    wait_until(lambda: daemon.slot("leased:0")["phase"] == "off", SOON, "it is killed on its way")
    assert daemon.program("leased")["runs"]["stopped"] == 1
    assert daemon.lines("leased:0") == []


def test_a_shutdown_is_in_time_while_a_start_is_held_up(leased: SimpleNamespace) -> None:
    watch = Stopwatch()
    leased.daemon.term()
    assert leased.daemon.wait() == 0
    assert watch.seconds < 5.0


def test_a_killed_minisup_leaves_no_lock_in_a_start_that_is_held_up(leased: SimpleNamespace) -> None:
    leased.daemon.process.kill()
    leased.daemon.process.wait(SOON)
    again = leased.stage.up(program("busy", "true", min_runtime=0, stop=AT_ONCE))
    assert "state is kept in memory" not in again.stderr
    wait_until(lambda: worked(again, "busy") > 2, SOON, "the next one runs")
    leased.stage.end_survivors()


def test_a_user_who_stops_each_new_process_stops_nothing_but_his_own_program(open_stage: Stage) -> None:
    often = {"numprocs": 8, "max_runtime": "200ms", "retry": {"budget": 1000, "backoff": 0}}  # some it stops too late
    stop = {"drain": 0, "timeout": "200ms"}
    daemon = open_stage.up(
        program("busy", "true", min_runtime=0, stop=AT_ONCE),
        theirs("theirs", "true", autostart=False, **{**often, "stop": stop}),
    )
    attacker(open_stage, "stopper", daemon.pid)
    daemon.ask("start", ["theirs"])
    wait_until(lambda: "SIGSTOP" in causes(daemon), 20.0, "a start was stopped and given up")
    wait_until(lambda: goes_on_meanwhile(daemon), SOON, "the other one runs while a start is held up")
    daemon.term()
    assert daemon.wait() == 0


def goes_on_meanwhile(daemon: Daemon) -> bool:
    """Whether runs of `busy` end while one and the same new process is stopped on its way to its command."""
    held = next((pid for pid in children_of(daemon.pid) if state_of(pid) == "T"), None)
    if held is None:
        return False
    started, before = started_of(held), worked(daemon, "busy")
    while state_of(held) == "T" and started_of(held) == started:
        if worked(daemon, "busy") > before and state_of(held) == "T" and started_of(held) == started:
            return True
    return False


def causes(daemon: Daemon) -> str:
    return " ".join(slot["cause"] or "" for slot in daemon.program("theirs")["slots"])


def test_a_new_process_of_minisups_own_user_that_somebody_stops_is_continued(open_stage: Stage) -> None:
    path = open_stage.script("leased", "echo it runs; sleep 60")
    os.chown(path, USER, USER)
    daemon = open_stage.up(program("ours", path, autostart=False, stop=AT_ONCE))
    leaser = lease(open_stage, path)  # so that there is time to stop the process before it executes
    starter = open_stage.popen([sys.executable, "-m", "minisup", "-s", daemon.socket, "start", "ours"])
    (child,) = wait_until(lambda: children_of(daemon.pid), SOON, "a process is about to execute the command")
    os.kill(child, signal.SIGSTOP)
    wait_until(lambda: state_of(child) == "T", SOON, "it is stopped, and minisup waits for it")
    leaser.kill()
    assert starter.wait(SOON) == 0
    wait_until(lambda: daemon.lines("ours:0") == ["it runs"], SOON, "it has been continued")
    daemon.says(f"somebody stopped (SIGSTOP) process {child}")
