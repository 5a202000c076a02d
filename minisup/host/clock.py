"""The two clocks. Every decision uses the monotonic one; the wall clock only stamps what people read."""

import time


class Clock:
    """Time as the host sees it. Tests pass one whose wall clock jumps."""

    monotonic = staticmethod(time.monotonic)
    """Seconds since some fixed moment; never jumps."""

    wall = staticmethod(time.time)
    """Seconds since 1970; may jump. Never compared, never subtracted from another reading."""
