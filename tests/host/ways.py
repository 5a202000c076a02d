"""Starts commands in each of the three ways to start a run, for the tests of the child's world."""

import os

import pytest

from minisup.host.inherited import seal_inherited_fds
from minisup.host.process.processes import children_of_self
from minisup.host.start.environment import Account
from minisup.host.start.recipe import recipe
from minisup.host.start.spawn import NOTHING, Spawner, SpawnError, refused

ROOT = os.geteuid() == 0
PATH = b"PATH=" + os.fsencode(os.environ["PATH"])
FDS = "import os; print(*[f for f in sorted(os.listdir('/proc/self/fd')) if os.path.exists('/proc/self/fd/' + f)])"
"""Python that prints its open descriptors."""

needs_root = pytest.mark.skipif(not ROOT, reason="only root can become another user")


def unknown(*_arguments):
    """Stands for the `fork_exec` of a Python that is not known."""
    raise TypeError("takes other arguments")


class Ways:
    """Starts commands in one of the three ways and reads what they print."""

    def __init__(self, way):
        seal_inherited_fds()  # what the test runner was started with is not ours
        self.way = way
        self.spawner = Spawner(fork_exec=unknown if way == "plain" else None)

    def recipe(self, *argv, environment=(PATH,), **more):
        made = recipe(argv, environment, **more)
        if self.way == "as_user" and made.account is None:
            made.account = Account()  # the way of another user, with nothing to change
        return made

    def start(self, made, stdout=NOTHING, stderr=NOTHING, run=7, failures=3, born=None):
        """The pid of a child that has executed its command; raises SpawnError when it could not."""
        return awaited(self.spawner.spawn(made, run, failures, stdout, stderr, born), made)

    def output(self, *argv, **more):
        reader, writer = os.pipe2(os.O_CLOEXEC)
        pid = self.start(self.recipe(*argv, **more), writer, writer)
        os.close(writer)
        with open(reader, "rb") as file:
            text = file.read().decode()
        _, status, _ = os.wait4(pid, 0)
        assert status == 0, text
        return text.strip()

    def refused(self, *argv, **more):
        before = children_of_self()
        with pytest.raises(SpawnError) as refused:
            self.start(self.recipe(*argv, **more))
        assert str(refused.value) == refused.value.cause
        assert children_of_self() == before, "the child that could not start was not waited for"
        return refused.value


def awaited(started, made):
    """Wait for a child that is only on its way, as minisup's loop never does."""
    if isinstance(started, int):
        return started
    pid, report = started
    os.set_blocking(report, True)
    with open(report, "rb") as file:
        said = file.read()
    if said:
        os.waitpid(pid, 0)
        raise refused(made, said)
    return pid


def fields(text):
    """The fields of `/proc/PID/status`."""
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def script(path, text, mode=0o755):
    path.write_text(text)
    path.chmod(mode)
    return str(path)
