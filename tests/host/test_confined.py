"""As containers confine it: a read-only root file system, a user that is not root, no more rights than Docker gives.

Each also as PID 1. `unshare`, bind mounts and `setpriv` make the walls; they need root, and where that is not to be had
the tests are skipped.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, program, sh, wait_until
from lookup import alive, children_of, describe
from ways import fields

READ_ONLY = """
mount --make-rprivate / && mount -o remount,bind,ro / || exit 90
for place in /run /tmp /var /var/lib; do
    mount --bind $place $place && mount -o remount,bind,ro $place || exit 90
done
"""
TMPFS_ON_RUN = "mount -t tmpfs none /run || exit 90\n"
"""`docker run --read-only`, and with `--tmpfs /run`."""

DOCKERS = "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service"
"""What root may do in a container of Docker: among others, not look into the processes of other users."""

LEAVES = sh("(sleep 1000 &) ; echo >> left; exec sleep 1000")
"""A job with a process that outlives its leader."""

CAP_SYS_PTRACE = 19

PID_1 = pytest.mark.parametrize("pid_1", [False, True], ids=["", "pid 1"])


def behind(script: str, pid_1: bool) -> tuple[str, ...]:
    """The words that start a command in a mount namespace in which `script` was run."""
    rest = ("--pid", "--fork", "--mount-proc", "--kill-child") if pid_1 else ()
    return ("unshare", "--mount", *rest, "sh", "-c", f'{script}\nexec "$@"', "sh")


def as_user(uid: int) -> tuple[str, ...]:
    """The words that start a command as a user without any rights, for ever."""
    ids = (f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    return ("setpriv", *ids, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


def as_dockers_root() -> tuple[str, ...]:
    return ("setpriv", f"--bounding-set={DOCKERS}", "--inh-caps=-all")


@cache
def works(words: tuple[str, ...]) -> bool:
    return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0


def up(stage: Stage, words: tuple[str, ...], *programs: str, config: Path | None = None) -> Daemon:
    """minisup behind those words. Without `config`: one that names neither a socket nor a state directory."""
    if not all(map(shutil.which, ("unshare", "setpriv", "nsenter"))):
        pytest.skip("unshare, setpriv and nsenter are not all installed")
    if not works(words):
        pytest.skip(f"not allowed here: {words[0]} (it needs root)")
    if not works((*words, sys.executable, "-c", "import minisup; exit(not minisup) #")):
        pytest.skip(f"this Python cannot be run behind {words[0]}")
    text = "\n".join(['[supervisor]\nshutdown_timeout = "4s"', *programs])
    return stage.up_file(
        config or stage.write("minisup.toml", text), before=words, ready=False, env={"HOME": "/nonexistent"}
    )


def pid_of(daemon: Daemon, pid_1: bool) -> int:
    """minisup's own pid as we see it."""
    if not pid_1:
        return daemon.pid
    return wait_until(lambda: children_of(daemon.pid), SOON, "it has started")[0]


def inside(stage: Stage, pid: int, *words: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """A command of minisup in the namespaces of that process, as with `docker exec`."""
    enter = ("nsenter", "--target", str(pid), "--mount", "--pid")
    command = [*enter, *before, sys.executable, "-m", "minisup", *words]
    environ = stage.environ(HOME="/nonexistent")
    return subprocess.run(
        command, env=environ, cwd=stage.root, capture_output=True, text=True, timeout=SOON, check=False
    )


def warnings(daemon: Daemon) -> list[str]:
    return [line for line in daemon.stderr.splitlines() if line.startswith("warning: ")]


def status_of(pid: int) -> dict[str, str]:
    """The fields of `/proc/PID/status`."""
    return fields(Path(f"/proc/{pid}/status").read_text())


@PID_1
def test_a_read_only_root_with_a_run_directory(stage: Stage, pid_1: bool) -> None:
    """`docker run --read-only --tmpfs /run`: state in memory with one warning, the socket in /run, all else as ever."""
    daemon = up(stage, behind(READ_ONLY + TMPFS_ON_RUN, pid_1), program("job", sh("(sleep 1000 &) ; exec sleep 1000")))
    pid = pid_of(daemon, pid_1)
    wait_until(lambda: inside(stage, pid, "health").returncode == 0, SOON, "health answers")
    wait_until(lambda: "job: started" in daemon.stderr, SOON, "it has said all about its start")
    assert "/run/minisup.sock" in daemon.stderr
    assert warnings(daemon) == ["warning: state is kept in memory: cannot use /var/lib/minisup: Read-only file system"]
    wait_until(lambda: len(stage.jobs()) >= 2 + pid_1, SOON, "the job runs and has a child")
    stopped = inside(stage, pid, "stop", "job", "--now", "--wait")
    assert stopped.returncode == 0, stopped.stderr
    assert set(stage.jobs()) <= {pid}, "nothing of the run is left"
    assert inside(stage, pid, "status").returncode == 0
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait(4 + SLACK) == 0


@PID_1
def test_a_read_only_root_without_any_place_to_write(stage: Stage, pid_1: bool) -> None:
    """`docker run --read-only`: no socket and no state, a warning for each; jobs run and drain."""
    job = program("job", sh("echo begin; trap 'echo term; exit' TERM; sleep 1000 & wait"), stop={"drain": 0})
    daemon = up(stage, behind(READ_ONLY, pid_1), job)
    pid = pid_of(daemon, pid_1)
    wait_until(lambda: daemon.lines("job:0") == ["begin"], SOON, "the job is at work")
    wait_until(lambda: "job: started" in daemon.stderr, SOON, "it has said all about its start")
    state, socket = sorted(warnings(daemon), reverse=True)
    assert state == "warning: state is kept in memory: cannot use /var/lib/minisup: Read-only file system"
    assert "socket" in socket
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait(4 + SLACK) == 0
    assert daemon.lines("job:0") == ["begin", "term"]


@PID_1
def test_a_user_without_any_rights(open_stage: Stage, pid_1: bool) -> None:
    """`docker run --user 12345 --cap-drop ALL --security-opt no-new-privileges`."""
    uid = 100_000 + os.getpid() % 100_000  # nobody else's directory in /tmp
    user = as_user(uid)
    words = (*behind("", pid_1), *user)
    daemon = up(open_stage, words, program("job", LEAVES, directory=str(open_stage.root)))
    pid = pid_of(daemon, pid_1)
    wait_until(lambda: inside(open_stage, pid, "health", before=user).returncode == 0, SOON, "health answers")
    wait_until(lambda: "job: started" in daemon.stderr, SOON, "it has said all about its start")
    assert f"/tmp/minisup-{uid}/minisup.sock" in daemon.stderr
    assert warnings(daemon) == [
        "warning: state is kept in memory: cannot use /nonexistent/.local/state/minisup: Permission denied"
    ]
    wait_until(lambda: open_stage.lines("left"), SOON, "the job has left something behind")
    before = [job for job in open_stage.jobs() if job != pid]
    assert len(before) >= 2
    for job in before:
        status = status_of(job)
        assert status["Uid"].split() == [str(uid)] * 4
        assert (int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, "1")
    stopped = inside(open_stage, pid, "stop", "job", "--now", "--wait", before=user)
    assert stopped.returncode == 0, stopped.stderr
    assert not [job for job in before if alive(job)], "nothing of the run is left"
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait(4 + SLACK) == 0
    shutil.rmtree(f"/tmp/minisup-{uid}")


@PID_1
def test_a_root_who_may_not_look_into_other_users_processes(open_stage: Stage, pid_1: bool) -> None:
    """Docker's usual rights, and jobs of another user: no CAP_SYS_PTRACE, so their environment is out of sight.

    What stays in the run's session is known by the session's number. What made a session of its own is a stranger then:
    it survives a `stop`, and ends with minisup.
    """
    script = "(sleep 1000 &) ; (setsid sleep 2000 &) ; echo >> left; exec sleep 1000"
    config = open_stage.config(program("job", sh(script), user="nobody", stop=AT_ONCE))
    daemon = up(open_stage, (*behind("", pid_1), *as_dockers_root()), config=config)
    pid = pid_of(daemon, pid_1)
    wait_until(lambda: open_stage.lines("left"), SOON, "the job has left two processes behind")
    wait_until(lambda: len(open_stage.jobs()) >= 3 + pid_1, SOON, "they are there")
    assert not int(status_of(pid)["CapEff"], 16) >> CAP_SYS_PTRACE & 1
    stopped = inside(open_stage, pid, "-s", str(open_stage.socket), "stop", "job", "--now", "--wait")
    assert stopped.returncode == 0, stopped.stderr
    (stranger,) = [job for job in open_stage.jobs() if job not in {pid, daemon.pid}]
    assert "2000" in describe(stranger)
    os.kill(pid, signal.SIGTERM)
    assert daemon.wait(4 + SLACK) == 0
    assert not alive(stranger)
