"""Tells the core what the wall clock is ahead of the monotonic one, while a schedule goes by the wall clock.

The kernel says when somebody sets the clock: a timer on the wall clock, far ahead, that is cancelled by that. What no
jump is (the clock is slewed, the machine slept) is found before each timer, and once an hour.
"""

import errno
import os
import struct
import time
from collections.abc import Callable
from typing import Final

from minisup.config.schema import Config
from minisup.core.messages import ClockSet
from minisup.host import libc
from minisup.host.clock import Clock
from minisup.host.loop import Loop

HOUR: Final = 3600.0
SLACK: Final = 0.002
"""Seconds of difference that are not worth a word to the core."""

BEHIND: Final = 0.003
"""Seconds by which the core is told less than the truth, so that no run that is due at 10:05 sees 10:04:59.999 on the
clock: `schedule:run` would do the work of another minute."""

_FAR: Final = 1 << 40
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_NONBLOCK, TFD_CLOEXEC
_ABSTIME_CANCEL_ON_SET: Final = 3
_SPEC: Final = struct.pack("@llll", 0, 0, _FAR, 0)


class WallClock:
    """Watches from its making on; feeds the first `ClockSet` at once."""

    def __init__(self, loop: Loop, clock: Clock, feed: Callable[[ClockSet], None]) -> None:
        self._loop = loop
        self._clock = clock
        self._feed = feed
        self.ahead = self._reads()
        feed(ClockSet(self.ahead))
        self._fd = libc.call("timerfd_create", time.CLOCK_REALTIME, _FLAGS)
        if self._fd >= 0:
            self._arm()
            loop.on_readable(self._fd, self._was_set)
        self._timer = loop.after(HOUR, self._each_hour)

    def look(self) -> None:
        """Tell the core if the difference is another one than it knows. To be called before a timer is fed."""
        ahead = self._reads()
        if abs(ahead - self.ahead) > SLACK:
            self.ahead = ahead
            self._feed(ClockSet(ahead))

    def close(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)

    def _reads(self) -> float:
        wall = self._clock.wall()  # first: who is interrupted in between starts later than planned, never sooner
        return wall - self._clock.monotonic() - BEHIND

    def _arm(self) -> None:
        libc.call("timerfd_settime", self._fd, _ABSTIME_CANCEL_ON_SET, _SPEC, 0)

    def _was_set(self) -> None:
        try:
            os.read(self._fd, 8)
        except OSError as error:
            if error.errno not in {errno.ECANCELED, errno.EAGAIN}:
                raise
        self._arm()
        self.look()

    def _each_hour(self) -> None:
        self._timer = self._loop.after(HOUR, self._each_hour)
        self.look()


def wall_clock_for(
    config: Config, watched: WallClock | None, loop: Loop, clock: Clock, feed: Callable[[ClockSet], None]
) -> WallClock | None:
    """The watch that this configuration needs, given the one there is; None: nothing goes by the wall clock."""
    if any(program.schedule and program.schedule.cron for program in config.programs.values()):
        return watched or WallClock(loop, clock, feed)
    if watched is not None:
        watched.close()
    return None
