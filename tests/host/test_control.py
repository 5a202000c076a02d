"""pause, resume, scale and signal with real processes."""

import os
import pwd
import re
import threading
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until
from lookup import pids

from minisup import Client
from minisup.errors import MinisupError, UsageError
from minisup.host.passwd import user_name

ME = pwd.getpwuid(os.geteuid()).pw_name
LONG = "echo begin >> told; while ! test -e go; do sleep 0.02; done; echo end >> told"
"""A run that ends when the file `go` appears."""


def email(script: str = LONG, **keys: object) -> str:
    return program("email", sh(script), **{"min_runtime": 0, "stop": AT_ONCE, **keys})


def phases(daemon: Daemon, name: str = "email") -> dict[str, str]:
    return {slot["name"]: slot["phase"] for slot in daemon.program(name)["slots"]}


def all_run(daemon: Daemon, count: int, name: str = "email") -> bool:
    return daemon.program(name)["running"] == count


# --- pause and resume -------------------------------------------------------------------------------------------------


def test_a_pause_sends_no_signal_and_starts_nothing_until_resume(stage: Stage) -> None:
    daemon = stage.up(email())
    pid = daemon.running_pid("email:0")
    daemon.ask("pause", "email")
    holds_for(lambda: daemon.slot("email:0")["pid"] == pid, 0.2, "the run goes on")
    assert daemon.program("email")["state"] == "paused"
    assert re.fullmatch(rf"paused by {ME} since \d\d:\d\d", daemon.slot("email:0")["cause"])
    stage.write("go", "")
    assert daemon.ask("pause", "email", wait=True) == {"done": True, "slots": ["email:0"]}
    assert stage.lines("told") == ["begin", "end"]
    holds_for(lambda: daemon.slot("email:0")["reason"] == "paused", 0.3, "nothing starts")
    stage.path("go").unlink()
    daemon.ask("resume", "email", wait=True)
    wait_until(lambda: stage.lines("told") == ["begin", "end", "begin"], SOON, "the next run has begun")
    assert daemon.slot("email:0")["cause"] is None
    wait_until(lambda: f"email: resumed by {ME}: email:0" in daemon.stderr, SOON, "both are told")
    assert f"email: paused by {ME}: email:0; 1 run may finish" in daemon.stderr


def test_pause_wait_returns_when_the_last_run_has_ended(stage: Stage) -> None:
    daemon = stage.up(email(numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(daemon.ask("pause", "email", wait=True)))
    thread.start()
    holds_for(lambda: not answers, 0.2, "it waits")
    stage.write("go", "")
    thread.join(SOON)
    assert answers == [{"done": True, "slots": ["email:0", "email:1"]}]


def test_a_pause_with_now_ends_the_runs(stage: Stage) -> None:
    daemon = stage.up(email())
    daemon.running_pid("email:0")
    daemon.ask("pause", "email", now=True, wait=True)
    slot = daemon.slot("email:0")
    assert (slot["reason"], slot["last"]["outcome"], slot["last"]["signal"]) == ("paused", "stopped", "SIGTERM")


def test_a_restart_does_not_wait_for_what_is_paused(stage: Stage) -> None:
    daemon = stage.up(email("sleep 0.05", numprocs=2))
    daemon.ask("pause", "email:1", wait=True)
    daemon.ask("restart", "email", wait=True, timeout=SOON)
    assert daemon.slot("email:1")["reason"] == "paused"


def test_a_paused_minisup_stops_when_it_is_told_to(stage: Stage) -> None:
    daemon = stage.up(email(numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    daemon.ask("pause", "email:0", now=True, wait=True)
    daemon.ask("pause", "email:1")
    daemon.ask("shutdown", now=True)
    assert daemon.wait() == 0


def test_the_name_of_a_user_comes_from_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    file.write_text("root:x:0:0::/root:/bin/sh\nbroken\n\n:x:7:7::/:/\napp:x:1000:1000:App:/srv:/bin/sh\n")
    assert user_name(0, str(file)) == "root"
    assert user_name(1000, str(file)) == "app"
    assert user_name(7, str(file)) == "uid 7"
    assert user_name(100, str(file)) == "uid 100"
    assert user_name(5, str(tmp_path / "missing")) == "uid 5"


# --- scale ------------------------------------------------------------------------------------------------------------


def test_scaling_out_starts_slots_that_are_told_how_many_there_are(stage: Stage) -> None:
    script = "echo $MINISUP_SLOT of $MINISUP_NUMPROCS >> seen; while ! test -e go; do sleep 0.02; done"
    daemon = stage.up(email(script, numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    before = [slot["pid"] for slot in daemon.program("email")["slots"]]
    answer = daemon.ask("scale", "email", 4)
    assert answer == {
        "accepted": True,
        "programs": ["email"],
        "slots": [f"email:{number}" for number in range(4)],
        "leaving": [],
    }
    wait_until(lambda: len(stage.lines("seen")) == 4, SOON, "all four run")
    assert sorted(stage.lines("seen")) == ["0 of 2", "1 of 2", "2 of 4", "3 of 4"]
    entry = daemon.program("email")
    assert [slot["pid"] for slot in entry["slots"]][:2] == before, "runs in progress are not touched"
    assert (entry["wanted"], entry["budget"]["size"]) == (4, 14)
    stage.write("go", "")
    wait_until(lambda: "0 of 4" in stage.lines("seen"), SOON, "the next run of an old slot knows it, too")


def test_scaling_in_lets_the_highest_slots_finish_and_forgets_them(stage: Stage) -> None:
    daemon = stage.up(
        email("echo slot $MINISUP_SLOT; while ! test -e go$MINISUP_SLOT; do sleep 0.02; done", numprocs=3)
    )
    wait_until(lambda: all_run(daemon, 3), SOON, "all run")
    pids_before = {slot["name"]: slot["pid"] for slot in daemon.program("email")["slots"]}
    assert daemon.ask("scale", "email", 1)["leaving"] == ["email:1", "email:2"]
    assert phases(daemon) == {"email:0": "running", "email:1": "draining", "email:2": "draining"}
    assert daemon.slot("email:2")["cause"] == "leaves: email is scaled to 1"
    assert daemon.program("email")["state"] == "running"
    for verb in ("start", "restart", "pause", "resume"):
        with pytest.raises(MinisupError, match=f"cannot {verb} email:2: it leaves.*`minisup scale email=3` keeps it"):
            daemon.ask(verb, ["email:2"])
    daemon.ask("restart", "email")  # means those that stay
    wait_until(lambda: len(daemon.ask("logs", "email:2")["lines"]) == 1, SOON, "it has a tail")
    holds_for(lambda: set(pids_before.values()) <= set(pids()), 0.3, "none is signalled")
    stage.write("go2", "")
    wait_until(lambda: set(phases(daemon)) == {"email:0", "email:1"}, SOON, "email:2 is gone")
    with pytest.raises(MinisupError, match="cannot find email:2"):
        daemon.ask("logs", "email:2")
    stage.write("go1", "")
    assert daemon.ask("scale", "email", 1, wait=True, timeout=SOON)["slots"] == ["email:0"]
    assert set(phases(daemon)) == {"email:0"}


def test_scaling_out_again_keeps_what_was_leaving(stage: Stage) -> None:
    daemon = stage.up(email(numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    pid = daemon.slot("email:1")["pid"]
    daemon.ask("scale", "email", 1)
    daemon.ask("scale", "email", 2)
    assert (daemon.slot("email:1")["phase"], daemon.slot("email:1")["pid"]) == ("running", pid)
    stage.write("go", "")
    wait_until(lambda: daemon.slot("email:1")["pid"] not in (pid, None), SOON, "it goes on with new runs")


def test_a_name_that_comes_again_has_a_fresh_tail(stage: Stage) -> None:
    daemon = stage.up(email("echo run $MINISUP_RUN_ID; exec sleep 1000", numprocs=2))
    wait_until(lambda: len(daemon.ask("logs", "email:1")["lines"]) == 1, SOON, "it has printed")
    daemon.ask("scale", "email", 1, now=True, wait=True)
    daemon.ask("scale", "email", 2)
    lines = wait_until(lambda: daemon.ask("logs", "email:1")["lines"], SOON, "it prints again")
    assert [line["text"] for line in lines] == [f"run {daemon.slot('email:1')['run']}"]


def test_scale_to_nothing_and_back(stage: Stage) -> None:
    daemon = stage.up(email("exec sleep 1000", numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    assert daemon.ask("scale", "email", 0, now=True, wait=True)["slots"] == []
    entry = daemon.program("email")
    assert (entry["state"], entry["slots"], entry["budget"]["size"]) == ("off", [], 10)
    assert [found["name"] for found in daemon.ask("status", "email")["programs"]] == ["email"], "it is still there"
    daemon.ask("scale", "email", 1)
    daemon.running_pid("email:0")


def test_a_wait_for_a_size_ends_when_somebody_wants_another(stage: Stage) -> None:
    daemon = stage.up(email(numprocs=2))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    errors: list[str] = []

    def wait_for_one() -> None:
        with pytest.raises(MinisupError) as raised:
            daemon.ask("scale", "email", 1, wait=True)
        errors.append(str(raised.value))

    thread = threading.Thread(target=wait_for_one)
    thread.start()
    wait_until(lambda: phases(daemon).get("email:1") == "draining", SOON, "it leaves")
    daemon.ask("scale", "email", 3)
    thread.join(SOON)
    assert errors == [
        "cannot wait for email=1: it has been scaled to 3 meanwhile; `minisup status email` shows how it is"
    ]


def test_a_stop_that_waits_for_a_slot_that_goes_away_is_answered(stage: Stage) -> None:
    daemon = stage.up(email(numprocs=2, stop={"drain": "60s"}))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(daemon.ask("stop", ["email:1"], wait=True)))
    thread.start()
    wait_until(lambda: phases(daemon)["email:1"] == "draining", SOON, "it drains")
    daemon.ask("scale", "email", 1)
    stage.write("go", "")
    thread.join(SOON)
    assert answers == [{"done": True, "slots": ["email:1"]}]


def test_a_scale_means_programs_and_says_so(stage: Stage) -> None:
    daemon = stage.up(
        email("exec sleep 1000", groups=["mail"]), program("fax", "sleep 1000", groups=["mail"], stop=AT_ONCE)
    )
    with pytest.raises(
        UsageError, match="cannot scale email:0: that is a slot; scale its program: minisup scale email=5"
    ):
        daemon.ask("scale", "email:0", 2)
    with pytest.raises(MinisupError, match="cannot find @news: no group has that name; groups here: @mail"):
        daemon.ask("scale", "@news", 2)
    assert daemon.ask("scale", "@mail", 2)["programs"] == ["email", "fax"]
    assert len(daemon.program("fax")["slots"]) == 2


def test_what_a_leaving_slot_left_behind_is_stopped_with_minisup(stage: Stage) -> None:
    script = "sleep 1000 & echo $! > left; while ! test -e go; do sleep 0.02; done"
    daemon = stage.up(email(script, numprocs=2, min_runtime="60s"))
    wait_until(lambda: all_run(daemon, 2), SOON, "both run")
    daemon.ask("scale", "email", 1)
    stage.write("go", "")
    wait_until(lambda: daemon.slot("email:1")["run"] is None, SOON, "its run has ended")
    holds_for(lambda: phases(daemon)["email:1"] == "draining", 0.3, "its leftover has time")
    assert daemon.program("email")["leftovers"] >= 1
    daemon.term()
    assert daemon.wait() == 0
    assert not stage.marked()


TRAP = """sh -c 'trap "echo term >> told; exit" TERM; echo up >> told; while :; do sleep 0.02; done'"""
"""A process that tells when it gets SIGTERM."""


def test_what_made_a_session_of_its_own_is_stopped_with_the_slot_that_goes(stage: Stage) -> None:
    daemon = stage.up(email(f"setsid {TRAP} & while ! test -e told; do sleep 0.02; done; exit 0", min_runtime="60s"))
    wait_until(lambda: daemon.slot("email:0")["last"], SOON, "the run has ended")
    daemon.ask("scale", "email", 0, now=True, wait=True)
    assert stage.lines("told") == ["up", "term"]


def test_an_orphan_of_a_slot_that_is_gone_gets_the_signal_when_minisup_ends(stage: Stage) -> None:
    # It says that it comes from email:7, which nobody has: it belongs to no run that there is, and is no stranger.
    script = f"MINISUP_SLOT=7 MINISUP_RUN_ID=999999 setsid {TRAP} & while ! test -e told; do sleep 0.02; done; exit 0"
    slow = sh("trap 'while ! grep -q term told; do sleep 0.02; done; exit' TERM; while :; do sleep 0.02; done")
    daemon = stage.up(email(script, min_runtime="60s"), program("web", slow, kind="service"))
    wait_until(lambda: daemon.slot("email:0")["last"], SOON, "the run has ended")
    daemon.running_pid("web:0")
    assert daemon.program("email")["leftovers"] == 0
    daemon.term()
    assert daemon.wait() == 0
    assert stage.lines("told") == ["up", "term"]


# --- signal -----------------------------------------------------------------------------------------------------------


def test_a_run_that_dies_by_an_operators_signal_was_stopped_and_costs_nothing(stage: Stage) -> None:
    daemon = stage.up(email("exec sleep 1000"))
    pid = daemon.running_pid("email:0")
    assert daemon.ask("signal", "TERM", "email") == {"done": True, "slots": ["email:0"]}
    wait_until(lambda: daemon.slot("email:0")["pid"] not in (pid, None), SOON, "the next run starts")
    slot = daemon.slot("email:0")
    assert (slot["last"]["outcome"], slot["last"]["signal"], slot["failures"]) == ("stopped", "SIGTERM", 0)
    assert daemon.program("email")["failing_for"] is None
    wait_until(lambda: f"email: SIGTERM sent by {ME} to email:0" in daemon.stderr, SOON, "it is told")


def test_a_run_that_ends_by_itself_after_a_signal_has_the_outcome_of_its_code(stage: Stage) -> None:
    script = "trap 'exit 3' USR1; echo up > up; while :; do sleep 0.02; done"
    daemon = stage.up(email(script, retry={"backoff": "60s", "max_backoff": "60s"}))
    wait_until(lambda: stage.lines("up"), SOON, "its trap is set")
    daemon.ask("signal", 10, "email")
    last = wait_until(lambda: daemon.slot("email:0")["last"], SOON, "it has ended")
    assert (last["outcome"], last["code"]) == ("failed", 3)


def test_a_signal_reaches_whom_the_scope_says_and_kill_reaches_all(stage: Stage) -> None:
    script = "(trap 'echo child >> told' USR1; echo up >> up; while :; do sleep 0.02; done) & "
    script += "trap 'echo leader >> told' USR1; echo up >> up; while :; do sleep 0.02; done"
    daemon = stage.up(
        email(script, numprocs=1),
        program("web", sh(script.replace("told", "web").replace("up", "webup")), kind="service", stop=AT_ONCE),
    )
    wait_until(lambda: len(stage.lines("up")) == len(stage.lines("webup")) == 2, SOON, "all traps are set")
    daemon.ask("signal", "USR1", "all")
    wait_until(lambda: sorted(stage.lines("told")) == ["child", "leader"], SOON, "the group of a job has got it")
    wait_until(lambda: stage.lines("web") == ["leader"], SOON, "the leader of a service has got it")
    holds_for(lambda: stage.lines("web") == ["leader"], 0.2, "and nobody else")
    before = set(stage.jobs())
    daemon.ask("signal", "KILL", "all")
    wait_until(lambda: not before & set(stage.jobs()), SOON, "all of both sessions are gone")
    assert daemon.slot("email:0")["last"]["outcome"] == daemon.slot("web:0")["last"]["outcome"] == "stopped"


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_stop_freezes_a_run_and_cont_lets_it_go_on(stage: Stage) -> None:
    # One process without children: a shell whose child is frozen between vfork and exec waits in the kernel, state D.
    daemon = stage.up(email("while ! test -e go; do :; done; echo end >> told"))
    pid = daemon.running_pid("email:0")
    daemon.ask("signal", "STOP", "email")
    wait_until(lambda: state_of(pid) == "T", SOON, "it is frozen")
    stage.write("go", "")
    holds_for(lambda: state_of(pid) == "T", 0.2, "nothing wakes it")
    daemon.ask("signal", "CONT", "email")
    wait_until(lambda: "end" in stage.lines("told"), SOON, "it goes on")


def test_a_frozen_run_is_stopped_like_any_other(stage: Stage) -> None:
    daemon = stage.up(email("exec sleep 1000"))
    pid = daemon.running_pid("email:0")
    daemon.ask("signal", "STOP", "email")
    wait_until(lambda: state_of(pid) == "T", SOON, "it is frozen")
    daemon.ask("stop", "email", wait=True, timeout=SOON)
    assert daemon.slot("email:0")["last"]["signal"] == "SIGTERM"


def test_a_signal_for_nobody_is_refused(stage: Stage) -> None:
    daemon = stage.up(email(autostart=False))
    process = stage.command("signal", "TERM", "email")
    assert process.returncode == 1
    assert process.stderr == (
        "cannot signal email: no run is in progress there; `minisup status --slots` shows what the slots do\n"
    )
    assert daemon.ask("version")


def test_runs_may_be_signalled_while_minisup_shuts_down_and_nothing_else_is_taken(stage: Stage) -> None:
    daemon = stage.up(
        email("trap '' TERM; while :; do sleep 0.02; done", stop={"drain": "30s"}),
        supervisor='shutdown_timeout = "60s"',
    )
    daemon.running_pid("email:0")
    with Client(str(daemon.socket)) as client:
        client.shutdown()
        for refused in (client.pause, client.resume, client.start, client.stop, client.restart):
            with pytest.raises(MinisupError, match="minisup is shutting down; `minisup status` shows what is left"):
                refused("email")
        with pytest.raises(MinisupError, match="cannot scale: minisup is shutting down"):
            client.scale("email", 5)
        client.signal("KILL", "email")
    assert daemon.wait() == 0
