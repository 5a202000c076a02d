"""`minisup why` against a real minisup: the cause that the job printed, and the moment that then comes true."""

import pytest
from kit import AT_ONCE, SLACK, SOON, Stage, Stopwatch, program, sh, wait_until
from lookup import alive


def test_why_names_what_the_failing_job_said_and_the_next_moment_comes_true(stage: Stage) -> None:
    job = sh("echo no route to database >&2; exit 3")
    daemon = stage.up(program("sms", job, retry={"backoff": "2s", "max_backoff": "2s"}, stop=AT_ONCE))
    wait_until(lambda: daemon.slot("sms:0")["reason"] == "backoff", SOON, "it backs off")
    [told] = daemon.ask("why", ["sms"])["programs"]
    waited = Stopwatch()
    assert told["next"]["slot"] == "sms:0"
    assert 0 < told["next"]["in"] <= 2.0
    [cause] = told["failing"]["causes"]
    assert (cause["outcome"], cause["code"], cause["line"]) == ("failed", 3, "no route to database")
    assert cause["runs"] == told["failing"]["runs"]
    wait_until(lambda: daemon.program("sms")["runs"]["failed"] > told["failing"]["runs"], SOON, "it has tried again")
    assert told["next"]["in"] - 0.1 <= waited.seconds < told["next"]["in"] + SLACK


def test_why_in_words_and_for_a_target_that_does_not_exist(stage: Stage) -> None:
    stage.up(program("bad", "./missing", stop=AT_ONCE), program("good", "sleep 1000", stop=AT_ONCE))
    said = stage.command("why", "bad")
    assert said.returncode == 0
    assert said.stdout.startswith(
        "bad is holding: its slot waits for the cause to go away. The next probe is bad:0 in "
    )
    assert "no such file or directory" in said.stdout
    both = stage.command("why", "all").stdout
    assert "good is running: 1 of 1 slot has a run in progress." in both
    refused = stage.command("why", "nope")
    assert refused.returncode == 4
    assert "programs here: bad, good" in refused.stderr


DAEMON = "exec env -i MINISUP_TEST_MARK=$MINISUP_TEST_MARK setsid sh -c 'echo $$ >> daemons; exec sleep 1000'"
"""What says nothing about whose it is: most daemons overwrite their environment with a title."""


@pytest.mark.parametrize(
    "script",
    [f"({DAEMON}) >/dev/null 2>&1 & exit 0", f"(sleep 0.2; ({DAEMON}) & ) >/dev/null 2>&1 & exit 0"],
    ids=["at once", "in two steps"],
)
def test_why_names_the_daemon_that_a_service_has_become(stage: Stage, script: str) -> None:
    """As nginx without `daemon off`: its first run ends well, and the daemon holds the port that each try needs."""
    web = sh(f"if test -e daemons; then echo address in use; exit 1; fi; {script}")
    retry = {"backoff": "1s", "max_backoff": "1s"}
    daemon = stage.up(program("web", web, kind="service", retry=retry, stop={"drain": 0, "timeout": "1s"}))
    wait_until(lambda: stage.lines("daemons"), SOON, "the daemon is there")
    wait_until(lambda: daemon.program("web")["runs"]["failed"] > 1, SOON, "it was tried again")
    wait_until(lambda: daemon.program("web")["leftovers"] == 1, SOON, "the daemon is counted")
    said = stage.command("why", "web").stdout
    assert "1 x exit 0, but a service must not end, last: run 1, " in said
    assert "web:0: 1 process of run 1 goes on in the background: run it in the foreground\n" in said
    assert "1 process left behind" in stage.command("status", "--once").stdout
    daemon.ask("stop", ["web"], wait=True)
    (pid,) = stage.lines("daemons")
    assert not alive(int(pid)), "the stop of the service reaches it"


def test_what_starts_beside_a_service_that_ends_is_not_taken_for_it(stage: Stage) -> None:
    """It was there before, or comes from a run that goes on: only an orphan that came with the service is its own."""
    other = sh(f"({DAEMON}) >/dev/null 2>&1 & wait")
    ends = sh("while ! test -e go; do sleep 0.02; done; exit 0")
    daemon = stage.up(
        program("other", other, stop=AT_ONCE), program("web", ends, kind="service", stop=AT_ONCE, restart="never")
    )
    wait_until(lambda: stage.lines("daemons"), SOON, "the other's child is there")
    stage.write("go", "")
    wait_until(lambda: daemon.program("web")["runs"]["failed"] == 1, SOON, "the service has ended")
    assert daemon.program("web")["leftovers"] == 0
