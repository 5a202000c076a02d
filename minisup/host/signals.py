"""Signals to minisup: noted by handlers, acted on by the loop.

`prepare` is the first thing that `minisup up` does: as PID 1 a signal without a handler is lost, elsewhere it would end
minisup before its children are known.
"""

import os
import signal
from collections.abc import Callable, Collection
from enum import StrEnum

from minisup.host.inherited import reset_signals, seal_inherited_fds

RTMIN_PLUS_3 = signal.SIGRTMIN + 3


_NAMES: dict[int, str] = {int(known): known.name for known in signal.Signals}


class SignalRequest(StrEnum):
    """What a signal asks for."""

    SHUTDOWN = "shutdown"
    RELOAD = "reload"
    REOPEN = "reopen"
    UPGRADE = "upgrade"


REQUESTS: dict[int, SignalRequest] = {
    signal.SIGTERM: SignalRequest.SHUTDOWN,
    signal.SIGINT: SignalRequest.SHUTDOWN,
    signal.SIGQUIT: SignalRequest.SHUTDOWN,  # what php-fpm images send for a graceful stop
    signal.SIGHUP: SignalRequest.RELOAD,
    signal.SIGUSR1: SignalRequest.REOPEN,
    signal.SIGUSR2: SignalRequest.UPGRADE,
    RTMIN_PLUS_3: SignalRequest.SHUTDOWN,  # what systemd sends to a container's init; without a handler it would kill
}
WITHOUT_TERMINAL: dict[int, SignalRequest] = {
    signal.SIGWINCH: SignalRequest.SHUTDOWN,  # a graceful stop of apache images; elsewhere a window has a new size
}


def prepare() -> "Signals":
    """The first thing that `minisup up` does: what it was started with is made harmless, and signals are noted."""
    seal_inherited_fds()
    signals = Signals()
    signals.install(reset_signals())
    return signals


class Signals:
    """The signals that have come since the loop last looked."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.child_ended = True  # a child may have ended before the handler was there
        self._had_terminal = _has_terminal()

    def install(self, ignored: Collection[int]) -> None:
        """Note the signals of `REQUESTS` and SIGCHLD from now on, but not a SIGHUP that was ignored (nohup)."""
        for number in REQUESTS:
            if number != signal.SIGHUP or number not in ignored:
                signal.signal(number, self._note)
        if not self._had_terminal:
            for other in WITHOUT_TERMINAL:
                signal.signal(other, self._note)
        signal.signal(signal.SIGCHLD, self._note_child)

    def take(self) -> list[tuple[SignalRequest, str]]:
        """What has been asked for since the last call, with the name of each signal."""
        if not self.noted:
            return []
        noted, self.noted = self.noted, []
        return [(self._meaning(number), _name(number)) for number in noted]

    def wake(self, fd: int, callback: Callable[[], None]) -> None:
        """Let each signal write to `fd` (non-blocking), so that a wait ends; what came before is not forgotten."""
        signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
        if self.noted:
            callback()

    def _meaning(self, number: int) -> SignalRequest:
        if number == signal.SIGHUP and self._had_terminal and not _has_terminal():
            return SignalRequest.SHUTDOWN
        return REQUESTS.get(number, SignalRequest.SHUTDOWN)

    def _note(self, number: int, _frame: object) -> None:
        self.noted.append(number)

    def _note_child(self, _number: int, _frame: object) -> None:
        self.child_ended = True


def signal_name(number: int) -> str:
    """`SIGKILL`; `SIG42` for one that has no name."""
    return _NAMES.get(number, f"SIG{number}")


def _name(number: int) -> str:
    return "RTMIN+3" if number == RTMIN_PLUS_3 else signal.Signals(number).name.removeprefix("SIG")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError:
        return False
    return True
