import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, TextIO

import pytest
from ways import PATH, Ways

from minisup.host.process import processes
from minisup.host.process.orphan_claims import NOTHING, claim_of
from minisup.host.process.processes import Stat, group_lives, session_members, signal_run, stat


@pytest.fixture
def ways():
    made = Ways("swift")
    yield made
    made.spawner.close()


class Sleeper(NamedTuple):
    """A run that has printed `line` and sleeps. Its `output` ends when all who hold it have ended."""

    pid: int
    line: str
    output: TextIO


@pytest.fixture
def sleeping(ways):
    """Starts a command that prints a line when it is ready and then sleeps; its session is killed at the end."""
    started = []

    def start(*command, **more):
        reader, writer = os.pipe2(os.O_CLOEXEC)
        pid = ways.start(ways.recipe(*(command or ("sh", "-c", "echo ready; exec sleep 300")), **more), writer)
        os.close(writer)
        output = open(reader)  # noqa: SIM115 - closed below
        started.append(Sleeper(pid, output.readline().strip(), output))
        return started[-1]

    yield start
    for sleeper in started:
        try:
            os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            processes.kill_sessions([sleeper.pid])
            os.waitpid(sleeper.pid, 0)
        except ChildProcessError:
            pass  # the test has reaped it
        sleeper.output.close()


OWN_GROUP = """
import os
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.write(writer, b"1")
    os.close(writer)
    os.execvp("sleep", ["sleep", "300"])
os.read(reader, 1)
print(pid, flush=True)
os.wait()
"""
"""Python that starts a process with a group of its own in the session, and prints its pid."""


def ended(pid):
    """Waits for the end, but leaves the zombie."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_the_kernel_agrees_about_ourselves():
    seen = stat(os.getpid())
    assert seen == (os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0), seen.start_time, "R")
    assert seen.alive


def test_a_process_that_is_not_there():
    assert stat(2**22 + 1) is None
    assert claim_of(2**22 + 1, 1) == NOTHING
    assert processes.uid_of(2**22 + 1) is None
    assert not processes.is_unreaped(2**22 + 1)


def test_a_name_full_of_brackets_does_not_confuse(ways, tmp_path):
    odd = tmp_path / ") R 1 2 (x"
    shutil.copy(shutil.which("sleep"), odd)
    pid = ways.start(ways.recipe(str(odd), "0"))
    ended(pid)
    raw, seen = Path(f"/proc/{pid}/stat").read_text(), stat(pid)
    os.waitpid(pid, 0)
    assert f"({odd.name})" in raw
    assert (seen.pid, seen.ppid, seen.pgrp, seen.session) == (pid, os.getpid(), pid, pid)


def test_start_times_tell_two_processes_with_one_number_apart(sleeping):
    pid = sleeping().pid
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert stat(pid).start_time / os.sysconf("SC_CLK_TCK") == pytest.approx(uptime, abs=5)
    assert processes.signal_members([stat(pid)._replace(start_time=stat(pid).start_time - 1)], signal.SIGKILL) == 0
    assert stat(pid).alive


def test_members_of_a_session_are_found_in_whatever_group(sleeping):
    pid, background, _ = sleeping(sys.executable, "-ISc", OWN_GROUP)
    other = sleeping().pid
    found = session_members({pid, other, 2**22 + 1})
    assert {leader: {seen.pid for seen in members} for leader, members in found.items()} == {
        pid: {pid, int(background)},
        other: {other},
    }
    assert stat(int(background)).pgrp == int(background)


def test_zombies_are_no_members(ways):
    pid = ways.start(ways.recipe("true"))
    ended(pid)
    assert stat(pid).state == "Z"
    assert not stat(pid).alive
    assert session_members({pid}) == {}
    assert processes.signal_members([stat(pid)], signal.SIGTERM) == 0
    os.waitpid(pid, 0)


def test_a_kill_reaches_every_group_of_the_session(sleeping):
    pid, _, output = sleeping(sys.executable, "-ISc", OWN_GROUP)
    assert processes.kill_sessions([pid]) == 1
    assert output.read() == ""  # the end: nobody holds it any more
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_a_stopped_leader_gets_its_signal(sleeping):
    pid = sleeping().pid
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)
    assert signal_run(pid, signal.SIGTERM, group=False)
    assert os.waitpid(pid, 0)[1] == signal.SIGTERM


def test_a_signal_to_the_leader_leaves_its_children(sleeping):
    pid, background, _ = sleeping("sh", "-c", "sleep 300 & echo $!; wait")
    assert signal_run(pid, signal.SIGTERM, group=False)
    os.waitpid(pid, 0)
    assert group_lives(pid)
    members = session_members({pid})[pid]
    assert [seen.pid for seen in members] == [int(background)]
    assert processes.signal_members(members, signal.SIGKILL) == 1


def test_a_signal_to_the_group_reaches_its_children(sleeping):
    pid, _, output = sleeping("sh", "-c", "sleep 300 & echo $!; wait")
    assert signal_run(pid, signal.SIGTERM, group=True)
    assert output.read() == ""
    os.waitpid(pid, 0)


def test_nobody_is_left_to_signal(ways):
    pid = ways.start(ways.recipe("true"))
    os.waitpid(pid, 0)
    assert not signal_run(pid, signal.SIGTERM, group=True)
    assert not signal_run(pid, signal.SIGTERM, group=False)
    assert not group_lives(pid)


def said_by(pid):
    return claim_of(pid, stat(pid).start_time)


def test_a_run_is_known_by_its_environment(sleeping):
    pid = sleeping("sh", "-c", "echo ready; sleep 300; :").pid  # no exec: in the middle of one there is nothing to read
    assert (said_by(pid).run, said_by(pid).uid) == (7, os.getuid())
    assert said_by(os.getpid()).run == 0


def test_what_another_process_with_the_number_says_is_not_heard(sleeping):
    pid = sleeping("sh", "-c", "echo ready; sleep 300; :").pid
    assert claim_of(pid, stat(pid).start_time - 1) == NOTHING


def test_a_variable_of_a_similar_name_is_not_taken_for_the_run(sleeping):
    environment = [PATH, b"XMINISUP_RUN_ID=3", b"A=\nMINISUP_RUN_ID=4"]
    assert said_by(sleeping("sh", "-c", "echo ready; sleep 300; :", environment=environment).pid).run == 7


def test_our_children_are_known_with_the_kernels_list_and_without(sleeping, monkeypatch):
    pids = {sleeping().pid, sleeping().pid}
    assert set(processes.children_of_self()) == pids
    monkeypatch.setattr(os, "listdir", lambda path, real=os.listdir: real(path) if path == "/proc" else ["1"])
    assert set(processes.children_of_self()) == pids


def test_a_dead_letter_is_not_alive():
    assert not Stat(1, 0, 1, 1, 1, "X").alive


@pytest.fixture(scope="module")
def family():
    script = Path(__file__).with_name("family.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_orphans_come_to_a_subreaper(family):
    assert family["children"] == ["background", "daemon", "orphan-of-running", "run", "run", "run", "stranger"]


def test_what_ended_runs_left_behind_is_found_by_session_or_environment(family):
    assert family["leftovers"] == {"1": ["background"], "2": ["daemon"]}


def test_what_belongs_to_no_run_is_a_stranger(family):
    assert family["strangers"] == ["stranger"]


def test_a_session_number_that_is_not_under_us_is_never_taken_for_ours(family):
    assert family["foreign"] == []


def test_the_cheap_question_knows_whether_a_group_lives_on(family):
    assert family["groups"] == [True, False, False, False]


def test_leftovers_are_signalled_once_each_and_only_if_they_are_still_the_same(family):
    assert (family["stale"], family["signalled"]) == (0, 2)


def test_a_kill_of_running_sessions_leaves_only_what_made_its_own(family):
    assert family["after the kill"] == {"6": ["daemon-of-running"], "7": ["orphan-of-running"]}
