"""The terminal under the live screen: keys come one by one, and it is given back as it was, whatever happens.

Ctrl-C and Ctrl-Z stay signals, so that they work while minisup is asked for something and does not answer.
"""

import errno
import os
import select
import signal
import termios
import tty
from types import FrameType, TracebackType
from typing import Final, Self

from minisup.errors import MinisupError

ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The alternate screen, no cursor, no wrapping."""

LEAVE: Final = b"\x1b[?7h\x1b[?25h\x1b[?1049l"
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
USUAL: Final = os.terminal_size((80, 24))
"""The size of a terminal that does not know its own."""


class Left(BaseException):
    """The reader leaves, whatever is going on."""


class Terminal:
    """stdin and stdout, for as long as it is open. `altered`: the picture is gone and must be drawn anew."""

    def __init__(self) -> None:
        self.altered = True

    def __enter__(self) -> Self:
        try:
            self._before = termios.tcgetattr(0)
        except termios.error as error:
            raise _refused(error) from None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write)
        for number in ENDING:
            signal.signal(number, _end)
        signal.signal(signal.SIGINT, _left)
        signal.signal(signal.SIGWINCH, _noted)
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._resume)
        try:
            self._take()
        except BaseException as error:
            self.__exit__(None, None, None)
            if isinstance(error, termios.error):
                raise _refused(error) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (*ENDING, signal.SIGINT, signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_IGN)  # nothing may come between now
        signal.set_wakeup_fd(-1)
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        self._give_back()
        for number in (*ENDING, signal.SIGINT, signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)

    def read(self, seconds: float) -> bytes | None:
        """What was typed within so many seconds, less if the terminal gets another size; None: it is gone."""
        ready, _, _ = select.select([0, self._wake_read], [], [], seconds)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if 0 not in ready:
            return b""
        try:
            return os.read(0, 1024) or None
        except OSError:
            return None

    def _take(self) -> None:
        """Modes first: in the background this stops the process, before it has written anything."""
        while not _set_keys_free():
            pass
        os.write(1, ENTER)
        self.altered = True

    def _give_back(self) -> None:
        try:
            if os.tcgetpgrp(0) != os.getpgrp():
                return  # in the background it is the shell's, and to touch it would stop what only wants to end
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
            os.write(1, LEAVE)
        except (OSError, termios.error):
            pass  # the terminal is gone

    def _suspend(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: be as suspended as any program, on a terminal as it was."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when it goes on, at once where there is no job control
        signal.signal(signal.SIGTSTP, self._suspend)
        self._resume(signal.SIGCONT, None)

    def _resume(self, _number: int, _frame: FrameType | None) -> None:
        try:
            self._take()
        except termios.error:
            raise Left from None  # nobody can bring it to the foreground any more


def size() -> os.terminal_size:
    """Columns and lines: what the terminal says, whatever COLUMNS says; 0 means that it does not know."""
    found = os.get_terminal_size(1)
    return os.terminal_size((found.columns or USUAL.columns, found.lines or USUAL.lines))


def _set_keys_free() -> bool:
    """Whether keys come one by one now; False: it was stopped over it, and goes on."""
    try:
        tty.setcbreak(0)
    except termios.error as error:
        if error.args[0] != errno.EINTR:
            raise
        return False
    return True


def _refused(error: Exception) -> MinisupError:
    why = error.args[-1] if error.args else "it refuses"
    return MinisupError(f"cannot draw on this terminal: {why}; `minisup status --once` prints")


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor ends the wait; the next picture has the new size."""


def _left(_number: int, _frame: FrameType | None) -> None:
    raise Left


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
