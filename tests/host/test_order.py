"""Tasks, services, `after`, restarts and giving up, with real processes."""

import os
import signal
from typing import Any

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until

QUICK = {"backoff": "50ms", "max_backoff": "100ms"}
GATED = sh("while ! test -e migrated; do sleep 0.02; done; echo migrate >> order")


def mail(**keys: object) -> str:
    keys = {"min_runtime": "100ms", "stop": AT_ONCE, **keys}
    return program("mail", sh("echo mail >> order"), **keys)


def test_a_task_gates_what_is_after_it_until_it_has_worked(stage: Stage) -> None:
    daemon = stage.up(program("migrate", GATED, kind="task", stop=AT_ONCE), mail(after=["migrate"]))
    wait_until(lambda: daemon.slot("mail:0")["reason"] == "after", SOON, "mail waits")
    holds_for(lambda: not stage.lines("order"), 0.3, "nothing runs before the task has worked")
    stage.write("migrated", "")
    wait_until(lambda: len(stage.lines("order")) > 2, SOON, "mail runs")
    assert stage.lines("order")[:2] == ["migrate", "mail"]
    assert daemon.program("migrate")["state"] == "done"


def test_a_task_that_fails_is_tried_again_and_blocks_the_others_meanwhile(stage: Stage) -> None:
    task = program("migrate", sh("echo try >> tries; test -e migrated"), kind="task", retry=QUICK, stop=AT_ONCE)
    daemon = stage.up(task, mail(after=["migrate"]))
    wait_until(lambda: len(stage.lines("tries")) >= 3, SOON, "it is tried again")
    assert not stage.lines("order")
    assert daemon.slot("mail:0")["reason"] == "after"
    stage.write("migrated", "")
    wait_until(lambda: stage.lines("order"), SOON, "mail runs")


def test_a_task_that_was_given_up_keeps_the_others_waiting(stage: Stage) -> None:
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    daemon = stage.up(program("migrate", "false", kind="task", retry=retry), mail(after=["migrate"]))
    wait_until(lambda: daemon.program("migrate")["state"] == "off", SOON, "it is given up")
    assert daemon.slot("mail:0")["reason"] == "after"
    assert not stage.lines("order")
    assert stage.command("health", "migrate").returncode == 1
    whole = stage.command("health")
    assert (whole.returncode, whole.stderr) == (1, "unhealthy: nothing runs any more: migrate was given up\n")


def test_what_goes_on_beside_a_program_that_was_given_up_keeps_minisup_healthy(stage: Stage) -> None:
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    daemon = stage.up(program("broken", "false", retry=retry), mail())
    wait_until(lambda: daemon.program("broken")["state"] == "off", SOON, "it is given up")
    assert stage.command("health").returncode == 0
    assert stage.command("health", "mail").returncode == 0
    named = stage.command("health", "all")
    assert (named.returncode, named.stderr) == (1, "unhealthy: broken was given up\n")


def test_what_an_operator_has_stopped_does_not_make_minisup_unhealthy_beside_what_was_given_up(stage: Stage) -> None:
    """The platform would end the container in which somebody is at work."""
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    daemon = stage.up(program("broken", "false", retry=retry), mail())
    wait_until(lambda: daemon.program("broken")["state"] == "off", SOON, "it is given up")
    daemon.ask("stop", ["mail"], now=True, wait=True)
    assert daemon.ask("health")["healthy"]


def test_what_was_stopped_before_does_not_hide_that_all_the_rest_was_given_up(stage: Stage) -> None:
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    breaks = sh("test ! -e broken && exec sleep 1000")
    daemon = stage.up(program("breaks", breaks, retry=retry, stop=AT_ONCE), mail())
    running = daemon.running_pid("breaks:0")
    daemon.ask("stop", ["mail"], now=True, wait=True)
    assert daemon.ask("health")["healthy"]
    stage.write("broken", "")
    os.kill(running, signal.SIGKILL)
    wait_until(lambda: daemon.program("breaks")["state"] == "off", SOON, "it is given up")
    assert daemon.ask("health")["reason"] == "nothing runs any more: breaks was given up"


def test_a_service_gates_what_is_after_it_until_it_is_up(stage: Stage) -> None:
    service = program(
        "web", sh("echo web >> order; exec sleep 1000"), kind="service", min_runtime="700ms", stop=AT_ONCE
    )
    daemon = stage.up(service, mail(after=["web"]))
    started = Stopwatch()
    wait_until(lambda: stage.lines("order") == ["web"], SOON, "the service runs")
    wait_until(lambda: len(stage.lines("order")) > 1, SOON, "mail runs once the service is up")
    assert started.seconds > 0.6
    assert daemon.program("web")["running"] == 1


def test_up_of_one_target_brings_what_it_is_after_and_nothing_else(stage: Stage) -> None:
    stage.write("migrated", "")
    daemon = stage.up(
        program("migrate", GATED, kind="task"),
        mail(after=["migrate"]),
        program("other", sh("echo other >> order")),
        args=["mail"],
    )
    wait_until(lambda: len(stage.lines("order")) > 2, SOON, "mail runs")
    assert stage.lines("order")[0] == "migrate"
    assert "other" not in stage.lines("order")
    assert daemon.program("other")["state"] == "off"


def test_shutdown_stops_a_service_only_after_what_needs_it(stage: Stage) -> None:
    report = "trap 'echo {0} >> stopped; exit 0' TERM; echo {0} >> ready; while :; do sleep 0.02; done"
    stop = {"drain": 0, "scope": "leader"}
    daemon = stage.up(
        program("web", sh(report.format("web")), kind="service", min_runtime="50ms", stop=stop),
        program("mail", sh(report.format("mail")), after=["web"], stop=stop),
    )
    wait_until(lambda: len(stage.lines("ready")) == 2, SOON, "both run")
    daemon.term()
    assert daemon.wait() == 0
    assert stage.lines("stopped") == ["mail", "web"]


def test_services_restart_one_after_another(stage: Stage) -> None:
    handler = "trap 'echo stop $MINISUP_SLOT >> log; exit 0' TERM"
    service = sh(f"{handler}; echo start $MINISUP_SLOT >> log; while :; do sleep 0.02; done")
    stop = {"timeout": "2s", "scope": "leader"}
    daemon = stage.up(program("web", service, kind="service", numprocs=3, min_runtime="300ms", stop=stop))
    wait_until(lambda: len(stage.lines("log")) == 3, SOON, "all run")
    taken = Stopwatch()
    daemon.ask("restart", ["web"], wait=True)
    assert taken.seconds > 2 * 0.3
    wait_until(lambda: len(stage.lines("log")) == 9, SOON, "the last has said that it runs")
    log = stage.lines("log")[3:]
    assert [log[at].split()[0] for at in range(6)] == ["stop", "start"] * 3
    assert [log[at].split()[1] for at in (0, 2, 4)] == [log[at].split()[1] for at in (1, 3, 5)]
    assert sorted(log[at].split()[1] for at in (0, 2, 4)) == ["0", "1", "2"]


def test_a_restart_of_jobs_waits_for_the_end_of_their_runs(stage: Stage) -> None:
    job = sh("trap 'echo term >> heard' TERM; echo $MINISUP_RUN_ID >> runs; while ! test -e go; do sleep 0.02; done")
    daemon = stage.up(program("mail", job, numprocs=2, min_runtime="10s", stop=AT_ONCE))
    wait_until(lambda: len(stage.lines("runs")) == 2, SOON, "both slots run")
    daemon.ask("restart", ["mail"])
    wait_until(lambda: daemon.program("mail")["phases"] == {"draining": 2}, SOON, "both drain")
    holds_for(lambda: len(stage.lines("runs")) == 2, 0.4, "no signal, no new run")
    assert not stage.lines("heard")
    stage.write("go", "")
    wait_until(lambda: len(stage.lines("runs")) == 4, 1.0 + SLACK, "fresh runs start at once, without pace")
    assert daemon.program("mail")["runs"]["stopped"] == 0


def test_a_restart_without_waiting_for_the_runs(stage: Stage) -> None:
    daemon = stage.up(program("mail", "sleep 1000", stop=AT_ONCE))
    first = daemon.running_pid("mail:0")
    daemon.ask("restart", ["mail"], now=True, wait=True)
    assert daemon.running_pid("mail:0") != first
    assert daemon.slot("mail:0")["last"]["outcome"] == "stopped"


def test_stop_drains_and_stop_now_does_not(stage: Stage) -> None:
    job = sh("trap 'echo term >> heard; exit 0' TERM; echo > ready; while :; do sleep 0.02; done")
    daemon = stage.up(program("mail", job, stop={"drain": "30s", "scope": "leader"}))
    wait_until(lambda: stage.lines("ready"), SOON, "the job runs")
    daemon.ask("stop", ["mail"])
    wait_until(lambda: daemon.slot("mail:0")["phase"] == "draining", SOON, "it drains")
    assert daemon.program("mail")["state"] == "draining"
    taken = Stopwatch()
    daemon.ask("stop", ["mail"], now=True, wait=True)
    assert taken.seconds < SLACK
    assert stage.lines("heard") == ["term"]
    assert daemon.program("mail")["state"] == "off"


def test_start_cancels_a_drain(stage: Stage) -> None:
    daemon = stage.up(program("mail", "sleep 1000", stop={"drain": "30s"}))
    first = daemon.running_pid("mail:0")
    daemon.ask("stop", ["mail"])
    wait_until(lambda: daemon.slot("mail:0")["phase"] == "draining", SOON, "it drains")
    daemon.ask("start", ["mail"])
    slot = wait_until(lambda: running(daemon), SOON, "it runs on")
    assert slot["pid"] == first
    daemon.ask("stop", ["mail"], now=True, wait=True)


def running(daemon: Daemon) -> dict[str, Any] | None:
    slot = daemon.slot("mail:0")
    return slot if slot["phase"] == "running" else None


def test_a_run_that_drains_to_its_end_has_the_outcome_that_its_exit_deserves(stage: Stage) -> None:
    daemon = stage.up(
        program("mail", sh("echo > ready; while ! test -e go; do sleep 0.02; done"), stop={"drain": "30s"})
    )
    wait_until(lambda: stage.lines("ready"), SOON, "the job runs")
    daemon.ask("stop", ["mail"])
    stage.write("go", "")
    wait_until(lambda: daemon.slot("mail:0")["phase"] == "off", SOON, "it is off")
    assert daemon.slot("mail:0")["last"]["outcome"] == "worked"


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_the_command_line_waits_when_told_to(stage: Stage, verb: str) -> None:
    stop = {"drain": "400ms", "scope": "leader"}
    daemon = stage.up(program("mail", "sleep 1000", stop=stop, autostart=verb != "start"))
    if verb != "start":
        daemon.running_pid("mail:0")
    before = daemon.program("mail")["runs"]["total"]
    now = ["--now"] if verb == "restart" else []
    done = stage.command(verb, "mail", "--wait", *now)
    assert done.returncode == 0, done.stderr
    slot = daemon.slot("mail:0")
    assert slot["phase"] == ("off" if verb == "stop" else "running")
    assert daemon.program("mail")["runs"]["total"] == before + (verb != "start")
    if verb != "stop":
        daemon.ask("stop", ["mail"], now=True, wait=True)


def test_a_target_that_is_none_is_4_and_starts_nothing(stage: Stage) -> None:
    daemon = stage.up(program("mail", "sleep 1000", autostart=False))
    done = stage.command("start", "mial")
    assert done.returncode == 4
    assert "mail" in done.stderr
    assert daemon.program("mail")["state"] == "off"


def test_without_minisup_the_answer_is_3(stage: Stage) -> None:
    done = stage.command("status")
    assert done.returncode == 3
    assert str(stage.socket) in done.stderr


def test_exit_when_done_is_0_when_all_tasks_worked(stage: Stage) -> None:
    tasks = [
        program("one", sh("echo one >> order"), kind="task"),
        program("two", sh("echo two >> order"), kind="task", after=["one"]),
    ]
    daemon = stage.up(*tasks, args=["--exit-when-done"], ready=False)
    assert daemon.wait() == 0
    assert stage.lines("order") == ["one", "two"]


def test_exit_when_done_is_1_when_a_task_was_given_up(stage: Stage) -> None:
    retry = {**QUICK, "give_up": "stop", "give_up_after": "300ms"}
    tasks = [program("one", "true", kind="task"), program("two", "false", kind="task", retry=retry)]
    daemon = stage.up(*tasks, args=["--exit-when-done"], ready=False)
    assert daemon.wait() == 1


def test_up_stays_when_all_is_done(stage: Stage) -> None:
    daemon = stage.up(program("one", "true", kind="task"))
    wait_until(lambda: daemon.program("one")["state"] == "done", SOON, "it is done")
    holds_for(daemon.answers, 0.3, "minisup stays")
    daemon.term()
    assert daemon.wait() == 0


def test_giving_up_by_exit_drains_the_others_and_is_75(stage: Stage) -> None:
    retry = {**QUICK, "give_up": "exit", "give_up_after": "500ms"}
    daemon = stage.up(
        program("broken", "false", retry=retry),
        program("mail", sh("echo begin >> order; sleep 1.2; echo end >> order"), min_runtime="60s"),
        supervisor='shutdown_timeout = "20s"',
    )
    assert daemon.wait() == 75
    assert stage.lines("order") == ["begin", "end"]


def test_groups_and_globs_and_slots_are_targets(stage: Stage) -> None:
    daemon = stage.up(
        program("mail", "sleep 1000", numprocs=2, groups=["post"], stop=AT_ONCE),
        program("fax", "sleep 1000", groups=["post"], stop=AT_ONCE),
        program("web", "sleep 1000", stop=AT_ONCE),
    )
    wait_until(lambda: sum(entry["running"] for entry in daemon.status()["programs"]) == 4, SOON, "all run")
    daemon.ask("stop", ["mail:1"], wait=True)
    assert [slot["phase"] for slot in daemon.program("mail")["slots"]] == ["running", "off"]
    daemon.ask("stop", ["w*"], wait=True)
    assert daemon.program("web")["state"] == "off"
    daemon.ask("stop", ["@post"], wait=True)
    assert {daemon.program(name)["state"] for name in ("mail", "fax")} == {"off"}
    daemon.ask("start", ["all"], wait=True)
    assert sum(entry["running"] for entry in daemon.status()["programs"]) == 4
