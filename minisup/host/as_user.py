"""Starting a run as another user or under limits of its own: fork, change, exec.

CPython's own spawn enters the directory before it changes the user, and does not use vfork when it changes ids, because
processes with different rights must not share memory. It knows no limits. Changing minisup's own ids or limits for a
moment instead would let that user signal it, and a limit that was lowered may not be raised again. So this is a plain
fork, and each step happens in the child, in the promised order: setsid, rlimits, nice, groups, gid, uid, umask, chdir
(as the user), exec.

Rules for the child's half: it ends in exec or `_exit`, whatever happens; it takes no lock and imports nothing (other
threads of minisup may have held locks at the fork); signals stay blocked until no handler of minisup's is left; and it
does little, because each page of memory that it touches is copied: what can be prepared is prepared by the parent, and
`_signal` is used directly, as `signal` makes an enum of each number (together 3 of 5.5 ms).
"""

import _signal  # type: ignore[import-not-found] # underneath `signal`, and without a stub
import errno
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from minisup.host.recipe import Recipe
from minisup.host.rlimits import RunLimits, limit_open_files, set_priority

_EVERY: Final = _signal.valid_signals()
_DEFAULT: Final = int(_signal.SIG_DFL)
_REPORT_SIZE: Final = 64
_NO_LIMITS: Final = RunLimits()

Born = Callable[[int], None]
"""Told the pid of a child, in the child. It may do no more than the child may."""

warnings.filterwarnings("ignore", message=r".*use of fork\(\) may lead to deadlocks", category=DeprecationWarning)


def spawn_as_user(recipe: Recipe, null: int, stdout: int, stderr: int, born: Born | None = None) -> tuple[int, bytes]:
    """Start the recipe with these descriptors (all above 2) as 0, 1 and 2; returns the pid and a report.

    The report is empty when the command runs, else `OSError:HEX_ERRNO:STEP`, and the child is about to end. OSError:
    no process or pipe could be made. Blocks until the child has executed its command. `born` is called in the child
    with its pid: should minisup be killed now, its successor may not be allowed to read whose process this is.
    """
    environment = dict(item.split(b"=", 1) for item in recipe.environment)
    handled = [number for number in _EVERY if _signal.getsignal(number) not in (_DEFAULT, None)]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _EVERY)
    try:
        pid = os.fork()
        if pid == 0:
            _become(recipe, environment, (null, stdout, stderr), handled, writer, born)
    except BaseException:
        os.close(reader)
        raise
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        os.close(writer)
    try:
        return pid, os.read(reader, _REPORT_SIZE)  # the end of the pipe comes with the exec
    finally:
        os.close(reader)


def _become(
    recipe: Recipe,
    environment: dict[bytes, bytes],
    streams: Sequence[int],
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
        _clear_signals(handled)
        os.setsid()
        limits = recipe.limits or _NO_LIMITS
        step = b"noexec:nofile"
        if limits.nofile is not None:
            limit_open_files(limits.nofile)
        step = b"noexec:nice"
        if limits.nice is not None:
            set_priority(limits.nice)
        step = b"noexec:user"
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


def _clear_signals(handled: Sequence[int]) -> None:
    _signal.set_wakeup_fd(-1)  # it is minisup's: a signal noted there would be taken for one to minisup
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
