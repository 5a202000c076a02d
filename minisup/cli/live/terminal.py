"""The terminal under the live screen: keys come one by one, and it is given back as it was, whatever happens."""

import os
import select
import signal
import sys
import termios
import tty
from types import FrameType, TracebackType
from typing import Final, Self

ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The alternate screen, no cursor, no wrapping."""

LEAVE: Final = "\x1b[?7h\x1b[?25h\x1b[?1049l"
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class Terminal:
    """stdin and stdout, for as long as it is open. Ctrl-C and Ctrl-Z are keys like any other."""

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(0)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGWINCH, _noted)
        for number in ENDING:
            signal.signal(number, _leave)
        _write(ENTER)
        tty.setcbreak(0)
        mode = termios.tcgetattr(0)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(0, termios.TCSANOW, mode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
            _write(LEAVE)
        except (OSError, termios.error):
            pass  # the terminal is gone

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


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor ends the wait; the next picture has the new size."""


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
