"""What the control socket needs of the event loop. `minisup.host.loop` is one; the tests have another."""

from collections.abc import Callable
from typing import Protocol

Callback = Callable[[], None]


class TimerProtocol(Protocol):
    """A call that will be made once."""

    def cancel(self) -> None:
        """Forget the call. Harmless when it has been made."""
        ...


class ClockProtocol(Protocol):
    """What time it is."""

    def monotonic(self) -> float:
        """Seconds, monotonic."""
        ...


class LoopProtocol(Protocol):
    """Callbacks by file descriptor and by time, all in one thread."""

    @property
    def clock(self) -> ClockProtocol:
        """The clock that the loop goes by."""
        ...

    def on_readable(self, fd: int, callback: Callback) -> None:
        """Call in each turn in which `fd` is readable, at its end or broken."""
        ...

    def on_writable(self, fd: int, callback: Callback) -> None:
        """Call in each turn in which `fd` can take bytes or is broken."""
        ...

    def forget_readable(self, fd: int) -> None:
        """No longer watch `fd` for reading."""
        ...

    def forget_writable(self, fd: int) -> None:
        """No longer watch `fd` for writing."""
        ...

    def forget(self, fd: int) -> None:
        """Watch `fd` no more; to be called before it is closed."""
        ...

    def post(self, callback: Callback) -> None:
        """Call in the next turn."""
        ...

    def after(self, delay: float, callback: Callback) -> TimerProtocol:
        """Call once, `delay` seconds from now."""
        ...
