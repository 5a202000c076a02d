"""`minisup why` against a real minisup: the cause that the job printed, and the moment that then comes true."""

from kit import AT_ONCE, SLACK, SOON, Stage, Stopwatch, program, sh, wait_until


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
