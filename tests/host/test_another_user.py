"""Runs of another user, and what minisup itself was started with."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ways import FDS, Ways, fields, needs_root, script

from minisup.host.start.environment import Account

NOBODY = Account("nobody", 65534, 65534, (65534, 4242), "/nonexistent")


@pytest.fixture
def swift():
    made = Ways("swift")
    yield made
    made.spawner.close()


@pytest.fixture
def public():
    """A directory that everybody may enter; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# --- another user -----------------------------------------------------------------------------------------------------


@needs_root
def test_a_user_brings_ids_and_all_groups(swift):
    found = fields(swift.output("cat", "/proc/self/status", account=NOBODY))
    assert found["Uid"].split() == ["65534"] * 4
    assert found["Gid"].split() == ["65534"] * 4
    assert found["Groups"].split() == ["4242", "65534"]
    assert int(found["SigBlk"], 16) == int(found["SigIgn"], 16) == 0
    assert int(found["CapEff"], 16) == 0


@needs_root
def test_a_group_alone_keeps_the_user(swift):
    found = fields(swift.output("cat", "/proc/self/status", account=Account(gid=4242)))
    assert (found["Uid"].split()[0], found["Gid"].split()[0]) == ("0", "4242")


@needs_root
@pytest.mark.parametrize(("uid", "gid", "mode"), [(65534, 0, 0o700), (0, 4242, 0o070)], ids=["user", "group"])
def test_the_directory_is_entered_by_the_right_of_the_user(swift, public, uid, gid, mode):
    private = public / "private"
    private.mkdir()
    os.chown(private, uid, gid)
    private.chmod(mode)
    assert swift.output("pwd", directory=str(private), account=NOBODY) == str(private)


@needs_root
def test_root_does_not_open_a_directory_for_the_user(swift, public):
    private = public / "private"
    private.mkdir(0o700)
    error = swift.refused("pwd", directory=str(private), account=NOBODY)
    assert error.cause == f"cannot enter {private}: permission denied"


@needs_root
def test_root_does_not_execute_a_file_for_the_user(swift, public):
    job = script(public / "job", "#!/bin/sh\n", 0o700)
    assert swift.refused(job, account=NOBODY).cause == f"cannot start {job}: permission denied"


@needs_root
def test_the_users_files_have_the_umask_of_the_program(swift, public):
    os.chown(public, 65534, 65534)
    swift.output("touch", "file", directory=str(public), account=NOBODY, umask=0o077)
    seen = (public / "file").stat()
    assert (seen.st_mode & 0o777, seen.st_uid) == (0o600, 65534)


def test_ids_that_may_not_be_taken_are_said_with_the_name():
    program = """
import os
from minisup.host.start.environment import Account
from minisup.host.start.recipe import recipe
from minisup.host.start.spawn import NOTHING, Spawner, refused
spawner = Spawner()
if os.geteuid() == 0:
    os.setresuid(4242, 4242, 4242)
other = recipe(["true"], [], account=Account("nobody", 65534, 65534, (65534,)))
forked = spawner.spawn(other, 1, 0, NOTHING, NOTHING)
os.waitpid(forked.pid, 0)
print(refused(other, os.read(forked.report, 100)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "cannot start true as nobody: operation not permitted\n"


# --- what minisup inherits --------------------------------------------------------------------------------------------


def test_what_minisup_inherited_does_not_reach_the_children():
    """nohup, a shell's background job, a caller that leaks descriptors or has closed stdin."""
    program = """
import os, signal, sys
from minisup.host.inherited import reset_signals, seal_inherited_fds
from minisup.host.start.recipe import recipe
from minisup.host.start.spawn import Spawner
seal_inherited_fds()
print(sorted(reset_signals()), os.readlink("/proc/self/fd/0"), flush=True)
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGINT)
spawner = Spawner()
for command in (["cat", "/proc/self/status"], [sys.executable, "-ISc", sys.argv[1]]):
    pid = spawner.spawn(recipe(command, []), 1, 0, 1, 2)
    assert os.waitpid(pid, 0)[1] == 0
"""
    shell = 'trap "" HUP INT USR1 CHLD TTOU; exec "$0" -c "$1" "$2" <&- 7</etc/passwd'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, program, FDS], capture_output=True, text=True, check=True, close_fds=False
    )
    first, *status, fds = done.stdout.splitlines()
    ignored = sorted([signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTTOU])
    assert first in (f"{[int(n) for n in ignored]} /dev/null", f"{sorted([*map(int, ignored), 17])} /dev/null")
    found = fields("\n".join(status))
    assert int(found["SigIgn"], 16) == int(found["SigBlk"], 16) == 0
    assert fds == "0 1 2"


@needs_root
def test_the_child_itself_tells_its_pid_before_it_executes_its_command(swift):
    reader, writer = os.pipe2(os.O_CLOEXEC)
    born = lambda pid: os.write(writer, b"%d of %d" % (pid, os.getpid()))  # noqa: E731
    pid = swift.start(swift.recipe("true", account=NOBODY), born=born)
    assert os.read(reader, 100) == b"%d of %d" % (pid, pid)
    os.waitpid(pid, 0)
    os.close(reader)
    os.close(writer)
