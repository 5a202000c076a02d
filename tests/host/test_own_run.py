"""Requests that wait, made by a run of minisup itself, and requests that wait for what never ends."""

import json
import sys

import pytest
from kit import AT_ONCE, SOON, Stage, program, sh, wait_until

from minisup.errors import MinisupError

ASKS = """
import json, os, sys
from minisup import Client
from minisup.errors import MinisupError
if sys.argv[1] == "session":
    os.setsid() if os.getpid() != os.getsid(0) else None
if os.path.exists("answer"):
    sys.exit(0)
method, params = sys.argv[2], json.loads(sys.argv[3])
with Client(os.environ["MINISUP_SOCKET"]) as minisup:
    try:
        answer = minisup.call(method, params, None)
    except MinisupError as error:
        answer = {"error": str(error)}
with open("answer.new", "w") as file:
    json.dump(answer, file)
os.rename("answer.new", "answer")
"""
REST = "if test -e answer; then while ! test -e go; do sleep 0.02; done; fi"


def asking(stage: Stage, method: str, params: dict[str, object], how: str = "child") -> str:
    """A job whose first run makes a request that waits, as a child of its shell, and then goes on until `go`."""
    stage.write("ask.py", ASKS)
    words = f"MINISUP_SOCKET={stage.socket} {sys.executable} ask.py {how} {method} '{json.dumps(params)}'"
    return program("self", sh(f"{words}; {REST}"), min_runtime=0, stop=AT_ONCE)


def answer(stage: Stage) -> dict[str, object]:
    wait_until(stage.path("answer").exists, 2 * SOON, "the run that asked has its answer")
    found: dict[str, object] = json.loads(stage.path("answer").read_text())
    return found


def wait(targets: str, **more: object) -> dict[str, object]:
    return {"targets": targets, "wait": True, "timeout": 30, **more}


@pytest.mark.parametrize("how", ["child", "session"])
def test_restart_all_wait_of_a_run_does_not_wait_for_its_own_end(stage: Stage, how: str) -> None:
    other = program("other", sh("sleep 0.05"), min_runtime=0)
    daemon = stage.up(asking(stage, "restart", wait("all"), how), other)
    assert answer(stage) == {
        "done": True,
        "slots": ["self:0", "other:0"],
        "not_waited_for": {"self:0": "its own run asked for this"},
    }
    assert daemon.slot("self:0")["phase"] == "draining"
    stage.write("go", "")
    wait_until(lambda: daemon.program("self")["runs"]["worked"], SOON, "it restarts when it has ended")


@pytest.mark.parametrize(
    ("method", "params"), [("pause", wait("self")), ("scale", {"target": "self", "numprocs": 0, "wait": True})]
)
def test_a_run_that_waits_for_its_own_program_is_answered_at_once(
    stage: Stage, method: str, params: dict[str, object]
) -> None:
    stage.up(asking(stage, method, params))
    assert answer(stage)["not_waited_for"] == {"self:0": "its own run asked for this"}
    stage.write("go", "")


def test_what_a_run_has_left_behind_does_not_wait_for_its_own_end_either(stage: Stage) -> None:
    stage.write("ask.py", ASKS)
    words = f"MINISUP_SOCKET={stage.socket} {sys.executable} ask.py child stop '{json.dumps(wait('self'))}'"
    patient = {"drain": "30s", "timeout": "2s"}
    asks = sh(f"({words}; while ! test -e go; do sleep 0.02; done) & exit 0")
    daemon = stage.up(program("self", asks, min_runtime="60s", stop=patient))
    assert answer(stage)["not_waited_for"] == {"self:0": "its own run asked for this"}
    assert daemon.slot("self:0")["phase"] == "draining"
    stage.write("go", "")
    wait_until(lambda: daemon.slot("self:0")["phase"] == "off", SOON, "it has ended by itself")


def test_a_run_that_waits_for_the_end_of_minisup_is_refused(stage: Stage) -> None:
    daemon = stage.up(asking(stage, "shutdown", {"wait": True}))
    assert answer(stage) == {
        "error": "cannot wait for the end of minisup: this is called by a run of self:0, which minisup would wait for; "
        "leave out --wait"
    }
    assert daemon.status()["state"] == "running"
    stage.write("go", "")


def test_pause_all_wait_returns_although_a_service_goes_on_and_says_so(stage: Stage) -> None:
    service = program("web", sh("exec sleep 60"), kind="service", stop=AT_ONCE)
    daemon = stage.up(service, program("job", sh("sleep 0.05"), min_runtime=0))
    pid = daemon.running_pid("web:0")
    told = stage.command("pause", "all", "--wait", "--timeout", "20s")
    assert told.returncode == 0, told.stderr
    assert told.stdout == "paused: job:0\nnot waited for: web:0: the run of a service ends by --now only\n"
    assert daemon.slot("web:0")["pid"] == pid


def test_pause_wait_of_a_service_alone_is_refused_and_pauses_nothing(stage: Stage) -> None:
    daemon = stage.up(program("web", sh("exec sleep 60"), kind="service", stop=AT_ONCE))
    daemon.running_pid("web:0")
    with pytest.raises(MinisupError, match="the run of a service does not end by itself; add --now"):
        daemon.ask("pause", "web", wait=True)
    assert daemon.program("web")["state"] == "running"
    assert daemon.ask("pause", "web", wait=True, now=True, timeout=SOON)["done"] is True


def test_a_pause_during_the_drain_of_a_stop_is_refused_with_what_to_do(stage: Stage) -> None:
    job = program("job", sh("exec sleep 60"), numprocs=2, stop={"drain": "30s", "timeout": "2s"})
    daemon = stage.up(job)
    daemon.running_pid("job:0"), daemon.running_pid("job:1")
    daemon.ask("stop", "job:0")
    with pytest.raises(MinisupError) as refused:
        daemon.ask("pause", "job:0")
    assert str(refused.value) == (
        "cannot pause job:0: job:0 is being stopped, and a pause does not take that back; `minisup start job:0` does, "
        "then pause it"
    )
    told = stage.command("pause", "job")
    assert (told.returncode, told.stdout) == (0, "pause accepted: job:1\n")
    assert told.stderr.startswith("unchanged: job:0 is being stopped")


def test_restart_all_does_not_mean_a_finished_task(stage: Stage) -> None:
    daemon = stage.up(program("migrate", "true", kind="task"), program("job", sh("sleep 0.05"), min_runtime=0))
    wait_until(lambda: daemon.program("migrate")["state"] == "done", SOON, "the task has worked")
    assert stage.command("restart", "all", "--wait", "--timeout", "20s").stdout == "restarted: job:0\n"
    assert daemon.program("migrate")["runs"]["total"] == 1
    assert stage.command("restart", "migrate", "--wait", "--timeout", "20s").stdout == "restarted: migrate:0\n"
    wait_until(lambda: daemon.program("migrate")["runs"]["total"] == 2, SOON, "it has run once more")
