"""Starting a run as another user or under limits of its own: fork, change, exec.

CPython's own spawn enters the directory before it changes the user, and does not use vfork when it changes ids, because
processes with different rights must not share memory. It knows no limits. Changing minisup's own ids or limits for a
moment instead would let that user signal it, and a limit that was lowered may not be raised again. So this is a plain
fork, and each step happens in the child, in the promised order: setsid, rlimits, nice, groups, gid, uid, umask, chdir
(as the user), exec.

Rules for the child's half: it ends in exec or `_exit`, whatever happens; it takes no lock and imports nothing (other
threads of minisup may have held locks at the fork); signals stay blocked until no handler of minisup's is left; before
it takes the user's ids it has closed all that is minisup's (as soon as it has them, the user can stop it, and a lock or
a pipe that it holds would be held for as long as he likes); and it does little, because each page of memory that it
touches is copied: what can be prepared is prepared by the parent, and `_signal` is used directly, as `signal` makes an
enum of each number (together 3 of 5.5 ms).
"""

import errno
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from minisup.host.descriptors import OPEN_FILES
from minisup.host.start.recipe import Recipe
from minisup.host.start.rlimits import RunLimits, limit_open_files, set_priority

try:
    import _signal  # type: ignore[import-not-found] # underneath `signal`, and without a stub
except ImportError:  # another Python: the same functions, slower
    import signal as _signal

_EVERY: Final = _signal.valid_signals()
_DEFAULT: Final = int(_signal.SIG_DFL)
REPORT_SIZE: Final = 64
"""Bytes of the longest report."""

_FD_SIZE: Final = b"\nFDSize:"
_ENOUGH: Final = 1 << 16
_NO_LIMITS: Final = RunLimits()

Born = Callable[[int], None]
"""Told the pid of a child, in the child. It may do no more than the child may."""

warnings.filterwarnings("ignore", message=r".*use of fork\(\) may lead to deadlocks", category=DeprecationWarning)


class Forked(NamedTuple):
    """A child on its way to its command. `report`, which does not block, is the reader's to close.

    It ends without a word when the child executes its command (or ends before), else says `OSError:HEX_ERRNO:STEP`
    just before the child ends.
    """

    pid: int
    report: int


def fork_as_user(
    recipe: Recipe, null: int, stdout: int, stderr: int, given: Sequence[int] = (), born: Born | None = None
) -> Forked:
    """Start the recipe with these descriptors (all above 2) as 0, 1 and 2. Does not wait for what becomes of the child.

    Those of `given` (1, 2) become the user's, so that he can open them by name (`/dev/stdout`). OSError: no process or
    pipe could be made. `born` is called in the child with its pid: should minisup be killed now, its successor may not
    be allowed to read whose process this is.
    """
    environment = dict(item.split(b"=", 1) for item in recipe.environment)
    handled = [number for number in _EVERY if _signal.getsignal(number) not in (_DEFAULT, None)]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _EVERY)
    try:
        pid = os.fork()
        if pid == 0:
            _become(recipe, environment, (null, stdout, stderr), given, handled, writer, born)
    except BaseException:
        os.close(reader)
        raise
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        os.close(writer)
    os.set_blocking(reader, False)
    return Forked(pid, reader)


def _become(
    recipe: Recipe,
    environment: dict[bytes, bytes],
    streams: Sequence[int],
    given: Sequence[int],
    handled: Sequence[int],
    report: int,
    born: Born | None,
) -> NoReturn:
    step = b"noexec"
    try:
        if born is not None:
            born(os.getpid())
        for fd, stream in enumerate(streams):
            os.dup2(stream, fd)
        _close_others(report)
        _clear_signals(handled)
        os.setsid()
        limits = recipe.limits or _NO_LIMITS
        if OPEN_FILES.raised:
            OPEN_FILES.lower()
        step = b"noexec:nofile"
        if limits.nofile is not None:
            limit_open_files(limits.nofile)
        step = b"noexec:nice"
        if limits.nice is not None:
            set_priority(limits.nice)
        step = b"noexec:user"
        _give(given, recipe)
        _change_ids(recipe)
        if recipe.umask >= 0:
            os.umask(recipe.umask)
        step = b"noexec:chdir"
        if recipe.directory is not None:
            os.chdir(recipe.directory)
        step = b""
        _execute(recipe, environment)
    except OSError as error:
        os.write(report, b"OSError:%x:%s" % (error.errno or 0, step))
    except BaseException:  # noqa: BLE001 - nothing may get out of the child
        os.write(report, b"OSError:%x:" % errno.ENOMEM)
    finally:
        os._exit(255)


def _close_others(report: int) -> None:
    """Close what is minisup's: locks, sockets, the pipes of other runs."""
    os.closerange(3, report)
    os.closerange(report + 1, _highest())


def _highest() -> int:
    """A number that no descriptor of this process reaches: where Python has no close_range it closes one by one."""
    try:
        fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        status = os.read(fd, 4096)
        os.close(fd)
        return int(status.partition(_FD_SIZE)[2].split(None, 1)[0])
    except (OSError, IndexError, ValueError):
        return _ENOUGH


def _give(given: Sequence[int], recipe: Recipe) -> None:
    """Let the user be the owner of these descriptors' pipes."""
    account = recipe.account
    if account is None or account.uid is None:
        return
    for fd in given:
        try:
            os.fchown(fd, account.uid, -1)
        except OSError:  # root without that right: he can write to them, but not open them by name
            return


def _clear_signals(handled: Sequence[int]) -> None:
    _signal.set_wakeup_fd(-1)  # it was minisup's, and the number may be another file's by now
    for number in handled:
        _signal.signal(number, _DEFAULT)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def _change_ids(recipe: Recipe) -> None:
    account = recipe.account
    if account is None:
        return
    if account.groups is not None:
        os.setgroups(account.groups)
    if account.gid is not None:
        os.setresgid(account.gid, account.gid, account.gid)
    if account.uid is not None:
        os.setresuid(account.uid, account.uid, account.uid)


def _execute(recipe: Recipe, environment: dict[bytes, bytes]) -> None:
    first: OSError | None = None
    last = OSError(errno.ENOENT, "")
    for candidate in recipe.executables:
        try:
            os.execve(candidate, recipe.argv, environment)  # noqa: S606 - no shell is the documented behaviour
        except (FileNotFoundError, NotADirectoryError) as error:
            last = error
        except OSError as error:
            first = first or error
    raise first or last
