"""One minisup a socket; what a killed one leaves is taken over: socket, lock, run ids, runs in progress."""

import os
import signal
import socket
import stat
from collections.abc import Iterator

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until
from lookup import alive


def long(stage: Stage) -> Daemon:
    return stage.up(program("long", "sleep 1000", stop=AT_ONCE))


def killed(daemon: Daemon) -> None:
    daemon.signal(signal.SIGKILL)
    assert daemon.wait() == -signal.SIGKILL


def test_a_second_up_on_the_same_socket_is_refused_with_the_pid_of_the_first(stage: Stage) -> None:
    first = long(stage)
    job = first.running_pid("long:0")
    second = stage.run("up", "-c", "minisup.toml")
    assert second.returncode == 73
    assert str(first.pid) in second.stderr
    assert first.running_pid("long:0") == job
    assert len(stage.jobs()) == 1


def test_two_that_start_in_the_same_moment_agree_on_one(stage: Stage) -> None:
    config = stage.config(program("long", "sleep 1000", stop=AT_ONCE))
    daemons = [stage.up_file(config, ready=False) for _ in range(4)]
    wait_until(lambda: [d.process.poll() for d in daemons].count(73) == 3, SOON, "three are refused")
    (winner,) = [daemon for daemon in daemons if daemon.process.poll() is None]
    winner.until_it_answers()
    assert winner.status()["pid"] == winner.pid
    wait_until(lambda: len(stage.jobs()) == 1, SOON, "one job runs")


def test_socket_and_lock_of_a_killed_minisup_are_taken_over(stage: Stage) -> None:
    killed(long(stage))
    stage.end_survivors()
    assert stage.socket.exists()
    again = stage.up_file(stage.path("minisup.toml"))
    assert again.status()["pid"] == again.pid


def test_a_socket_that_a_clean_stop_leaves_is_none(stage: Stage) -> None:
    daemon = long(stage)
    daemon.term()
    assert daemon.wait() == 0
    assert not stage.socket.exists()


def test_a_socket_path_that_cannot_be_made_is_refused(stage: Stage) -> None:
    config = stage.write("minisup.toml", f"supervisor.socket = '{stage.root}/no/where/s'\n{program('long', 'true')}")
    done = stage.run("up", "-c", config)
    assert done.returncode == 73
    assert f"{stage.root}/no/where/s" in done.stderr


def test_a_file_that_is_no_socket_is_not_taken_over(stage: Stage) -> None:
    stage.socket.write_text("precious")
    config = stage.config(program("job", sh("echo > started")))
    done = stage.run("up", "-c", config)
    assert done.returncode == 73
    assert stage.socket.read_text() == "precious"
    assert not stage.path("started").exists()
    stage.socket.unlink()


def test_a_socket_of_another_program_is_not_taken_over(stage: Stage) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(stage.socket))
        other.listen()
        done = stage.run("up", "-c", stage.config(program("job", "true")))
        assert done.returncode == 73
        assert stat.S_ISSOCK(stage.socket.stat().st_mode)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(stage.socket))
    stage.socket.unlink()


def test_run_ids_only_grow_across_restarts_clean_or_not(stage: Stage) -> None:
    config = stage.config(program("job", sh("echo $MINISUP_RUN_ID >> ids"), min_runtime="20ms", stop=AT_ONCE))
    for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        before = len(stage.lines("ids"))
        daemon = stage.up_file(config)
        wait_until(lambda start=before: len(stage.lines("ids")) > start + 3, SOON, "jobs run")
        daemon.signal(ending)
        daemon.wait()
        stage.end_survivors()
    ids = [int(number) for number in stage.lines("ids")]
    assert ids == sorted(set(ids)) != []


def test_a_state_directory_that_cannot_be_written_is_one_warning(stage: Stage) -> None:
    stage.write("state", "this is a file, not a directory")
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    daemon.running_pid("job:0")
    wait_until(lambda: "job: started" in daemon.stderr, SOON, "the console says that it runs")
    assert sum("warning" in line for line in daemon.stderr.splitlines()) == 1, daemon.stderr
    assert f"{stage.root}/state" in daemon.stderr


@pytest.fixture
def orphaned(stage: Stage) -> Iterator[Stage]:
    """A stage on which a killed minisup leaves runs behind; they are ended even when nobody takes them over."""
    yield stage
    for daemon in stage.daemons:
        daemon.end()
    stage.end_survivors()


def test_a_run_that_survives_its_minisup_finishes_as_the_run_of_its_slot(orphaned: Stage) -> None:
    stage = orphaned
    report = "echo {0} $MINISUP_RUN_ID >> runs"
    job = sh(f"{report.format('begin')}; while ! test -e go; do sleep 0.05; done; {report.format('end')}")
    config = stage.config(program("job", job, min_runtime="50ms", log={"to": "none"}, stop=AT_ONCE))
    first = stage.up_file(config)
    survivor = first.running_pid("job:0")
    wait_until(lambda: stage.lines("runs"), SOON, "the job is at work")
    killed(first)
    assert alive(survivor)
    second = stage.up_file(config)
    wait_until(lambda: f"survived: job:0 pid {survivor}" in second.stderr, 2.0, "it says so")
    holds_for(lambda: len(stage.lines("runs")) == 1, 0.5, "never two runs in one slot")
    assert second.slot("job:0")["pid"] == survivor
    stage.write("go", "")
    wait_until(lambda: second.program("job")["runs"]["lost"] == 1, SOON, "its outcome is lost")
    wait_until(lambda: second.program("job")["runs"]["worked"], SOON, "the next run follows")
    runs = stage.lines("runs")
    assert runs[0].split()[1] == runs[1].split()[1]


def test_a_survivor_is_stopped_like_any_run(orphaned: Stage) -> None:
    config = orphaned.config(program("job", "sleep 1000", stop=AT_ONCE))
    first = orphaned.up_file(config)
    survivor = first.running_pid("job:0")
    killed(first)
    second = orphaned.up_file(config)
    wait_until(lambda: second.slot("job:0")["pid"] == survivor, 2.0, "it is the run of its slot")
    second.ask("stop", ["job"], wait=True)
    assert not alive(survivor)
    second.term()
    assert second.wait() == 0


def test_a_pid_that_is_somebody_elses_now_is_no_survivor(stage: Stage) -> None:
    config = stage.config(program("job", "sleep 1000", stop=AT_ONCE))
    first = stage.up_file(config)
    run = first.running_pid("job:0")
    killed(first)
    os.kill(run, signal.SIGKILL)
    wait_until(lambda: not alive(run), SOON, "the run has ended")
    second = stage.up_file(config)
    fresh = second.running_pid("job:0")
    assert fresh != run
    assert "survived" not in second.stderr
