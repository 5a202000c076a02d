"""minisup as PID 1 of a process namespace, as in a container: strangers reaped, TERM drains, the right exit code."""

import os
import shutil
import signal
import subprocess
from functools import cache

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, program, sh, wait_until
from lookup import alive, children_of, state_of

RTMIN = 34
"""SIGRTMIN as C libraries count it; `signal.SIGRTMIN` of this interpreter is the same."""


@cache
def namespace() -> tuple[str, ...] | None:
    """The words that start a command as PID 1 of a namespace of its own; None where that is not allowed."""
    bases = [("unshare",), ("unshare", "--user", "--map-root-user")]
    rest = ("--pid", "--fork", "--mount-proc", "--kill-child")
    for words in [(*base, *rest) for base in bases] if shutil.which("unshare") else []:
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return None


def up(
    stage: Stage, *programs: str, supervisor: str = 'shutdown_timeout = "20s"', **keys: object
) -> tuple[Daemon, int]:
    """minisup as PID 1, and its pid as we see it from outside."""
    words = namespace()
    if words is None:
        pytest.skip("a process namespace needs root or user namespaces, and neither is to be had here")
    daemon = stage.up(*programs, supervisor=supervisor, before=words, **keys)
    (pid,) = children_of(daemon.pid)
    assert daemon.status()["pid"] == 1
    return daemon, pid


def zombies(pid: int) -> list[int]:
    return [child for child in children_of(pid) if state_of(child) == "Z"]


def test_orphans_of_orphans_are_reaped(stage: Stage) -> None:
    orphans = "for i in 1 2 3 4 5; do (env -i setsid sh -c 'sleep 0.2; echo gone >> gone' &) ; done; exec sleep 1000"
    daemon, pid = up(stage, program("job", sh(orphans), stop=AT_ONCE))
    wait_until(lambda: len(stage.lines("gone")) == 5, SOON, "the orphans have ended")
    wait_until(lambda: len(children_of(pid)) == 1 and not zombies(pid), SOON, "they are reaped")
    assert daemon.program("job")["running"] == 1


def test_an_orphan_becomes_a_child_of_minisup_that_is_not_pid_1_too(stage: Stage) -> None:
    hidden = "(env -i setsid sh -c 'echo here > here; while ! test -e go; do sleep 0.02; done' &) ; exec sleep 1000"
    daemon = stage.up(program("job", sh(hidden), stop=AT_ONCE))
    wait_until(lambda: stage.lines("here"), SOON, "the orphan lives")
    wait_until(lambda: len(children_of(daemon.pid)) == 2, SOON, "it is minisup's child")
    stage.write("go", "")
    wait_until(lambda: len(children_of(daemon.pid)) == 1 and not zombies(daemon.pid), SOON, "it is reaped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGWINCH, RTMIN + 3], ids=str)
def test_a_stop_signal_drains_and_the_exit_code_is_0(stage: Stage, number: int) -> None:
    daemon, pid = up(stage, program("job", sh("echo begin > begin; sleep 1; echo end > end"), min_runtime="60s"))
    wait_until(lambda: stage.lines("begin"), SOON, "the job is at work")
    taken = Stopwatch()
    os.kill(pid, number)
    assert daemon.wait() == 0
    assert taken.seconds < 1.0 + SLACK
    assert stage.lines("end") == ["end"]


def test_strangers_do_not_outlive_the_shutdown(stage: Stage) -> None:
    stranger = (
        "(env -i setsid sh -c 'trap \"\" TERM; echo here > here; while :; do sleep 0.1; done' &) ; exec sleep 1000"
    )
    daemon, pid = up(stage, program("job", sh(stranger), stop=AT_ONCE), supervisor='shutdown_timeout = "2s"')
    wait_until(lambda: stage.lines("here") and len(children_of(pid)) == 2, SOON, "the stranger lives")
    everybody = children_of(pid)
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait(2.0 + SLACK) == 0
    assert not [child for child in everybody if alive(child)]


def test_strangers_may_clean_up_when_no_run_is_left(stage: Stage) -> None:
    clean = "trap 'sleep 0.2; echo clean > clean; exit' TERM; echo here > here; while :; do sleep 0.05; done"
    daemon, pid = up(stage, program("job", sh(f'(env -i setsid sh -c "{clean}" &) ; exit 0'), min_runtime="60s"))
    wait_until(
        lambda: stage.lines("here") and daemon.slot("job:0")["phase"] == "waiting", SOON, "only the stranger lives"
    )
    taken = Stopwatch()
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait() == 0
    assert taken.seconds < 1.0 + SLACK
    assert stage.lines("clean") == ["clean"]


def test_a_task_that_fails_and_exit_when_done_give_exit_code_1(stage: Stage) -> None:
    retry = {"give_up": "stop", "give_up_after": "300ms", "backoff": "100ms"}
    task = program("task", "false", kind="task", retry=retry)
    words = namespace()
    if words is None:
        pytest.skip("a process namespace needs root or user namespaces, and neither is to be had here")
    daemon = stage.up(task, args=["--exit-when-done"], before=words, ready=False)
    assert daemon.wait() == 1


def test_a_config_error_gives_exit_code_78(stage: Stage) -> None:
    words = namespace()
    if words is None:
        pytest.skip("a process namespace needs root or user namespaces, and neither is to be had here")
    daemon = stage.up("[program.job]\ncommand = 5\n", before=words, ready=False)
    assert daemon.wait() == 78


def test_thousands_of_strangers_are_reaped_while_jobs_run_on(stage: Stage) -> None:
    storm = "i=0; while test $i -lt 1000; do (env -i setsid true &) ; i=$((i+1)); done; echo > stormed; exec sleep 1000"
    daemon, pid = up(
        stage,
        program("storm", sh(storm), stop=AT_ONCE),
        program("tick", sh("sleep 0.02"), min_runtime=0, stop=AT_ONCE),
    )
    before = daemon.program("tick")["runs"]["worked"]
    wait_until(lambda: stage.lines("stormed"), 30, "the storm is over")
    assert daemon.program("tick")["runs"]["worked"] > before
    wait_until(lambda: not zombies(pid), SOON, "no zombie is left")
    assert daemon.program("tick")["runs"]["failed"] == 0
