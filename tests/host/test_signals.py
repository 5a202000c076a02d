"""Signals to minisup, at every moment: as documented, no survivor, the right exit code."""

import signal

import pytest
from kit import SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, pause, program, sh, wait_until

LONG = 'shutdown_timeout = "30s"'
POLITE = "trap 'echo term >> heard; exit 0' TERM; echo ready > ready; while :; do sleep 0.02; done"
DEAF = "trap 'echo term >> heard' TERM; echo ready > ready; while :; do sleep 0.02; done"
SAME_REQUEST = 0.5
"""Seconds within which a repeated signal is the same request."""


def at_work(stage: Stage, job: str, supervisor: str = LONG, **stop: object) -> Daemon:
    stop = {"scope": "leader", "drain": "25s", "timeout": "12s", **stop}
    daemon = stage.up(program("job", sh(job), stop=stop), supervisor=supervisor)
    wait_until(lambda: stage.lines("ready"), SOON, "the job is at work")
    return daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_graceful_signal_lets_the_run_finish(stage: Stage, number: signal.Signals) -> None:
    daemon = at_work(stage, "trap 'echo term >> heard' TERM; echo ready > ready; sleep 0.8; echo end > end")
    taken = Stopwatch()
    daemon.signal(number)
    assert daemon.wait() == 0
    assert taken.seconds < 0.8 + SLACK
    assert (stage.lines("end"), stage.lines("heard")) == (["end"], [])


def test_a_signal_when_every_slot_waits_ends_minisup_at_once(stage: Stage) -> None:
    daemon = stage.up(program("job", "true", min_runtime="100s"), supervisor=LONG)
    wait_until(lambda: daemon.slot("job:0")["reason"] == "pace", SOON, "the slot waits")
    taken = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert taken.seconds < 0.3 + SLACK


def test_a_second_signal_ends_the_drain(stage: Stage) -> None:
    daemon = at_work(stage, POLITE)
    daemon.term()
    holds_for(lambda: daemon.slot("job:0")["phase"] == "draining", SAME_REQUEST + 0.2, "the run drains")
    assert stage.lines("heard") == []
    daemon.term()
    assert daemon.wait(SLACK) == 0
    assert stage.lines("heard") == ["term"]


def test_a_repeat_within_half_a_second_is_the_same_request(stage: Stage) -> None:
    daemon = at_work(stage, POLITE)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        daemon.signal(number)
        wait_until(lambda: daemon.slot("job:0")["phase"] == "draining", SAME_REQUEST / 2, "the run drains")
    holds_for(lambda: daemon.slot("job:0")["phase"] == "draining", SAME_REQUEST + 0.3, "the run still drains")
    assert stage.lines("heard") == []
    daemon.term()
    assert daemon.wait(SLACK) == 0


def test_a_third_signal_kills(stage: Stage) -> None:
    daemon = at_work(stage, DEAF)
    daemon.term()
    holds_for(lambda: daemon.slot("job:0")["phase"] == "draining", SAME_REQUEST + 0.1, "the run drains")
    daemon.term()
    wait_until(lambda: stage.lines("heard"), SOON, "the run has got its signal")
    holds_for(lambda: daemon.slot("job:0")["phase"] == "stopping", SAME_REQUEST + 0.1, "it takes its time")
    daemon.term()
    assert daemon.wait(SLACK) == 0


MOMENTS = [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.23, 0.26, 0.3, 0.4]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_term_at_any_moment_of_the_start_leaves_nothing(stage: Stage, moment: float) -> None:
    job = sh("echo begin >> begun; sleep 0.3; echo end >> ended")
    daemon = stage.up(program("job", job, numprocs=3, min_runtime="1s"), supervisor=LONG, ready=False)
    pause(moment)
    daemon.term()
    code = daemon.wait()
    begun = len(stage.lines("begun"))
    assert stage.lines("ended") == ["end"] * begun, "a run was cut"
    wait_until(lambda: not stage.marked(), 0.5, "nothing is left")
    # Before Python has come to minisup's first line, TERM has its default effect; nothing is running then.
    assert code == 0 or (code == -signal.SIGTERM and not begun)
    assert "Traceback" not in daemon.stderr


def test_a_term_during_a_restart_lets_the_runs_finish(stage: Stage) -> None:
    job = "echo begin >> begun; echo ready > ready; sleep 1; echo end >> ended"
    daemon = at_work(stage, job)
    daemon.ask("restart", ["job"])
    wait_until(lambda: daemon.slot("job:0")["phase"] == "draining", SOON, "the restart drains")
    daemon.term()
    assert daemon.wait() == 0
    assert stage.lines("ended") == ["end"] * len(stage.lines("begun"))
    assert len(stage.lines("begun")) == 1, "no new run starts during a shutdown"


def test_a_term_during_a_rolling_restart_of_a_service_stops_all_of_it(stage: Stage) -> None:
    service = sh("echo $MINISUP_SLOT >> begun; exec sleep 1000")
    daemon = stage.up(
        program("web", service, kind="service", numprocs=3, min_runtime="2s", stop={"timeout": "1s"}), supervisor=LONG
    )
    wait_until(lambda: len(stage.lines("begun")) == 3, SOON, "all run")
    daemon.ask("restart", ["web"])
    wait_until(lambda: len(stage.lines("begun")) == 4, SOON, "the first is fresh")
    taken = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert taken.seconds < SLACK
    assert len(stage.lines("begun")) == 4


def test_a_signal_for_later_says_so_and_does_nothing_else(stage: Stage) -> None:
    daemon = at_work(stage, POLITE)
    job = daemon.running_pid("job:0")
    daemon.signal(signal.SIGUSR2)
    wait_until(lambda: "not supported yet" in daemon.stderr, SOON, "it says so")
    assert daemon.slot("job:0")["pid"] == job
    assert daemon.status()["state"] == "running"
    assert stage.lines("heard") == []


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGCHLD, signal.SIGCONT])
def test_a_signal_without_a_meaning_changes_nothing(stage: Stage, number: signal.Signals) -> None:
    daemon = at_work(stage, POLITE)
    job = daemon.running_pid("job:0")
    daemon.signal(number)
    holds_for(lambda: daemon.slot("job:0")["pid"] == job, 0.2, "the job runs")
    assert daemon.status()["state"] == "running"


@pytest.mark.parametrize("number", [signal.SIGWINCH, signal.SIGRTMIN + 3], ids=["WINCH", "RTMIN+3"])
def test_the_stop_signal_of_an_apache_image_is_one_without_a_terminal_whatever_the_pid(
    stage: Stage, number: int
) -> None:
    job = program("job", sh("echo ready > ready; sleep 0.3; echo end > end"), stop={"drain": "25s"}, min_runtime="60s")
    daemon = stage.up(job, supervisor=LONG, start_new_session=True)
    wait_until(lambda: stage.lines("ready"), SOON, "the job is at work")
    daemon.signal(number)
    assert daemon.wait() == 0
    assert stage.lines("end") == ["end"], "it may finish"


def test_minisup_that_was_frozen_for_a_while_catches_up(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo > ran; sleep 0.1"), min_runtime=0, stop={"drain": "1s"}), supervisor=LONG)
    wait_until(lambda: stage.lines("ran"), SOON, "the job runs")
    daemon.signal(signal.SIGSTOP)
    pause(0.5)
    daemon.signal(signal.SIGCONT)
    runs = daemon.program("job")["runs"]["worked"]
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > runs + 2, SOON, "jobs run on")
    daemon.term()
    assert daemon.wait() == 0
