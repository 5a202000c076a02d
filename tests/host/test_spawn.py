"""The child's world and the errors of a start, the same in each of the three ways to start a run."""

import errno
import os
import resource
import signal
import subprocess
import sys

import pytest
from ways import FDS, PATH, Ways, fields, needs_root, script

import minisup.host.start.spawn
from minisup.config.rules.privileges import our_rights
from minisup.host.process.processes import children_of_self
from minisup.host.start.environment import Account
from minisup.host.start.recipe import recipe
from minisup.host.start.rlimits import RunLimits
from minisup.host.start.spawn import NOTHING, Spawner, SpawnError


@pytest.fixture(params=["swift", "plain", "as_user"])
def ways(request):
    made = Ways(request.param)
    yield made
    made.spawner.close()


# --- the child's world ------------------------------------------------------------------------------------------------


def test_this_python_starts_runs_the_fast_way():
    spawner = Spawner()
    assert spawner._start == spawner._swift
    spawner.close()


def test_a_python_that_is_not_known_starts_runs_through_popen(monkeypatch):
    monkeypatch.setattr(minisup.host.start.spawn, "_LAST_ARGUMENTS", {})
    spawner = Spawner()
    assert spawner._start == spawner._plain
    spawner.close()


def test_a_child_has_three_descriptors(ways, tmp_path):
    with (tmp_path / "ours").open("w"):
        assert ways.output(sys.executable, "-ISc", FDS) == "0 1 2"


def test_stdin_is_empty(ways):
    assert ways.output("readlink", "/proc/self/fd/0") == "/dev/null"
    assert ways.output("cat") == ""


def test_a_child_gets_minisups_own_stdout_and_nothing_else(capfd):
    for way in ("swift", "plain", "as_user"):
        made = Ways(way)
        pid = made.start(made.recipe(sys.executable, "-ISc", FDS), 1, 2)
        os.waitpid(pid, 0)
        pid = made.start(made.recipe("sh", "-c", "echo out; echo err >&2"), 2, 1)  # crossed
        os.waitpid(pid, 0)
        made.spawner.close()
        assert capfd.readouterr() == ("0 1 2\nerr\n", "out\n"), way


def test_output_that_nobody_wants_goes_nowhere(ways):
    pid = ways.start(
        ways.recipe("sh", "-c", "test /dev/null -ef /proc/self/fd/1 && test /dev/null -ef /proc/self/fd/2")
    )
    assert os.waitpid(pid, 0)[1] == 0


def test_no_signal_is_blocked_or_ignored(ways):
    changed = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGQUIT)}
    for number in changed:  # what minisup handles; a shell's background job, as this test may be, ignores two of them
        signal.signal(number, lambda *_: None)
    try:
        found = fields(ways.output("cat", "/proc/self/status"))
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)
    assert int(found["SigBlk"], 16) == 0
    assert int(found["SigIgn"], 16) == 0
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN, "the test needs a parent that ignores SIGPIPE"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_a_run_leads_its_own_session_and_group(ways):
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = ways.start(ways.recipe("cat", "/proc/self/stat"), writer)
    os.close(writer)
    with open(reader) as file:
        stat = file.read().rpartition(")")[2].split()
    os.waitpid(pid, 0)
    assert stat[2:4] == [str(pid), str(pid)]


def test_the_umask_is_set_only_if_asked_for(ways):
    ours = os.umask(0o027)
    try:
        assert ways.output("sh", "-c", "umask") == "0027"
        assert ways.output("sh", "-c", "umask", umask=0o077) == "0077"
        assert ways.output("sh", "-c", "umask", umask=0) == "0000"
    finally:
        assert os.umask(ours) == 0o027


def test_limits_are_set_before_the_command_runs(ways):
    limits = RunLimits(nofile=64, nice=7)
    assert ways.output("sh", "-c", "ulimit -Sn; ulimit -Hn; nice", limits=limits).split() == ["64", "64", "7"]
    assert ways.output("sh", "-c", "ulimit -n; nice", limits=RunLimits(nice=3)).split()[1] == "3"
    assert os.getpriority(os.PRIO_PROCESS, 0) == 0
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64


def test_the_group_of_the_session_gets_the_priority_too(ways):
    if not os.path.exists("/proc/self/autogroup"):
        pytest.skip("this kernel does not group processes by session (CONFIG_SCHED_AUTOGROUP)")
    assert ways.output("cat", "/proc/self/autogroup", limits=RunLimits(nice=7)).endswith(" nice 7")


@needs_root
def test_limits_are_set_while_the_child_may_still_raise_them(ways):
    """In the promised order: limits before the user."""
    nobody = Account("nobody", 65534, 65534, (65534,), "/nonexistent")
    if our_rights().lowest_nice > -5:
        pytest.skip("this root may not raise priorities (no CAP_SYS_NICE)")
    said = ways.output("sh", "-c", "ulimit -n; nice; id -u", account=nobody, limits=RunLimits(nofile=64, nice=-5))
    assert said.split() == ["64", "-5", "65534"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (RunLimits(nofile=2**30), "cannot start true with limits.nofile 1073741824: operation not permitted"),
        (RunLimits(nice=-5), "cannot start true with limits.nice -5: permission denied"),
    ],
    ids=["nofile", "nice"],
)
def test_limits_that_the_system_refuses(limits, words):
    code = f"""
import os
from minisup.host.start.recipe import recipe
from minisup.host.start.rlimits import RunLimits
from minisup.host.start.spawn import NOTHING, Spawner, refused
spawner, made = Spawner(), recipe(["true"], [], limits={limits!r})
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
forked = spawner.spawn(made, 1, 0, NOTHING, NOTHING)
os.waitpid(forked.pid, 0)
error = refused(made, os.read(forked.report, 100))
print(error.scarce, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"False {words}\n"


def test_a_run_starts_in_its_directory(ways, tmp_path):
    here = os.path.realpath(tmp_path)
    assert ways.output("pwd", "-P", directory=here) == here
    assert ways.output("pwd", "-P") == os.getcwd()


def test_a_command_with_a_slash_is_found_from_the_childs_directory(ways, tmp_path):
    script(tmp_path / "job", "#!/bin/sh\necho found")
    assert ways.output("./job", directory=str(tmp_path)) == "found"


def test_a_bare_command_is_found_by_the_childs_path(ways, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    script(tmp_path / "one" / "job", "#!/bin/sh\necho wrong", 0o644)  # there, but not to be executed
    script(tmp_path / "two" / "job", "#!/bin/sh\necho right")
    environment = [b"PATH=/nowhere:/dev/null:" + bytes(tmp_path / "one") + b":" + bytes(tmp_path / "two")]
    assert ways.output("job", environment=environment) == "right"


def test_each_run_is_told_its_number_and_its_failures(ways):
    made = ways.recipe("env", environment=[PATH, b"A=b=c"])
    for run, failures in ((7, 0), (8, 1)):
        reader, writer = os.pipe2(os.O_CLOEXEC)
        pid = ways.start(made, writer, run=run, failures=failures)
        os.close(writer)
        with open(reader) as file:
            found = file.read().splitlines()
        os.waitpid(pid, 0)
        assert sorted(found) == sorted(
            [PATH.decode(), "A=b=c", f"MINISUP_RUN_ID={run}", f"MINISUP_FAILURES={failures}"]
        )


def test_starts_and_errors_leave_no_descriptor(ways):
    before = os.listdir("/proc/self/fd")
    for _ in range(20):
        ways.refused("/no/such/file")
        os.waitpid(ways.start(ways.recipe("true")), 0)
    assert os.listdir("/proc/self/fd") == before


# --- errors -----------------------------------------------------------------------------------------------------------


def test_no_such_command(ways):
    error = ways.refused("no-such-command")
    assert error.cause == "cannot start no-such-command: no such file or directory"
    assert (error.errno, error.scarce, error.path) == (errno.ENOENT, False, "no-such-command")


def test_a_missing_interpreter_is_not_a_missing_command(ways, tmp_path):
    job = script(tmp_path / "job", "#!/no/such/interpreter\n")
    error = ways.refused(job)
    assert error.cause == f"cannot start {job}: its interpreter is missing: no such file or directory"
    assert error.path == job


def test_a_file_that_may_not_be_executed(ways, tmp_path):
    job = script(tmp_path / "job", "#!/bin/sh\n", 0o644)
    error = ways.refused(job)
    assert error.cause == f"cannot start {job}: permission denied"
    assert (error.errno, error.path) == (errno.EACCES, job)


def test_a_script_without_a_first_line_is_not_given_to_a_shell(ways, tmp_path):
    error = ways.refused(script(tmp_path / "job", "echo hello\n"))
    assert error.errno == errno.ENOEXEC
    assert error.cause.endswith(": exec format error")


def test_a_file_where_a_directory_should_be(ways):
    assert ways.refused("/dev/null/job").errno == errno.ENOTDIR


def test_an_argument_that_is_too_long(ways):
    error = ways.refused("true", "x" * 200_000)
    assert error.cause == "cannot start true: argument list too long"


@pytest.mark.parametrize(("name", "words"), [("gone", "no such file or directory"), ("file", "not a directory")])
def test_a_directory_that_is_none(ways, tmp_path, name, words):
    (tmp_path / "file").touch()
    error = ways.refused("true", directory=str(tmp_path / name))
    assert error.cause == f"cannot enter {tmp_path / name}: {words}"
    assert error.path == str(tmp_path / name)


def test_an_error_is_not_taken_for_that_of_the_next_start(ways):
    ways.refused("no-such-command")
    assert ways.output("echo", "fine") == "fine"


def test_no_process_to_be_had_is_scarce():
    def refuse(*_arguments):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    spawner = Spawner(fork_exec=refuse)
    with pytest.raises(SpawnError) as refused:
        spawner.spawn(recipe(["true"], [PATH]), 1, 0, NOTHING, NOTHING)
    spawner.close()
    assert refused.value.scarce
    assert refused.value.cause == "cannot start true: no new process: resource temporarily unavailable"


@needs_root
@pytest.mark.parametrize("way", ["swift", "as_user"])
def test_a_user_who_has_too_many_processes_gets_a_scarce_error(way):
    code = f"""
import os, resource
from minisup.host.start.environment import Account
from minisup.host.start.recipe import recipe
from minisup.host.start.spawn import NOTHING, Spawner, SpawnError
spawner, made = Spawner(), recipe(["true"], [])
made.account = Account() if {way == "as_user"} else None
os.setresuid(65534, 65534, 65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    spawner.spawn(made, 1, 0, NOTHING, NOTHING)
except SpawnError as error:
    print(error.scarce, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True cannot start true: no new process: resource temporarily unavailable\n"


def test_too_many_open_files_is_scarce_and_heals():
    made = Ways("as_user")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        with pytest.raises(SpawnError) as refused:
            made.start(made.recipe("true"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (refused.value.errno, refused.value.scarce) == (errno.EMFILE, True)
    assert made.output("echo", "fine") == "fine"
    made.spawner.close()


def test_where_vfork_does_not_wait_errors_are_still_found():
    """As under qemu, which emulates it with fork: the report would come after the look."""
    from _posixsubprocess import fork_exec  # noqa: PLC0415

    def fork_only(*arguments):
        preexec_fn = (lambda: None) if sys.version_info >= (3, 14) else None
        last = (preexec_fn,) if preexec_fn else (None, False)
        argv, executables, *rest = arguments[: -len(last)]
        return fork_exec(argv, executables * 100, *rest, *last)  # so slow that it is late on a busy machine too

    spawner = Spawner(fork_exec=fork_only)
    assert spawner._start == spawner._plain
    before = children_of_self()
    with pytest.raises(SpawnError):
        spawner.spawn(recipe(["no-such-command"], [PATH]), 1, 0, NOTHING, NOTHING)
    spawner.close()
    assert children_of_self() == before
