"""`reload` and HUP with real processes: a changed file counts, a bad one does not, no run in progress is touched."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until

from minisup.errors import ConfigError

LONG = program("long", sh("echo old > made; exec sleep 1000"), stop=AT_ONCE)


def reported(stage: Stage, *programs: str, supervisor: str = 'shutdown_timeout = "4s"') -> None:
    stage.config(*programs, supervisor=supervisor)


def test_a_new_command_starts_with_the_next_run_and_the_running_one_goes_on(stage: Stage) -> None:
    job = "echo {} >> ran; test -e go || exec sleep 1000"
    daemon = stage.up(program("email", sh(job.format("old")), stop=AT_ONCE), LONG)
    pid = daemon.running_pid("email:0")
    reported(stage, program("email", sh(job.format("new")), stop=AT_ONCE), LONG)
    [change] = daemon.ask("reload")["changes"]
    assert (change["program"], change["key"], change["effect"]) == ("email", "command", "next run")
    holds_for(lambda: daemon.slot("email:0")["pid"] == pid, 0.3, "the run goes on")
    stage.write("go", "")
    daemon.ask("signal", "TERM", ["email"])
    wait_until(lambda: "new" in stage.lines("ran"), SOON, "the next run is the new one")
    assert stage.lines("ran")[0] == "old"


def test_programs_come_and_go_and_what_goes_may_finish(stage: Stage) -> None:
    going = program("going", sh("while ! test -e go; do sleep 0.05; done; echo end >> ended"))
    daemon = stage.up(LONG, going)
    daemon.running_pid("going:0")
    reported(stage, LONG, program("coming", "sleep 1000", numprocs=2, stop=AT_ONCE))
    changes = daemon.ask("reload")["changes"]
    assert [(change["program"], change["effect"]) for change in changes] == [("coming", "starts"), ("going", "drains")]
    daemon.running_pid("coming:1")
    assert daemon.program("going")["state"] == "draining"
    stage.write("go", "")
    wait_until(
        lambda: [entry["name"] for entry in daemon.status()["programs"]] == ["long", "coming"], SOON, "it is gone"
    )
    assert stage.lines("ended") == ["end"]


def test_a_service_that_is_made_in_another_way_restarts(stage: Stage) -> None:
    service = {"kind": "service", "stop": {"timeout": "2s"}, "min_runtime": "100ms"}
    command = sh("echo $COLOUR >> colours; exec sleep 1000")
    daemon = stage.up(program("shop", command, environment={"COLOUR": "red"}, **service))
    wait_until(lambda: stage.lines("colours") == ["red"], SOON, "the service runs")
    reported(stage, program("shop", command, environment={"COLOUR": "blue"}, **service))
    assert daemon.ask("reload")["changes"][0]["effect"] == "restarts"
    wait_until(lambda: stage.lines("colours") == ["red", "blue"], SOON, "it runs with the new environment")


def test_hup_reloads_and_a_bad_configuration_changes_nothing(stage: Stage) -> None:
    daemon = stage.up(LONG)
    pid = daemon.running_pid("long:0")
    stage.write("minisup.toml", stage.path("minisup.toml").read_text() + "numprocz = 2\n")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: "cannot reload (HUP), the old configuration still counts" in daemon.stderr, SOON, "it says so")
    assert "did you mean numprocs?" in daemon.stderr
    with pytest.raises(ConfigError, match="numprocz"):
        daemon.ask("reload")
    reported(stage, LONG + "numprocs = 2\n")
    daemon.signal(signal.SIGHUP)
    daemon.running_pid("long:1")
    assert daemon.slot("long:0")["pid"] == pid
    wait_until(lambda: "reloaded by HUP: changed: long" in daemon.stderr, SOON, "it says so")


def test_the_command_shows_a_plan_and_says_what_it_did(stage: Stage) -> None:
    daemon = stage.up(LONG)
    daemon.running_pid("long:0")
    assert stage.command("reload", "--diff").stdout == "nothing has changed\n"
    reported(stage, LONG + "numprocs = 2\n", supervisor='shutdown_timeout = "3s"\nsocket_mode = "0660"')
    planned = stage.command("reload", "--diff")
    assert planned.stdout == (
        "this would change:\n"
        "  supervisor\n"
        "    socket_mode 0600 -> 0660: needs a restart of minisup\n"
        "    shutdown_timeout 4.0 -> 3.0: applied at once\n"
        "  long\n"
        "    numprocs 1 -> 2: applied at once\n"
    )
    assert len(daemon.program("long")["slots"]) == 1, "a plan changes nothing"
    done = stage.command("reload", "--json")
    assert json.loads(done.stdout)["applied"] is True
    daemon.running_pid("long:1")
    stage.write("minisup.toml", "not toml")
    refused = stage.command("reload")
    assert refused.returncode == 78
    assert refused.stderr.startswith("cannot reload, the old configuration still counts: ")


def test_what_the_operator_decided_stays(stage: Stage) -> None:
    daemon = stage.up(program("a", "sleep 1000", stop=AT_ONCE), program("b", "sleep 1000", stop=AT_ONCE), LONG)
    daemon.ask("stop", ["a"], wait=True)
    daemon.ask("pause", ["b"])
    daemon.ask("scale", "long", 3, wait=True)
    reported(stage, program("a", "sleep 2000"), program("b", "sleep 2000"), LONG)
    daemon.ask("reload")
    assert daemon.program("a")["state"] == "off"
    assert len(daemon.program("long")["slots"]) == 3
    assert daemon.slot("b:0")["pid"]


def test_a_reload_is_refused_while_minisup_ends(stage: Stage) -> None:
    # it ends when the test says so: the command line alone can take longer to start than a job of fixed length
    until_go = sh("while ! test -e go; do sleep 0.05; done")
    daemon = stage.up(program("slow", until_go, stop={"drain": "60s"}), supervisor='shutdown_timeout = "90s"')
    daemon.running_pid("slow:0")
    daemon.term()
    wait_until(lambda: daemon.status()["state"] == "draining", SOON, "it drains")
    refused = stage.command("reload")
    assert refused.returncode == 1
    assert "minisup is shutting down" in refused.stderr
    stage.write("go", "")
    assert daemon.wait(SOON) == 0


# --- files that others may put something else in the place of ---------------------------------------------------------

BUSY = program("busy", sh("echo x >> ran; sleep 0.02"), min_runtime=0, stop=AT_ONCE)


def goes_on(stage: Stage, daemon: Daemon) -> None:
    """Runs start and clients are answered."""
    before = len(stage.lines("ran"))
    wait_until(lambda: len(stage.lines("ran")) > before + 3 and daemon.answers(), SOON, "minisup goes on")


@pytest.mark.parametrize("args", [(), ("--watch",)], ids=["asked", "watched"])
def test_an_env_file_that_becomes_a_fifo_holds_nothing_up(stage: Stage, args: tuple[str, ...]) -> None:
    stage.write(".env", "COLOUR=red\n")
    daemon = stage.up(BUSY + 'env_file = ".env"\n', args=args)
    stage.path(".env").unlink()
    os.mkfifo(stage.path(".env"))
    if not args:
        with pytest.raises(ConfigError, match="it is a FIFO, not a file"):
            daemon.ask("reload")
        daemon.signal(signal.SIGHUP)
    daemon.says("it is a FIFO, not a file")
    goes_on(stage, daemon)
    stage.path(".env").unlink()
    stage.write(".env", "COLOUR=blue\n")
    if not args:
        daemon.signal(signal.SIGHUP)
    daemon.says("reloaded by")


def opened(daemon: Daemon, fd: int) -> int:
    """How often minisup has the file open that is this process's descriptor `fd`."""

    def is_it(entry: Path) -> bool:
        try:
            return os.path.samestat(entry.stat(), os.fstat(fd))
        except OSError:  # it has been closed meanwhile
            return False

    return sum(map(is_it, Path(f"/proc/{daemon.pid}/fd").iterdir()))


def test_a_file_that_hangs_holds_up_nothing_but_its_reload(stage: Stage) -> None:
    """A pipe that somebody may write to hangs like a file system without its server: it gives no bytes and no end."""
    reader, writer = os.pipe()
    daemon = stage.up(BUSY, pass_fds=[reader])
    reported(stage, BUSY, supervisor=f'include = ["/proc/self/fd/{reader}"]')
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(daemon.ask, "reload")
        wait_until(lambda: opened(daemon, reader) == 2, SOON, "it reads")
        goes_on(stage, daemon)
        assert not answer.done()
        os.write(writer, LONG.encode())
        os.close(writer)
        assert "long" in [change["program"] for change in answer.result(SOON)["changes"]]
    os.close(reader)
    daemon.running_pid("long:0")


def test_minisup_ends_while_a_file_hangs(stage: Stage) -> None:
    reader, writer = os.pipe()
    daemon = stage.up(BUSY, pass_fds=[reader])
    reported(stage, BUSY, supervisor=f'include = ["/proc/self/fd/{reader}"]')
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: opened(daemon, reader) == 2, SOON, "it reads")
    daemon.term()
    assert daemon.wait(SOON) == 0
    os.close(reader)
    os.close(writer)
