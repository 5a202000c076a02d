"""Children that do not want to end: stopped in the promised time, and nothing of them survives a stop or a shutdown."""

import os
import signal

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import alive, kill, session_of, state_of

DEAF = "trap '' TERM; echo ready > $MINISUP_SLOT.ready; while :; do sleep 0.1; done"
HARD = {"drain": 0, "timeout": "500ms"}


def pid_in(stage: Stage, name: str) -> int:
    """The pid that a job has written to a file."""
    return int(wait_until(lambda: stage.lines(name), SOON, f"{name} is written")[0])


def assert_nothing_left(stage: Stage) -> None:
    wait_until(lambda: not stage.jobs(), 1.0, "no process of any job is left")


def test_a_job_that_ignores_term_is_killed_when_its_time_is_over(stage: Stage) -> None:
    daemon = stage.up(program("deaf", sh(DEAF), stop=HARD))
    wait_until(lambda: stage.lines("0.ready"), SOON, "the job ignores TERM")
    taken = Stopwatch()
    daemon.ask("stop", ["deaf"], wait=True)
    assert 0.5 <= taken.seconds < 0.5 + SLACK
    slot = daemon.slot("deaf:0")
    assert (slot["phase"], slot["last"]["outcome"], slot["last"]["signal"]) == ("off", "stopped", "SIGKILL")
    assert_nothing_left(stage)


def test_a_job_that_ignores_term_does_not_outlive_the_shutdown_deadline(stage: Stage) -> None:
    daemon = stage.up(program("deaf", sh(DEAF), numprocs=2), supervisor='shutdown_timeout = "2s"')
    wait_until(lambda: stage.lines("0.ready") and stage.lines("1.ready"), SOON, "the jobs ignore TERM")
    taken = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert 1.0 < taken.seconds < 2.0 + SLACK
    assert_nothing_left(stage)
    cut = [line for line in daemon.stderr.splitlines() if "cut: deaf:" in line]
    assert len(cut) == 2, daemon.stderr


def test_a_frozen_job_gets_its_stop_signal(stage: Stage) -> None:
    job = "trap 'echo bye > bye; exit 0' TERM; echo ready > ready; while :; do sleep 0.05; done"
    daemon = stage.up(program("frozen", sh(job), stop={"drain": 0, "timeout": "8s", "scope": "leader"}))
    wait_until(lambda: stage.lines("ready"), SOON, "the job handles TERM")
    frozen = daemon.running_pid("frozen:0")
    os.kill(frozen, signal.SIGSTOP)
    wait_until(lambda: state_of(frozen) == "T", SOON, "the job is frozen")
    taken = Stopwatch()
    daemon.ask("stop", ["frozen"], wait=True)
    assert taken.seconds < SLACK
    assert stage.lines("bye") == ["bye"]


def test_a_frozen_job_does_not_survive_shutdown(stage: Stage) -> None:
    daemon = stage.up(program("frozen", "sleep 1000"), supervisor='shutdown_timeout = "2s"')
    os.kill(daemon.running_pid("frozen:0"), signal.SIGSTOP)
    daemon.term()
    assert daemon.wait(2.0 + SLACK) == 0
    assert_nothing_left(stage)


def test_what_a_run_leaves_behind_delays_no_start_and_goes_with_a_stop(stage: Stage) -> None:
    job = sh("sleep 1000 & echo $! >> left; echo $MINISUP_RUN_ID >> runs")
    daemon = stage.up(program("leaving", job, min_runtime="50ms", stop=HARD, log={"to": "none"}))
    wait_until(lambda: len(stage.lines("runs")) >= 4, SOON, "the next runs start")
    wait_until(lambda: daemon.program("leaving")["leftovers"] >= 3, SOON, "the leftovers are counted")
    daemon.ask("stop", ["leaving"], wait=True)
    assert daemon.program("leaving")["leftovers"] == 0
    assert_nothing_left(stage)


def test_what_a_run_leaves_behind_goes_with_a_shutdown_within_the_deadline(stage: Stage) -> None:
    job = sh("trap '' TERM; sleep 1000 & echo $! >> left; exit 0")
    daemon = stage.up(program("leaving", job, min_runtime="100ms"), supervisor='shutdown_timeout = "2s"')
    wait_until(lambda: len(stage.lines("left")) >= 3, SOON, "leftovers that ignore TERM")
    daemon.term()
    assert daemon.wait(2.0 + SLACK) == 0
    assert_nothing_left(stage)


def test_leftovers_have_the_drain_of_their_program_to_finish(stage: Stage) -> None:
    job = sh("(sleep 1; echo finished > finished) & echo begun > begun")
    daemon = stage.up(program("leaving", job, min_runtime="50s"), supervisor='shutdown_timeout = "20s"')
    wait_until(lambda: daemon.program("leaving")["leftovers"], SOON, "a leftover is at work")
    daemon.term()
    assert daemon.wait() == 0
    assert stage.lines("finished") == ["finished"]


def test_a_restart_leaves_the_leftovers_alone(stage: Stage) -> None:
    job = sh("test -e left || { sleep 1000 & echo $! > left; exit 0; }; sleep 1000")
    daemon = stage.up(program("leaving", job, min_runtime=0, stop=HARD))
    left = pid_in(stage, "left")
    first = daemon.running_pid("leaving:0")
    wait_until(lambda: stage.lines("left"), SOON, "the second run goes on")
    daemon.ask("restart", ["leaving"], now=True, wait=True)
    assert daemon.running_pid("leaving:0") != first
    assert alive(left)
    daemon.ask("stop", ["leaving"], wait=True)
    assert not alive(left)


def test_a_daemonised_grandchild_with_a_session_of_its_own_goes_with_a_stop(stage: Stage) -> None:
    daemon = stage.up(program("escaping", sh("setsid sleep 1000 & echo $! > escaped; exec sleep 1000"), stop=HARD))
    escaped = pid_in(stage, "escaped")
    job = daemon.running_pid("escaping:0")
    wait_until(lambda: session_of(escaped) != job, SOON, "it has left the session")
    daemon.ask("stop", ["escaping"], wait=True)
    wait_until(lambda: not alive(escaped), SLACK, "it is stopped too")


def test_a_grandchild_that_hides_from_everybody_goes_with_the_shutdown(stage: Stage) -> None:
    job = sh("env -i setsid sh -c 'echo $$ > hidden; exec sleep 1000' & wait; sleep 1000")
    daemon = stage.up(program("hiding", job, stop=HARD), supervisor='shutdown_timeout = "3s"')
    hidden = pid_in(stage, "hidden")
    try:
        daemon.ask("stop", ["hiding"], wait=True)
        daemon.term()
        assert daemon.wait(3.0 + SLACK) == 0
        assert not alive(hidden)
    finally:
        kill(hidden)


def test_a_descendant_that_holds_the_pipe_delays_no_start_and_no_stop(stage: Stage) -> None:
    job = sh("sleep 1000 & echo from $MINISUP_RUN_ID; echo $MINISUP_RUN_ID >> runs")
    daemon = stage.up(program("holding", job, min_runtime="100ms", stop=HARD))
    wait_until(lambda: len(stage.lines("runs")) >= 4, SOON, "the next runs start while the pipes are held")
    wait_until(lambda: len(daemon.lines("holding:0")) >= 4, SOON, "their lines are printed")
    taken = Stopwatch()
    daemon.ask("stop", ["holding"], wait=True)
    assert taken.seconds < 0.5 + SLACK
    printed = [f"from {run}" for run in stage.lines("runs")]
    wait_until(lambda: daemon.lines("holding:0") == printed, SOON, "the lines of all runs are printed")
    assert_nothing_left(stage)


def test_late_lines_of_a_descendant_are_still_printed(stage: Stage) -> None:
    late = "(while ! test -e go; do sleep 0.05; done; echo late) &"
    job = sh(f"test -e second && exec sleep 1000; touch second; {late} echo early")
    daemon = stage.up(program("holding", job, min_runtime=0, stop=HARD))
    wait_until(
        lambda: daemon.slot("holding:0")["last"] and daemon.slot("holding:0")["pid"], SOON, "the second run runs"
    )
    wait_until(lambda: daemon.lines("holding:0") == ["early"], SOON, "its own line is printed")
    stage.write("go", "")
    wait_until(lambda: daemon.lines("holding:0") == ["early", "late"], SOON, "the late line is printed")


def test_after_a_crash_the_rest_of_the_session_is_stopped(stage: Stage) -> None:
    job = sh("test -e second && exec sleep 1000; touch second; sleep 1000 & echo $! > left; kill -SEGV $$")
    daemon = stage.up(program("crashing", job, retry={"backoff": "50ms"}, stop=HARD))
    left = pid_in(stage, "left")
    wait_until(lambda: daemon.program("crashing")["runs"]["crashed"], SOON, "the leader has crashed")
    wait_until(lambda: not alive(left), 0.5 + SLACK, "what it left is stopped")
    assert daemon.slot("crashing:0")["last"]["signal"] == "SIGSEGV"


def test_a_run_that_takes_too_long_is_ended_with_all_its_descendants(stage: Stage) -> None:
    job = sh("trap '' TERM; sleep 1000 & echo $! > left; while :; do sleep 0.1; done")
    daemon = stage.up(program("long", job, max_runtime="300ms", retry={"backoff": "30s"}, stop={"timeout": "300ms"}))
    wait_until(lambda: daemon.program("long")["runs"]["timeout"] == 1, 0.6 + SLACK, "it timed out")
    last = daemon.slot("long:0")["last"]
    assert 0.6 <= last["duration"] < 0.6 + SLACK
    wait_until(lambda: not alive(pid_in(stage, "left")), SLACK, "its descendant is gone")


def leader_and_child(stage: Stage, scope: str) -> Daemon:
    child = "trap 'echo child >> heard; exit 0' TERM; echo ready > ready; while :; do sleep 0.02; done"
    leader = f"({child}) & trap 'echo leader >> heard; sleep 0.3; exit 0' TERM; while :; do sleep 0.02; done"
    daemon = stage.up(program("pool", sh(leader), kind="service", stop={"drain": 0, "timeout": "5s", "scope": scope}))
    wait_until(lambda: stage.lines("ready"), SOON, "the child handles TERM")
    return daemon


def test_scope_group_signals_leader_and_children_together(stage: Stage) -> None:
    daemon = leader_and_child(stage, "group")
    daemon.ask("stop", ["pool"], wait=True)
    assert sorted(stage.lines("heard")) == ["child", "leader"]
    assert_nothing_left(stage)


def test_scope_leader_signals_the_children_only_when_the_leader_has_ended(stage: Stage) -> None:
    daemon = leader_and_child(stage, "leader")
    daemon.ask("stop", ["pool"], wait=True)
    assert stage.lines("heard") == ["leader", "child"]
    assert_nothing_left(stage)


@pytest.mark.parametrize("kind", ["job", "service"])
def test_a_stopped_slot_stays_off(stage: Stage, kind: str) -> None:
    daemon = stage.up(program("off", "sleep 1000", kind=kind, stop=AT_ONCE))
    daemon.running_pid("off:0")
    daemon.ask("stop", ["off"], wait=True)
    total = daemon.program("off")["runs"]["total"]
    holds_for(lambda: daemon.slot("off:0")["phase"] == "off", 0.3, "the slot is off")
    assert daemon.program("off")["runs"]["total"] == total


def test_a_restart_of_a_service_behind_a_shell_costs_no_failure(stage: Stage) -> None:
    """The shell dies of the signal at once; what it started holds the port until it has drained."""
    stage.write(
        "serve.sh",
        """mkdir port 2>> fail || exit 1
        trap 'touch draining; while [ ! -e drained ]; do sleep 0.02; done; rmdir port; exit 0' TERM
        echo ready >> ready
        while :; do sleep 0.02; done
        """,
    )
    behind_a_shell = sh("sh serve.sh; exit $?")  # no shell execs here
    daemon = stage.up(program("web", behind_a_shell, kind="service", min_runtime=0, stop={"timeout": "20s"}))
    wait_until(lambda: stage.lines("ready"), SOON, "it serves")
    daemon.ask("restart", ["web"])
    wait_until(lambda: daemon.slot("web:0")["reason"] == "leftovers", SOON, "the next run waits for the last one")
    wait_until(stage.path("draining").exists, SOON, "what the shell left has its signal")
    assert "processes of its last run are still being stopped" in stage.command("why", "web").stdout
    stage.write("drained", "")
    wait_until(lambda: len(stage.lines("ready")) == 2, SOON, "it serves again")
    runs = daemon.program("web")["runs"]
    assert (runs["stopped"], runs["failed"], stage.lines("fail")) == (1, 0, [])
