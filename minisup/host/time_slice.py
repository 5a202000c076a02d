"""A shorter time slice for minisup, so that the scheduler lets it start the next run before it goes on with the others.

Each start blocks minisup until the new process has executed its command, and each end has to wake it. A woken process
waits for those that run unless its slice ends before theirs; minisup works for a fraction of a millisecond at a time
and may say so. It gets no more of a processor than before, only sooner. Linux 6.12 made this a request that anybody may
make (`sched_setattr`, `sched_runtime` of a normal process); older ones accept it and change nothing.
"""

import os
import struct
import sys
from typing import Final

from minisup.host import libc

SLICE: Final = 500_000
"""Nanoseconds: longer than minisup works between two waits, or it would be stopped in the middle of them (0.1 ms was
worse than nothing on a busy machine), and a sixth of what the others have."""

_SYSTEM_CALLS: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, runtime, deadline, period
_RESET_ON_FORK: Final = 1
_64_BITS: Final = sys.maxsize > 1 << 32


def ask_for_short_slice() -> bool:
    """Ask for `SLICE` for this thread alone: children start as if nothing had been asked. Whether it was granted.

    Not asked for what was started with another policy or a negative nice value: children would lose that with it.
    """
    number = _SYSTEM_CALLS.get(os.uname().machine)
    try:
        nice, policy = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    except OSError:
        return False  # a filter of system calls: minisup runs with the slice that it has
    if number is None or not _64_BITS or nice < 0 or policy != os.SCHED_OTHER:
        return False
    wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, SLICE, 0, 0)
    return libc.call("syscall", number, 0, wish, 0) == 0
