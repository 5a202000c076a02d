"""The limits that a run starts under: open files and priority, set in the child before it becomes its command."""

import os
import resource
from typing import NamedTuple


class RunLimits(NamedTuple):
    """What a program's `limits` ask of its processes; None: as minisup's own."""

    nofile: int | None = None
    nice: int | None = None


def limit_open_files(count: int) -> None:
    """At most `count` open files for this process and its descendants, soft and hard. OSError: not allowed."""
    resource.prlimit(0, resource.RLIMIT_NOFILE, (count, count))  # setrlimit would say ValueError for EPERM


def set_priority(nice: int) -> None:
    """The nice value of this process. OSError: only with privileges may it come before others.

    To be called after `setsid`: where the kernel groups processes by session to share the processor (autogroup), the
    value is the group's too, without which it would mean nothing outside of the session.
    """
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    try:
        fd = os.open("/proc/self/autogroup", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return  # this kernel has no such groups
    try:
        os.write(fd, b"%d" % nice)
    except OSError:
        pass  # refused to those who ask often, or not allowed: the process's own value stands
    finally:
        os.close(fd)
