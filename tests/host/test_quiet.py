"""What minisup does when nothing is to be done, and when it is on its way out."""

import signal

from kit import AT_ONCE, SLACK, SOON, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import wake_ups_of

LONG = 'shutdown_timeout = "30s"'
UNTIL_GO = sh("echo begin >> begun; while ! test -e go; do sleep 0.02; done")


def test_minisup_does_not_wake_up_while_nothing_happens(stage: Stage) -> None:
    daemon = stage.up(
        program("long", "sleep 1000", numprocs=20, min_runtime=0, stop=AT_ONCE),
        program("waiting", "true", min_runtime="100s"),
    )
    wait_until(lambda: daemon.program("waiting")["runs"]["worked"], SOON, "the short one waits")
    wait_until(lambda: daemon.program("long")["running"] == 20, SOON, "all run")
    wait_until(lambda: stage.command("history", "waiting", "--json").stdout, SOON, "its row has been written")
    before, watch = wake_ups_of(daemon.pid), Stopwatch()
    wait_until(lambda: watch.seconds > 2.0, SOON, "two seconds have passed")
    assert wake_ups_of(daemon.pid) - before <= 2


def test_a_program_without_slots_and_one_that_is_not_started_run_nothing(stage: Stage) -> None:
    off = program("off", sh("echo >> ran"), autostart=False)
    daemon = stage.up(program("empty", sh("echo >> ran"), numprocs=0), off)
    holds_for(lambda: not stage.lines("ran"), 0.3, "nothing runs")
    assert daemon.program("empty")["slots"] == []
    daemon.term()
    assert daemon.wait() == 0


def test_nothing_starts_and_health_says_so_while_minisup_shuts_down(stage: Stage) -> None:
    daemon = stage.up(
        program("job", UNTIL_GO, min_runtime=0),
        program("other", sh("echo >> other"), autostart=False),
        supervisor=LONG,
    )
    wait_until(lambda: stage.lines("begun"), SOON, "the job is at work")
    assert stage.command("health").returncode == 0
    daemon.term()
    wait_until(lambda: daemon.status()["state"] == "draining", SOON, "minisup drains")
    stage.command("start", "other")
    stage.command("restart", "job")
    health = stage.command("health")
    assert health.returncode == 1
    stage.write("go", "")
    assert daemon.wait() == 0
    assert not stage.lines("other")
    assert stage.lines("begun") == ["begin"]


def test_shutdown_over_the_socket_waits_until_the_process_is_gone(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo begin >> begun; sleep 0.7; echo end > end")), supervisor=LONG)
    wait_until(lambda: stage.lines("begun"), SOON, "the job is at work")
    done = stage.command("shutdown", "--wait")
    assert done.returncode == 0
    assert stage.lines("end") == ["end"]
    assert daemon.wait(SLACK) == 0


def test_more_than_ten_leftovers_of_a_slot_are_a_warning(stage: Stage) -> None:
    leaving = sh("sleep 1000 & echo >> ran; test $(wc -l < ran) -lt 15 || exec sleep 1000")
    daemon = stage.up(program("leaving", leaving, min_runtime="20ms", stop=AT_ONCE, log={"to": "none"}))
    wait_until(lambda: daemon.program("leaving")["leftovers"] > 10, SOON, "they pile up")
    wait_until(lambda: "warning: leaving" in daemon.stderr, SOON, "the console warns")


def test_a_run_that_somebody_kills_has_crashed_and_is_started_again(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", retry={"backoff": "100ms"}, stop=AT_ONCE))
    first = daemon.running_pid("job:0")
    stage.popen(["kill", "-KILL", first]).wait(SOON)
    wait_until(lambda: daemon.slot("job:0")["pid"] not in (None, first), SOON, "it runs again")
    last = daemon.slot("job:0")["last"]
    assert (last["outcome"], last["signal"], last["code"]) == ("crashed", signal.SIGKILL.name, None)
    assert daemon.program("job")["budget"]["tokens"] < daemon.program("job")["budget"]["size"]
