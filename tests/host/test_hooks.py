"""Hooks: what is called when, with what, and that nobody waits for it."""

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, toml, wait_until
from listener import Listener
from lookup import children_of, state_of
from plumbing import Plumbing

from minisup.config.keys.hook_table import HookCommand
from minisup.config.keys.supervisor_table import SupervisorTable
from minisup.config.schema import Config, ProgramTable
from minisup.core import facts
from minisup.core.model import Outcome
from minisup.host.integrations import hooks
from minisup.host.integrations.hook_run import MOST_LINES, HookRun
from minisup.host.integrations.hooks import AT_ONCE as MOST_AT_ONCE
from minisup.host.integrations.hooks import MOST_WAITING, Hooks, Occasion, Occasions
from minisup.host.process.reap import Reaped
from minisup.host.start.helper import Helpers
from minisup.host.start.recipe import helper_recipe
from minisup.host.start.spawn import Spawner

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "hooks.md"
FLAKY = sh("test ! -e broken || { echo refused; exit 1; }")
QUICK = {"backoff": "20ms", "max_backoff": "40ms"}
UNTIL_GO = sh("echo begin >> begun; while ! test -e go; do sleep 0.02; done")


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener(lambda _asked: (204, b""))
    yield made
    made.close()


def options(timeout: str = "20s", **given: object) -> str:
    return "\n".join([f'shutdown_timeout = "{timeout}"', *(f"{name} = {toml(value)}" for name, value in given.items())])


def saves_environment(name: str) -> list[str]:
    return sh(f"env > {name}.new; mv {name}.new {name}")


def environment(stage: Stage, name: str) -> dict[str, str]:
    lines = wait_until(lambda: stage.lines(name), SOON, f"{name} was called")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def told(stage: Stage, fact: str) -> list[dict[str, Any]]:
    lines = stage.command("events", "--json").stdout.splitlines()
    return [event["fields"] for event in map(json.loads, lines) if event["fact"] == fact]


# --- what is called ---------------------------------------------------------------------------------------------------


def test_a_command_learns_what_failed_and_that_it_is_well_again(stage: Stage) -> None:
    given = options(on_failing=saves_environment("failing"), on_recovered=saves_environment("well"))
    stage.write("broken", "")
    stage.up(
        program("sms", FLAKY, min_runtime="50ms", retry=QUICK),
        supervisor=given + "\nenvironment = { GIVEN = 'yes', MINISUP_RUN_ID = '7' }",
    )
    failing = environment(stage, "failing")
    assert failing["MINISUP_EVENT"] == "failing"
    assert failing["MINISUP_PROGRAM"] == "sms"
    assert failing["MINISUP_CAUSE"] == 'exit 1 "refused"'
    assert failing["MINISUP_MESSAGE"].startswith("sms: first failure: sms:0 exit 1")
    assert failing["GIVEN"] == "yes"
    assert {name for name in failing if name.startswith("MINISUP_")} - {"MINISUP_TEST_MARK"} == {
        "MINISUP_EVENT", "MINISUP_PROGRAM", "MINISUP_CAUSE", "MINISUP_MESSAGE", "MINISUP_JSON",
    }, "nothing makes it look like a run"  # fmt: skip
    assert json.loads(failing["MINISUP_JSON"])["fields"]["slot"] == "sms:0"
    assert not stage.lines("well")
    stage.path("broken").unlink()
    well = environment(stage, "well")
    assert (well["MINISUP_EVENT"], well["MINISUP_PROGRAM"], well["MINISUP_CAUSE"]) == ("recovered", "sms", "")


def test_a_url_gets_the_event_and_four_fields_more(stage: Stage, listener: Listener) -> None:
    urls = {name: f"{listener.url}/{name}?token=1" for name in ("on_failing", "on_give_up", "on_drain")}
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    daemon = stage.up(
        program("sms", sh("echo refused; exit 1"), min_runtime=0, retry=retry), supervisor=options(**urls)
    )
    wait_until(lambda: len(listener.asked) == 2, SOON, "it fails, and is given up")
    daemon.term()
    assert daemon.wait() == 0
    assert [(asked.method, asked.path) for asked in listener.asked] == [
        ("POST", f"/{name}?token=1") for name in ("on_failing", "on_give_up", "on_drain")
    ]
    failing, given_up, drain = (asked.body for asked in listener.asked)
    assert list(failing) == [
        "hook", "program", "cause", "host", "timestamp", "level", "message", "fact", "fields",
    ]  # fmt: skip
    assert (failing["hook"], failing["program"], failing["cause"]) == ("on_failing", "sms", 'exit 1 "refused"')
    assert (failing["fact"], failing["fields"]["code"]) == ("first_failure", 1)
    assert (given_up["fact"], given_up["cause"], given_up["fields"]["then"]) == ("gave_up", 'exit 1 "refused"', "stop")
    assert (drain["fact"], drain["program"], drain["cause"]) == ("shutdown_step", None, "TERM")
    assert failing["host"] == os.uname().nodename
    assert "hook_failed" not in daemon.stderr
    assert "failed:" not in daemon.stderr


def test_what_a_command_prints_is_in_minisups_own_log(stage: Stage) -> None:
    speaks = sh("echo one; echo two >&2; printf 'three\\033[1m'")
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options(on_drain=speaks))
    daemon.term()
    assert daemon.wait() == 0
    lines = [line for line in daemon.stderr.splitlines() if line.startswith("on_drain")]
    assert lines == ["on_drain | one", "on_drain | two", "on_drain | three\\x1b[1m"]
    assert "on_drain" not in daemon.stdout


def test_a_reload_changes_the_hooks(stage: Stage) -> None:
    job = program("sms", FLAKY, min_runtime="50ms", retry=QUICK)
    daemon = stage.up(job, supervisor=options())
    wait_until(lambda: daemon.program("sms")["runs"]["worked"], SOON, "it works")
    stage.config(job, supervisor=options(on_failing=saves_environment("failing")))
    changes = daemon.ask("reload")["changes"]
    assert [(change["key"], change["effect"]) for change in changes] == [("on_failing", "live")]
    stage.write("broken", "")
    assert environment(stage, "failing")["MINISUP_PROGRAM"] == "sms"


def test_the_example_of_the_page_does_what_the_page_says(stage: Stage, listener: Listener) -> None:
    text = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    stage.script("deregister", 'echo "$@ $MINISUP_CAUSE" > deregistered')
    stage.script("php", "test ! -e broken || { echo 'Connection refused'; exit 1; }")
    stage.write("broken", "")
    places = f"socket = {toml(stage.socket)}\nstate_dir = {toml(stage.root / 'state')}\n"
    path = f"environment.PATH = {toml(str(stage.root) + ':' + os.environ['PATH'])}\n"
    file = stage.write("minisup.toml", text.replace("[supervisor]\n", f"[supervisor]\n{places}{path}"))
    daemon = stage.up_file(file, env={"ALERT_URL": listener.url})
    wait_until(lambda: stage.lines("trouble.txt"), SOON, "somebody is told")
    stage.path("broken").unlink()
    wait_until(lambda: len(stage.lines("trouble.txt")) == 2, SOON, "and again")
    assert stage.lines("trouble.txt") == ['sms: exit 1 "Connection refused"', "sms is well"]
    daemon.term()
    assert daemon.wait() == 0
    assert stage.lines("deregistered") == ["--from balancer TERM"]


def test_the_page_has_the_numbers_of_the_code() -> None:
    page = " ".join(PAGE.read_text().split())
    assert f"A hook has {hooks.LIMIT:g} seconds" in page
    assert (MOST_AT_ONCE, hooks.QUIET) == (4, 60.0)
    assert f"Four are under way at a time, {MOST_WAITING} wait" in page
    assert f"{MOST_LINES} lines at most" in page


# --- never in the way -------------------------------------------------------------------------------------------------


def test_on_drain_is_called_beside_the_drain_and_is_no_stranger(stage: Stage) -> None:
    slow = sh(
        "trap 'echo term >> signals' TERM; echo here > here; while ! test -e hook; do sleep 0.02; done; echo > done"
    )
    daemon = stage.up(program("job", UNTIL_GO, min_runtime="60s"), supervisor=options(on_drain=slow))
    wait_until(lambda: stage.lines("begun"), SOON, "the job is at work")
    daemon.term()
    wait_until(lambda: stage.lines("here"), SOON, "the hook is at work while the job is")
    assert daemon.status()["state"] == "draining"
    assert daemon.program("job")["leftovers"] == 0
    stage.write("go", "")
    wait_until(lambda: "stopped:" in daemon.stderr, SOON, "the job has ended")
    holds_for(lambda: daemon.process.poll() is None, 0.3, "minisup stays for the hook")
    stage.write("hook", "")
    assert daemon.wait() == 0
    assert stage.path("done").exists()
    assert not stage.lines("signals")


def test_a_hook_that_hangs_does_not_hold_the_shutdown_up_beyond_its_deadline(stage: Stage) -> None:
    hangs = sh("trap '' TERM; echo here > here; sleep 1000 & sleep 1000")
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options("3s", on_drain=hangs))
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert 2.0 < watch.seconds < 3.0 + SLACK
    assert stage.lines("here")


def test_who_asks_again_for_the_end_does_not_wait_for_hooks(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options(on_drain="sleep 1000"))
    daemon.term()
    wait_until(lambda: "stopped:" in daemon.stderr, SOON, "all else is over")
    watch = Stopwatch()
    wait_until(lambda: watch.seconds > 0.6, SOON, "the second request is another one")
    daemon.term()
    assert daemon.wait(5.0) == 0
    assert watch.seconds < 5.0


def test_an_url_that_hangs_is_left_at_the_deadline(stage: Stage, listener: Listener) -> None:
    listener.hang()
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options("3s", on_drain=listener.url))
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert watch.seconds < 3.0 + SLACK
    assert len(listener.asked) == 1


def test_without_hooks_the_exit_waits_for_nothing(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options(on_failing="sleep 1000"))
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert watch.seconds < SLACK


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (sh("exit 3"), "exit 3"),
        (sh("kill -KILL $$"), "SIGKILL"),
        ("no-such-program", "cannot start no-such-program: no such file or directory"),
    ],
)
def test_a_hook_that_fails_is_a_warning_and_a_fact(stage: Stage, command: object, why: str) -> None:
    daemon = fails(stage, command)
    wait_until(lambda: f"warning: on_failing for sms failed: {why}" in daemon.stderr, SOON, "that is said")
    assert told(stage, "hook_failed") == [{"hook": "on_failing", "program": "sms", "why": why}]


def test_an_url_that_refuses_or_is_not_there_is_a_warning(stage: Stage, listener: Listener) -> None:
    listener.answer = lambda _asked: (301, b"")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        daemon = fails(stage, listener.url, on_drain=f"http://127.0.0.1:{nobody.getsockname()[1]}/s3cret")
        wait_until(lambda: "on_failing for sms failed: the answer was HTTP 301" in daemon.stderr, SOON, "that is said")
        daemon.term()
        assert daemon.wait() == 0
    daemon.says("warning: on_drain failed: connection refused")
    assert "s3cret" not in daemon.stderr


def fails(stage: Stage, command: object, **more: object) -> Daemon:
    job = program("sms", sh("exit 1"), retry={"backoff": "100s", "max_backoff": "100s"})
    return stage.up(job, supervisor=options(on_failing=command, **more))


def test_hooks_are_reaped_and_so_is_what_they_leave_behind(stage: Stage) -> None:
    leaves = sh("(setsid sh -c 'echo here > here; while ! test -e go; do sleep 0.02; done; echo > gone' &)")
    daemon = fails(stage, leaves)
    wait_until(lambda: stage.lines("here"), SOON, "the hook has left something")
    wait_until(lambda: len(children_of(daemon.pid)) == 1, SOON, "the hook is reaped, its orphan is ours")
    assert daemon.program("sms")["leftovers"] == 0
    stage.write("go", "")
    wait_until(lambda: not children_of(daemon.pid), SOON, "the orphan is reaped")
    assert stage.path("gone").exists()


def test_a_hook_while_a_run_is_stopped_is_not_counted_among_its_leftovers(stage: Stage) -> None:
    slow = sh("echo here > here; while ! test -e hook; do sleep 0.02; done")
    daemon = stage.up(
        program("sms", sh("exit 1"), retry={"backoff": "100s", "max_backoff": "100s"}),
        program("job", "sleep 1000", stop=AT_ONCE),
        supervisor=options(on_failing=slow),
    )
    wait_until(lambda: stage.lines("here"), SOON, "the hook is at work")
    assert stage.command("stop", "job", "--wait").returncode == 0
    assert [entry["leftovers"] for entry in daemon.status()["programs"]] == [0, 0]
    states = [state_of(child) for child in children_of(daemon.pid)]
    assert len(states) == 1, "the hook goes on"
    stage.write("hook", "")


# --- inside -----------------------------------------------------------------------------------------------------------


def helper(plumbing: Plumbing, said: list[str], script: str, limit: float) -> HookRun:
    recipe = helper_recipe(["sh", "-c", script], dict(os.environ), "/")
    return HookRun(plumbing.loop, Spawner(), recipe, limit, said.append)


def reaped(plumbing: Plumbing, made: HookRun) -> str:
    found: list[tuple[int, int]] = []

    def look() -> object:
        pid, status = os.waitpid(made.pid, os.WNOHANG)
        found.extend([(pid, status)] if pid else [])
        return pid

    plumbing.until(look)
    code = os.waitstatus_to_exitcode(found[0][1])
    return made.ended(Reaped(made.pid, code if code >= 0 else None, -code if code < 0 else None, 0.0, None))


def test_a_command_that_takes_too_long_is_killed_with_its_session() -> None:
    plumbing, said = Plumbing(), []
    made = helper(plumbing, said, "trap '' TERM; sleep 1000 & echo $!; wait", 0.3)
    assert reaped(plumbing, made) == "killed after 0.3 s"
    (child,) = said
    plumbing.until(lambda: not Path(f"/proc/{child}").exists() or state_of(int(child)) == "Z")
    plumbing.loop.close()


def test_a_command_that_says_much_is_read_and_mostly_forgotten() -> None:
    plumbing, said = Plumbing(), []
    made = helper(plumbing, said, "seq 100000; printf end", 20.0)
    assert reaped(plumbing, made) == ""
    assert len(said) == MOST_LINES + 1
    assert (said[0], said[-1]) == ("1", "... and more")
    plumbing.loop.close()


def config(**commands: str) -> Config:
    given = {name: HookCommand((command,), command) for name, command in commands.items()}
    return Config(supervisor=SupervisorTable(**given), programs={"sms": ProgramTable(command=("true",))}, files=("x",))


class Slow:
    """Stands for a command that goes on for ever."""

    number = 0

    def __init__(self, *_: object) -> None:
        Slow.number += 1
        self.pid = Slow.number

    def ended(self, _child: Reaped) -> str:
        return ""


def test_few_are_under_way_some_wait_and_more_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "HookRun", Slow)
    plumbing, facts_told = Plumbing(), []
    helpers: Helpers = {}
    made = Hooks(config(on_give_up="x", on_drain="y"), plumbing.loop, Spawner(), helpers, facts_told.append, print)
    for _ in range(MOST_AT_ONCE + MOST_WAITING + 3):
        made.take(facts.GaveUp("sms", 1.0, "stop"))
    assert len(helpers) == MOST_AT_ONCE
    assert facts_told == [facts.HookDropped("on_give_up", "sms", number) for number in (1, 2, 3)]
    made.take(facts.ShutdownStep("drain", 0, 9.0, "TERM"))
    made.take(facts.ShutdownStep("signal", 0, 9.0, "TERM"))
    assert len(helpers) == MOST_AT_ONCE + 1, "on_drain does not queue, and is called once"
    for _ in range(MOST_AT_ONCE + MOST_WAITING + 1):
        pid = next(iter(helpers))
        helpers.pop(pid)(Reaped(pid, 0, None, 0.0, None))
    assert not helpers
    plumbing.loop.close()


def failure(outcome: Outcome = Outcome.FAILED) -> facts.FirstFailure:
    return facts.FirstFailure("sms:0", 1, outcome, 1, None, 0.1, "cause", 1.0)


def lasting() -> facts.StillFailing:
    return facts.StillFailing("sms", 60.0, 10, Outcome.TIMEOUT, None, "SIGTERM", "", False, 15.0)


def test_a_program_that_fails_now_and_then_is_told_once_a_minute() -> None:
    now = 0.0
    occasions = Occasions(lambda: now)
    well = facts.Recovered("sms", 1.0, 1)
    assert occasions.of(well) is None, "nobody was told that it failed"
    assert occasions.of(failure()) == Occasion("on_failing", "sms", 'exit 1 "cause"')
    assert occasions.of(lasting()) is None, "that is known"
    assert occasions.of(well) == Occasion("on_recovered", "sms", "")
    now = 59.0
    assert occasions.of(failure()) is None
    assert occasions.of(well) is None
    assert occasions.of(failure()) is None
    assert occasions.of(lasting()) == Occasion("on_failing", "sms", "timeout"), "it lasts"
    assert occasions.of(well) == Occasion("on_recovered", "sms", "")
    now = 200.0
    assert occasions.of(failure(Outcome.UNSTARTABLE)) == Occasion("on_failing", "sms", "cause")
    assert occasions.of(facts.GaveUp("sms", 300.0, "stop")) == Occasion("on_give_up", "sms", "cause")
    assert occasions.of(facts.Cut("sms:0", 1, 2.0)) is None


def test_minisup_hears_of_signals_while_it_stays_for_hooks(stage: Stage) -> None:
    slow = sh("echo here > here; while ! test -e hook; do sleep 0.02; done")
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=options(on_drain=slow))
    daemon.term()
    wait_until(lambda: stage.lines("here"), SOON, "the hook is at work")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: "cannot reload" in daemon.stderr, SOON, "that is answered")
    assert daemon.answers()
    stage.write("hook", "")
    assert daemon.wait() == 0
