"""No process or no descriptor to be had: backed off, said once, running jobs untouched, healed by itself."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until
from lookup import cpu_of
from raw import Raw
from ways import needs_root

import minisup

QUICK = {"backoff": "200ms", "max_backoff": "500ms", "refill": "500ms"}
NOFILE, NPROC = "nofile", "nproc"
STRANGER = 54321
"""A user id that nobody has, so that its processes can be counted by the kernel for this test alone."""


def programs() -> list[str]:
    """One job that runs on, and one that starts again and again."""
    keys = {"stop": AT_ONCE, "log": {"to": "none"}}
    return [
        program("long", "sleep 1000", **keys),
        program("short", sh("sleep 0.1"), min_runtime=0, retry=QUICK, **keys),
    ]


def limit(pid: int, which: str, soft: int | None = None) -> int:
    """Set the soft limit of a process, or leave it; returns what it was.

    As the user of the process: not even root may touch another user's limits in a container.
    """
    owner = Path(f"/proc/{pid}").stat().st_uid
    be_the_owner = [] if owner == os.getuid() else ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]
    prlimit = [*be_the_owner, "prlimit", f"--pid={pid}"]
    read = subprocess.run(
        [*prlimit, f"--{which}", "--raw", "--noheadings", "--output=SOFT"], capture_output=True, check=True
    )
    if soft is not None:
        subprocess.run([*prlimit, f"--{which}={soft}:"], check=True)
    return int(read.stdout)


def assert_backs_off_and_heals(daemon: Daemon, which: str, low: int, words: str) -> None:
    long = daemon.running_pid("long:0")
    wait_until(lambda: daemon.program("short")["runs"]["worked"] > 2, SOON, "the short job runs")
    with Raw(daemon.socket) as early:
        assert "result" in early.ask("version")
        before = limit(daemon.pid, which, low)
        status = wait_until(lambda: starved(early), SOON, "the short job cannot be started")
        assert words in status["slots"][0]["cause"].lower()
        used = cpu_of(daemon.pid)
        wait_until(lambda: tries(early) >= status["runs"]["unstartable"] + 3, SOON, "it is tried again")
        assert cpu_of(daemon.pid) - used < 1.0, "minisup is busy with nothing"
        limit(daemon.pid, which, before)
    worked = daemon.program("short")["runs"]["worked"]
    wait_until(lambda: daemon.program("short")["runs"]["worked"] > worked + 2, SOON, "the short job runs again")
    assert daemon.running_pid("long:0") == long
    assert sum("first failure" in line for line in daemon.stderr.splitlines()) == 1, daemon.stderr
    # Said at the first failure, and again with the count at the 10th.
    assert sum(words in line.lower() for line in daemon.stderr.splitlines()) <= 2, daemon.stderr


def short_of(connection: Raw) -> dict:
    programs = connection.ask("status")["result"]["programs"]
    return next(entry for entry in programs if entry["name"] == "short")


def starved(connection: Raw) -> dict | None:
    short = short_of(connection)
    return short if short["runs"]["unstartable"] and short["slots"][0]["reason"] in ("backoff", "hold") else None


def tries(connection: Raw) -> int:
    return short_of(connection)["runs"]["unstartable"]


def test_too_many_open_files_is_backed_off_and_heals(stage: Stage) -> None:
    daemon = stage.up(*programs())
    assert_backs_off_and_heals(daemon, NOFILE, 5, "too many open files")


def test_clients_that_cannot_be_accepted_do_not_keep_minisup_busy(stage: Stage) -> None:
    daemon = stage.up(program("long", "sleep 1000", stop=AT_ONCE))
    daemon.running_pid("long:0")
    with Raw(daemon.socket) as early:
        assert "result" in early.ask("version")
        before = limit(daemon.pid, NOFILE, 5)
        used = cpu_of(daemon.pid)
        with Raw(daemon.socket), Raw(daemon.socket):
            holds_for(lambda: "result" in early.ask("version"), 1.0, "those already connected are served")
        assert cpu_of(daemon.pid) - used < 0.6, "minisup is busy with clients that it cannot accept"
        limit(daemon.pid, NOFILE, before)
    wait_until(daemon.answers, SOON, "minisup answers again")


def test_a_shutdown_without_a_descriptor_to_spare_leaves_nothing(stage: Stage) -> None:
    daemon = stage.up(*programs(), program("leaving", sh("sleep 1000 & sleep 1000"), stop=AT_ONCE))
    daemon.running_pid("leaving:0")
    limit(daemon.pid, NOFILE, 5)
    daemon.term()
    assert daemon.wait() == 0
    assert not stage.jobs()


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, list[str], str]]:
    """A stage for a minisup without privileges: its directory, the words that drop them, and an interpreter."""
    if os.getuid() != 0:
        yield request.getfixturevalue("stage"), [], sys.executable
        return
    before = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    python = next((python for python in (sys.executable, "/usr/bin/python3") if runs(before, python)), None)
    if python is None:
        pytest.skip("no interpreter here that another user may run")
    with tempfile.TemporaryDirectory(prefix="minisup-") as name:
        os.chown(name, STRANGER, STRANGER)
        stage = Stage(Path(name))
        yield stage, before, python
        stage.close()


def runs(before: list[str], python: str) -> bool:
    command = [*before, python, "-c", "import minisup, sys; sys.exit(sys.version_info < (3, 11))"]
    env = {"PYTHONPATH": str(Path(minisup.__file__).parent.parent)}
    try:
        return subprocess.run(command, env=env, capture_output=True, cwd="/", check=False).returncode == 0
    except FileNotFoundError:  # no setpriv
        return False


def test_a_machine_without_room_for_a_process_is_backed_off_and_heals(stranger: tuple[Stage, list[str], str]) -> None:
    stage, before, python = stranger
    env = {"PYTHONPATH": str(Path(minisup.__file__).parent.parent)}
    daemon = stage.up(*programs(), before=before, python=python, env=env)
    assert_backs_off_and_heals(daemon, NPROC, 1, "resource temporarily unavailable")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


def test_output_goes_on_when_no_thread_can_be_started(stranger: tuple[Stage, list[str], str]) -> None:
    stage, before, python = stranger
    env = {"PYTHONPATH": str(Path(minisup.__file__).parent.parent)}
    job = sh("while ! test -e go; do sleep 0.05; done; echo said; sleep 1000")
    daemon = stage.up(program("job", job, stop=AT_ONCE), before=before, python=python, env=env)
    job_pid = daemon.running_pid("job:0")
    ceiling = limit(daemon.pid, NPROC, 1)
    stage.write("go", "")
    holds_for(daemon.answers, 0.5, "minisup answers")
    limit(daemon.pid, NPROC, ceiling)
    wait_until(lambda: daemon.lines("job:0") == ["said"], SOON, "the line is printed")
    assert daemon.running_pid("job:0") == job_pid


@needs_root
def test_without_proc_minisup_says_what_to_mount(stage: Stage) -> None:
    config = stage.config(program("one", "sleep 60"))
    before = ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"]
    done = stage.popen([*before, sys.executable, "-m", "minisup", "up", "-c", config], stderr=subprocess.PIPE)
    _, words = done.communicate(timeout=SOON)
    assert done.returncode == 1
    assert b"mount -t proc proc /proc" in words
