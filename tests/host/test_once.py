"""One extra run for real: nothing that it prints is lost, its end is told after its last line, nothing follows it."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit import AT_ONCE, SOON, Stage, program, sh, wait_until

from minisup import Client
from minisup.errors import MinisupError, UsageError

OFF = {"autostart": False, "stop": AT_ONCE}


@pytest.mark.parametrize("to", ["console", "none"])
def test_not_a_line_is_lost_and_the_end_comes_last(stage: Stage, to: str) -> None:
    stage.up(program("many", sh("seq 1 50000; printf end; exit 7"), log={"to": to}, **OFF))
    process = stage.run("run", "many")
    assert process.returncode == 7
    assert process.stdout == "".join(f"{number}\n" for number in range(1, 50001)) + "end\n"


def test_a_run_that_is_over_at_once_has_said_all(stage: Stage) -> None:
    daemon = stage.up(program("quick", sh("echo out; echo err >&2"), **OFF))
    for _ in range(5):
        process = stage.run("run", "quick")
        assert (process.returncode, process.stdout, process.stderr) == (0, "out\n", "err\n")
    assert daemon.program("quick")["runs"]["worked"] == 5
    assert [slot["name"] for slot in daemon.program("quick")["slots"]] == ["quick:0"]


def test_one_that_dies_by_a_signal_and_one_that_cannot_start(stage: Stage) -> None:
    stage.up(program("dies", sh("kill -SEGV $$"), **OFF), program("gone", ["/nonexistent/x"], **OFF))
    assert stage.run("run", "dies").returncode == 128 + signal.SIGSEGV
    process = stage.run("run", "gone")
    assert process.returncode == 1
    assert "cannot run gone: cannot start /nonexistent/x: no such file" in process.stderr


def test_it_runs_beside_slots_that_run_and_is_stopped_alone(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo $MINISUP_SLOT; sleep 60"), numprocs=2, stop=AT_ONCE))
    pids = [daemon.running_pid("job:0"), daemon.running_pid("job:1")]
    with Client(str(stage.socket)) as client, Client(str(stage.socket)) as other, ThreadPoolExecutor() as threads:
        first = client.run("job")
        ends = threads.submit(other.run, "job", wait=True)
        assert (first["slot"], first["output"]) == ("job:2", "console")
        daemon.running_pid("job:3")
        with pytest.raises(MinisupError, match="there for one extra run"):
            client.restart("job:3")
        client.restart("job", wait=True, now=True, timeout=SOON)
        client.scale("job", 1, now=True, wait=True, timeout=SOON)
        client.stop("job:3", wait=True, timeout=SOON)
        assert ends.result(SOON)["outcome"] == "stopped"
        assert daemon.slot("job:2")["cause"].startswith("leaves: one extra run for ")
        assert daemon.slot("job:2")["run"] == first["run"]
        assert daemon.running_pid("job:0") not in pids
    daemon.says("job:3 run 4, an extra one for")


def test_a_scale_out_takes_the_run_over_and_its_end_is_told_all_the_same(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("while ! test -e go; do sleep 0.02; done; exit 5"), stop=AT_ONCE))
    with Client(str(stage.socket)) as client:
        coming = client.run_follow("job")
        assert next(coming)["began"]["slot"] == "job:1"
        client.scale("job", 2)
        stage.write("go", "")
        assert next(coming)["result"]["code"] == 5
        assert list(coming) == []
        wait_until(lambda: daemon.slot("job:1")["last"]["outcome"] == "failed", SOON, "it goes on as its slot's")


def test_a_caller_that_goes_leaves_the_run_alone(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo here; while ! test -e go; do sleep 0.02; done"), **OFF))
    with Client(str(stage.socket)) as client:
        coming = client.run_follow("job")
        assert next(coming)["began"]
        assert next(coming)["lines"] == ["here"]
        coming.close()
        assert client.status()["programs"][0]["running"] == 1
        stage.write("go", "")
        wait_until(lambda: daemon.program("job")["runs"]["worked"] == 1, SOON, "it ends by itself")


def test_a_shutdown_lets_it_finish_and_tells_how(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo here; sleep 0.7; echo last; exit 4"), autostart=False))
    with Client(str(stage.socket)) as client:
        coming = client.run_follow("job")
        assert [next(coming), next(coming)["lines"]][1] == ["here"]
        daemon.term()
        assert next(coming)["lines"] == ["last"]
        assert next(coming)["result"]["code"] == 4
        assert list(coming) == []
    assert daemon.wait() == 0


def test_what_cannot_be_run_is_refused_with_a_way_out(stage: Stage) -> None:
    stage.up(program("email", sh("sleep 60"), **OFF), program("sms", sh("sleep 60"), after=["up"], **OFF),
             program("up", sh("sleep 60"), kind="task", **OFF))  # fmt: skip
    with Client(str(stage.socket)) as client:
        with pytest.raises(UsageError, match=r"minisup run email$"):
            client.run("email:0")
        with pytest.raises(UsageError, match=r"3 programs \(email, sms, up\)"):
            client.run("all")
        assert client.run("sm*")["not_ready"] == ["up"]
        for _ in range(64):
            client.run("email")
        with pytest.raises(MinisupError, match="64 extra runs of it are in progress"):
            client.run("email")


def test_output_that_is_inherited_cannot_be_shown(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo hello"), log={"to": "inherit"}, **OFF))
    process = stage.run("run", "job")
    assert (process.returncode, process.stdout) == (0, "")
    assert "log.to = inherit" in process.stderr
    daemon.prints("hello")
