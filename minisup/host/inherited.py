"""What minisup itself was started with, made harmless before the first child: descriptors, signal mask and handlers."""

import os
import signal
from typing import Final

from minisup.errors import MinisupError

_NO_PROC: Final = (
    "cannot start: /proc is not mounted, and minisup finds there what belongs to a run; "
    "mount it first: mount -t proc proc /proc"
)
_STOP_BY_TERMINAL: Final = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
_HARMLESS_BY_DEFAULT: Final = frozenset({signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH})
_PYTHONS_OWN: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


def seal_inherited_fds() -> None:
    """See to it that no child gets a descriptor above 2, and that 0, 1 and 2 are open.

    Closed ones of these three get /dev/null: else the next pipe or socket would take the number, and with it the
    output of the jobs. To be called once, before anything else is opened. Raises MinisupError without /proc.
    """
    open_standard_streams()
    try:
        names = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        raise MinisupError(_NO_PROC) from None
    for name in names:
        try:
            if int(name) > 2:  # noqa: PLR2004 - the three standard streams
                os.set_inheritable(int(name), False)
        except OSError:
            pass  # the descriptor through which the directory was read


def open_standard_streams() -> None:
    """Give /dev/null to those of 0, 1 and 2 that are closed."""
    for fd in range(3):
        _fill(fd)


def reset_signals() -> frozenset[int]:
    """Empty the signal mask and see to it that children start with default dispositions. Returns what was ignored.

    exec keeps an ignored signal ignored but resets a handled one, so a signal that minisup inherited as ignored
    (SIGHUP under nohup, SIGINT in the background of a script) gets a handler that does nothing: minisup still ignores
    it, its children do not. Whoever installs real handlers afterwards may want to leave out what is returned. The
    signals that Python itself ignores are reset at each spawn.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ignored = frozenset(
        number for number in signal.valid_signals() - _PYTHONS_OWN if signal.getsignal(number) is signal.SIG_IGN
    )
    for number in ignored:
        # a handled SIGTTOU would make a write to the terminal fail again and again
        plain = number in _STOP_BY_TERMINAL or number in _HARMLESS_BY_DEFAULT
        signal.signal(number, signal.SIG_DFL if plain else _do_nothing)
    return frozenset(int(number) for number in ignored)


def _do_nothing(_number: int, _frame: object) -> None:
    pass


def _fill(fd: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)  # the lowest free number, which is this one
