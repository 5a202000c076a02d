"""Runs that outlive a minisup which was killed: never two in one slot, whatever the moment, and none is forgotten."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import alive, environ_of, session_of
from ways import needs_root

SEED = 4711
KILLS = 80
LIVES = Path(__file__).parent / "jobs" / "many_lives.py"

ALONE = (
    "exec 2>/dev/null; set -C; me=$MINISUP_PROGRAM.$MINISUP_SLOT; "
    'if true > lock.$me; then own=1; else echo "$me $MINISUP_RUN_ID beside $(cat lock.$me)" >> violations; fi; '
    "echo $MINISUP_RUN_ID >> ids; {0}; if test $own; then rm -f lock.$me; fi"
)
"""A job that reports a violation if another run of its slot lives: it holds a lock file as long as it does.

It prints nothing: nobody reads the output of a survivor, and it would die of that with its lock in place.
"""


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


def alone(seconds: str) -> list[str]:
    return sh(ALONE.format(f"sleep {seconds}"))


def killed(daemon: Daemon) -> None:
    daemon.signal(signal.SIGKILL)
    assert daemon.wait() == -signal.SIGKILL


def survivors_of(daemon: Daemon) -> list[tuple[str, int, int]]:
    """Slot, pid and run of the lines that tell of survivors, once there is one."""
    wait_until(lambda: "survived: " in daemon.stderr, SOON, "it tells of a survivor")
    words = [line.split() for line in daemon.stderr.splitlines() if line.startswith("survived: ")]
    return [(line[1], int(line[3]), int(line[5].rstrip(";"))) for line in words]


def storm(stage: Stage) -> list[Path]:
    """Two configurations between which the lives change: slots and programs come and go."""
    quiet = {"min_runtime": 0, "stop": {"drain": "3s", "timeout": "1s"}, "log": {"to": "none"}}
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    programs = [
        program("fast", alone("0.0$(($$ % 5))"), numprocs=8, **quiet),
        program("slow", alone("1"), numprocs=2, **quiet),
        program("double", alone("0.02; (setsid sleep 0.2 >/dev/null &)"), **quiet),
        program("other", alone("0.03"), numprocs=2, **quiet, **user),
    ]
    fewer = programs[0].replace("numprocs = 8", "numprocs = 5")
    limit = 'shutdown_timeout = "8s"'
    stage.write("ids", "", 0o666)
    stage.write("violations", "", 0o666)
    return [
        stage.config(*programs, supervisor=limit),
        stage.config(fewer, programs[1], supervisor=limit, name="fewer.toml"),
    ]


@pytest.mark.timeout(300)
def test_over_fifty_kills_at_any_moment_make_no_two_runs_in_a_slot(stage: Stage) -> None:
    configs = storm(stage)
    command = [sys.executable, LIVES, SEED, KILLS, stage.path("ids"), *configs]
    lives = stage.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=stage.root, text=True)
    ended, told = lives.communicate(timeout=200)
    assert int(ended) == 0, told
    assert "Traceback" not in told
    assert "internal error" not in told
    survived = sum(line.startswith("survived: ") for line in told.splitlines())
    last = stage.up_file(configs[0])
    wait_until(lambda: last.program("slow")["runs"]["worked"] > 1, SOON, "all goes on")
    assert stage.lines("violations") == []
    last.term()
    assert last.wait() == 0
    assert stage.jobs() == []
    runs = [int(number) for number in stage.lines("ids")]
    assert len(runs) == len(set(runs))
    assert not (stage.root / "state" / "running").exists()
    assert len(runs) > 5 * KILLS, "there was no load"
    assert survived > KILLS // 4, f"only {survived} survived"


def test_what_ended_while_no_minisup_lived_is_lost(stage: Stage) -> None:
    config = stage.config(program("job", "sleep 1000", numprocs=2, stop=AT_ONCE))
    first = stage.up_file(config)
    goes_on, ends = first.running_pid("job:0"), first.running_pid("job:1")
    run = first.slot("job:1")["run"]
    killed(first)
    os.kill(ends, signal.SIGKILL)
    wait_until(lambda: not alive(ends), SOON, "one run has ended")
    second = stage.up_file(config)
    assert second.running_pid("job:0") == goes_on
    assert second.program("job")["runs"]["lost"] == 1
    last = second.slot("job:1")["last"]
    assert (last["run"], last["outcome"], last["duration"], last["ended"]) == (run, "lost", None, None)
    wait_until(lambda: "1 run ended while no minisup ran" in second.stderr, SOON, "it says so")
    assert second.running_pid("job:1") not in (goes_on, ends)


def test_a_survivor_goes_on_over_two_kills_and_ends_at_a_shutdown(stage: Stage) -> None:
    config = stage.config(program("job", "sleep 1000", stop=AT_ONCE))
    daemon = stage.up_file(config)
    pid, run = daemon.running_pid("job:0"), daemon.slot("job:0")["run"]
    for _ in range(2):
        killed(daemon)
        daemon = stage.up_file(config)
        assert survivors_of(daemon) == [("job:0", pid, run)]
    daemon.term()
    assert daemon.wait() == 0
    assert not alive(pid)
    assert f"cut: job:0 run {run}" in daemon.stderr


def test_all_of_a_survivors_session_and_what_left_it_end_with_a_stop(stage: Stage) -> None:
    stubborn = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$$$ >> pids; sleep 1000' &); sleep 1000 & "
    job = sh(stubborn + "echo $$ $! >> pids; while :; do sleep 1; done")
    config = stage.config(program("job", job, log={"to": "none"}, stop={"drain": 0, "timeout": "500ms"}))
    first = stage.up_file(config)
    wait_until(lambda: len(stage.lines("pids")) == 2, SOON, "all processes are there")
    killed(first)
    second = stage.up_file(config)
    assert len(survivors_of(second)) == 1
    taken = Stopwatch()
    second.ask("stop", ["job"], wait=True)
    assert taken.seconds < 0.5 + 1.5
    assert [pid for pid in stage.jobs() if alive(pid)] == []


def test_what_ended_runs_left_behind_is_counted_and_ends_at_a_shutdown(stage: Stage) -> None:
    job = sh("(setsid sleep 1000 >/dev/null 2>&1 &); sleep 1000 >/dev/null 2>&1 & :")
    config = stage.config(program("job", job, min_runtime="1h", stop=AT_ONCE), program("other", "sleep 1000"))
    first = stage.up_file(config)
    wait_until(lambda: first.program("job")["leftovers"] == 2, SOON, "two processes are left")
    killed(first)
    second = stage.up_file(config)
    wait_until(lambda: second.program("job")["runs"]["worked"] == 1, SOON, "it runs again")
    wait_until(lambda: second.program("job")["leftovers"] == 4, SOON, "those of both lives are counted")
    second.ask("stop", ["job"], wait=True)
    assert len(stage.jobs()) == 1, "the other program's run alone"


def test_a_survivor_of_a_program_that_is_gone_is_drained(stage: Stage) -> None:
    old = program("old", sh("while ! test -e go; do sleep 0.02; done"), log={"to": "none"})
    first = stage.up(old, program("job", "sleep 1000", numprocs=2, stop=AT_ONCE))
    gone, cut = first.running_pid("old:0"), first.running_pid("job:1")
    killed(first)
    second = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    assert ("old:0", gone) in [one[:2] for one in survivors_of(second)]
    assert second.slot("old:0")["phase"] == second.slot("job:1")["phase"] == "draining"
    second.ask("start", ["old", "job"])
    assert second.slot("old:0")["phase"] == "draining"
    holds_for(lambda: alive(gone) and alive(cut), 0.3, "neither gets a signal")
    stage.write("go", "")
    wait_until(lambda: [one["name"] for one in second.status()["programs"]] == ["job"], SOON, "old is gone")
    second.ask("stop", ["job:1"], now=True, wait=True)
    assert not alive(cut)


def test_max_runtime_counts_from_the_real_start(stage: Stage) -> None:
    longest = 3.0
    config = stage.config(program("job", "sleep 1000", max_runtime=longest, stop=AT_ONCE))
    first = stage.up_file(config)
    pid, run = first.running_pid("job:0"), Stopwatch()
    killed(first)
    wait_until(lambda: run.seconds > longest, SOON, "its time is over while no minisup lives")
    second = stage.up_file(config)
    begun = time.time() - second.status()["uptime"]
    wait_until(lambda: second.program("job")["runs"]["timeout"] == 1, SOON, "max_runtime is over")
    assert not alive(pid)
    ended = datetime.fromisoformat(second.slot("job:0")["last"]["ended"]).timestamp()
    assert ended < begun + longest, "it does not begin anew with the minisup that has taken over"


@needs_root
def test_a_survivor_of_another_user(stage: Stage) -> None:
    config = stage.config(program("job", "sleep 1000", user="nobody", stop=AT_ONCE))
    first = stage.up_file(config)
    pid = first.running_pid("job:0")
    killed(first)
    second = stage.up_file(config)
    assert [one[:2] for one in survivors_of(second)] == [("job:0", pid)]
    second.ask("stop", ["job"], wait=True)
    assert not alive(pid)


def test_two_state_directories_do_not_know_each_others_runs(stage: Stage) -> None:
    first = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    pid = first.running_pid("job:0")
    other = Stage(stage.path("other"))
    other.root.mkdir()
    try:
        beside = other.up(program("job", "sleep 1000", stop=AT_ONCE))
        theirs = beside.running_pid("job:0")
        marks = {item for item in environ_of(theirs).split(b"\0") if item.startswith(b"MINISUP_")}
        assert b"MINISUP_RUN_ID=1" in marks & set(environ_of(pid).split(b"\0"))
        killed(beside)
        again = other.up_file(other.path("minisup.toml"))
        assert again.running_pid("job:0") == theirs
        again.term()
        assert again.wait() == 0
        assert alive(pid)
        assert not alive(theirs)
    finally:
        other.close()


def test_a_clean_end_leaves_no_record(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    pid = daemon.running_pid("job:0")
    assert session_of(pid) == pid
    record = stage.root / "state" / "running"
    assert record.exists()
    daemon.term()
    assert daemon.wait() == 0
    assert not record.exists()
