"""Starting a run: the fastest way that this Python offers, and the system's words when it fails.

Three ways, one result (docs/decisions/0002-spawn.md): `_swift` calls the function that is underneath `subprocess` and
uses vfork; `_plain` goes through `subprocess.Popen` where that function is not what we know; `fork_as_user` forks for
another user and for limits, and nobody waits for what comes of that (`starting.py`). None of them leaves a waiting
object behind: the reaper owns all waits but that for a child of our own user that never became a run, which ends at
once and is waited for here.
"""

import errno
import os
import sys
from collections.abc import Callable, Mapping
from fcntl import F_DUPFD_CLOEXEC, fcntl
from types import MappingProxyType
from typing import Any, Final

from minisup.host.descriptors import OPEN_FILES
from minisup.host.start.as_user import Born, Forked, fork_as_user
from minisup.host.start.recipe import Recipe, located
from minisup.host.start.stopped import Unwatched

NOTHING: Final = -1
"""As `stdout_fd` or `stderr_fd`: what is written goes to /dev/null."""

SCARCE: Final = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY}  # the machine lacks something for now
)

ForkExec = Callable[..., int]

_LAST_ARGUMENTS: Final[Mapping[tuple[int, int], tuple[Any, ...]]] = MappingProxyType(
    {
        (3, 11): (None, True),  # preexec_fn, allow_vfork
        (3, 12): (None, True),
        (3, 13): (None, True),
        (3, 14): (None,),
    }
)
"""The Python versions whose `fork_exec` is known, and the arguments in which they differ."""

_TRIALS: Final = 3
_NAMES_IN_TRIAL: Final = 100
_REPORT_SIZE: Final = 64
_FIRST_FREE: Final = 3


class SpawnError(Exception):
    """A run could not be started. The text is `cause`, a sentence in the system's words.

    `scarce`: the machine lacked something (processes, memory, descriptors) and may have it again soon. `path`: what is
    missing or refused, if it was a file or directory.
    """

    def __init__(self, cause: str, number: int, path: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.errno = number
        self.scarce = number in SCARCE
        self.path = path


class Spawner:
    """Starts runs. To be made once, after `seal_inherited_fds`; to be used by the main thread alone.

    The fastest way that works here is chosen. `fork_exec` replaces the system's, for tests.
    """

    def __init__(self, fork_exec: ForkExec | None = None) -> None:
        self.watch = Unwatched()
        null = os.open("/dev/null", os.O_RDWR)
        self._null = _raised(null)
        os.close(null)
        self._standard = {NOTHING: self._null, 0: self._null, 1: _raised(1), 2: _raised(2)}
        ends = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._reader, self._writer = map(_raised, ends)
        for fd in ends:
            os.close(fd)
        known, self._last = _known_fork_exec()
        self._fork_exec = fork_exec or known
        self._start = self._swift if self._vfork_waits() else self._plain

    def spawn(
        self,
        recipe: Recipe,
        run: int,
        failures: int,
        stdout_fd: int,
        stderr_fd: int,
        born: Born | None = None,
        *,
        stdin_fd: int | None = None,
    ) -> int | Forked:
        """Start run number `run`, after `failures` counted ends in a row; returns its pid, also its session and group.

        The descriptors become the child's stdin, stdout and stderr: 1 and 2 are minisup's own, `NOTHING` is /dev/null,
        as is `stdin_fd` None. They stay open here. The command has been executed when this returns a pid. SpawnError
        otherwise. A child that is to be another user's, or has limits, is only on its way then (`Forked`; `refused`
        explains its report), and tells `born` its pid itself, before it executes the command.
        """
        environment = recipe.environment
        environment[-2] = b"MINISUP_RUN_ID=%d" % run
        environment[-1] = b"MINISUP_FAILURES=%d" % failures
        given = (stdout_fd, stderr_fd)
        stdin = self._null if stdin_fd is None else stdin_fd
        if stdout_fd < _FIRST_FREE:
            stdout_fd = self._standard[stdout_fd]
        if stderr_fd < _FIRST_FREE:
            stderr_fd = self._standard[stderr_fd]
        try:
            if recipe.account is None and recipe.limits is None:
                return self._lowered(recipe, stdin, stdout_fd, stderr_fd)
            pipes = [fd for fd, stream in enumerate(given, 1) if stream >= _FIRST_FREE]
            if stdin_fd is not None:
                pipes.append(0)
            return fork_as_user(recipe, stdin, stdout_fd, stderr_fd, pipes, born)
        except OSError as error:
            raise _no_process(recipe, error) from None

    def spawn_helper(self, recipe: Recipe, output_fd: int) -> int:
        """Start a helper of minisup's own, which is no run: as itself, in its own session; returns its pid.

        The descriptor becomes its stdout and stderr and stays open here. SpawnError otherwise.
        """
        try:
            return self._lowered(recipe, self._null, output_fd, output_fd)
        except OSError as error:
            raise _no_process(recipe, error) from None

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in {*self._standard.values(), self._reader, self._writer}:
            os.close(fd)

    def _lowered(self, recipe: Recipe, stdin: int, stdout: int, stderr: int) -> int:
        """Start the process under the limit of open files that minisup was given."""
        if not OPEN_FILES.raised:
            return self._start(recipe, stdin, stdout, stderr)
        OPEN_FILES.lower()
        try:
            return self._start(recipe, stdin, stdout, stderr)
        finally:
            OPEN_FILES.restore()

    def _swift(self, recipe: Recipe, stdin: int, stdout: int, stderr: int) -> int:
        watch = self.watch
        watch.starts += 1
        if watch.asleep:
            watch.rouse()
        try:
            pid = self._vfork(recipe, stdin, stdout, stderr)
        finally:
            watch.starts += 1
        # vfork returns when the child has executed its command or ended: a report is here now or never
        try:
            report = os.read(self._reader, _REPORT_SIZE)
        except BlockingIOError:
            return pid
        raise _failed(recipe, pid, report)

    def _vfork(self, recipe: Recipe, stdin: int, stdout: int, stderr: int) -> int:
        return self._fork_exec(
            recipe.argv,
            recipe.executables,
            False,  # close_fds: all of minisup's close at the exec
            (),
            recipe.directory,
            recipe.environment,
            stdin,
            -1,
            -1,
            stdout,
            -1,
            stderr,
            self._reader,
            self._writer,
            True,  # restore_signals
            True,  # setsid
            -1,
            None,
            None,
            None,
            recipe.umask,
            *self._last,
        )

    def _plain(self, recipe: Recipe, stdin: int, stdout: int, stderr: int) -> int:
        from subprocess import Popen  # noqa: PLC0415 - costs a MiB and is needed on unknown Pythons only

        try:
            process = Popen(
                recipe.argv,
                executable=_first_usable(recipe),
                cwd=recipe.directory,
                env=dict(item.split(b"=", 1) for item in recipe.environment),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                close_fds=False,
                start_new_session=True,
                umask=recipe.umask,
            )
        except OSError as error:
            if error.filename is None:
                raise
            entering = recipe.directory is not None and error.filename == recipe.directory
            raise _explained(recipe, error.errno or 0, b"noexec:chdir" if entering else b"") from None
        process.returncode = 0  # detached: the reaper waits for it
        return process.pid

    def _vfork_waits(self) -> bool:
        """Whether `fork_exec` is what we know and returns only after the exec.

        It returns earlier where vfork is emulated by fork (qemu). The trial is a child that fails to execute so many
        names that its report comes too late if nobody waits for it; more than once, because of busy machines.
        """
        nothing = Recipe([b"trial"], (b"/dev/null/trial",) * _NAMES_IN_TRIAL, [], None, -1, None)
        try:
            return all(self._reports_in_time(nothing) for _ in range(_TRIALS))
        except TypeError:
            return False
        except OSError:
            return True  # no process to be had at this moment: trust the version

    def _reports_in_time(self, nothing: Recipe) -> bool:
        try:
            pid = self._swift(nothing, self._null, self._null, self._null)
        except SpawnError as refused:
            return refused.errno == errno.ENOTDIR
        os.waitpid(pid, 0)
        return False


def _known_fork_exec() -> tuple[ForkExec, tuple[Any, ...]]:
    """The function and its last arguments for this Python, or one that always refuses."""
    last = _LAST_ARGUMENTS.get(sys.version_info[:2], ())
    if not last or sys.implementation.name != "cpython":
        return _unknown, ()
    try:
        from _posixsubprocess import fork_exec  # noqa: PLC0415 - a private module, which may be missing
    except ImportError:
        return _unknown, ()
    return fork_exec, last


def _unknown(*_arguments: object) -> int:
    raise TypeError("this Python has no known fork_exec")


def _raised(fd: int) -> int:
    """A copy above the standard streams that closes at an exec."""
    return fcntl(fd, F_DUPFD_CLOEXEC, _FIRST_FREE)


def _first_usable(recipe: Recipe) -> bytes:
    places = [(name, located(recipe, name)) for name in recipe.executables]
    usable = (name for name, place in places if os.path.isfile(place) and os.access(place, os.X_OK))
    existing = (name for name, place in places if os.path.lexists(place))
    return next(usable, None) or next(existing, recipe.executables[-1])


def _failed(recipe: Recipe, pid: int, report: bytes) -> SpawnError:
    """The error of a child that reported one and ended; waits for it, so that nobody takes it for a run."""
    os.waitpid(pid, 0)
    return refused(recipe, report)


def refused(recipe: Recipe, report: bytes) -> SpawnError:
    """What the report of a child means that could not execute its command."""
    _, _, rest = report.partition(b":")
    number, _, step = rest.partition(b":")
    return _explained(recipe, int(number or b"0", 16), step)


def _no_process(recipe: Recipe, error: OSError) -> SpawnError:
    number = error.errno or errno.EAGAIN
    return SpawnError(f"cannot start {os.fsdecode(recipe.argv[0])}: no new process: {_words(number)}", number)


def _explained(recipe: Recipe, number: int, step: bytes) -> SpawnError:
    what = f"cannot start {os.fsdecode(recipe.argv[0])}"
    if step in {b"noexec:nofile", b"noexec:nice"} and recipe.limits is not None:
        key = step.rpartition(b":")[2].decode()
        return SpawnError(f"{what} with limits.{key} {getattr(recipe.limits, key)}: {_words(number)}", number)
    if step == b"noexec:user" and recipe.account is not None:
        who = recipe.account.name or f"group {recipe.account.gid}"
        return SpawnError(f"{what} as {who}: {_words(number)}", number)
    if step.startswith(b"noexec") and recipe.directory is not None:  # not every Python names the step; no other fails
        directory = os.fsdecode(recipe.directory)
        return SpawnError(f"cannot enter {directory}: {_words(number)}", number, directory)
    places = (located(recipe, name) for name in recipe.executables)
    there = next((os.fsdecode(place) for place in places if os.path.isfile(place)), None)
    if number == errno.ENOENT and there is not None:
        return SpawnError(f"{what}: its interpreter is missing: {_words(number)}", number, there)
    return SpawnError(f"{what}: {_words(number)}", number, there or os.fsdecode(recipe.argv[0]))


def _words(number: int) -> str:
    words = os.strerror(number)
    return words[:1].lower() + words[1:]
