"""The only wait in the program."""

import os
from typing import NamedTuple


class Reaped(NamedTuple):
    """A child that has been reaped."""

    pid: int
    code: int | None
    signal: int | None
    cpu: float  # seconds
    max_rss: int | None  # bytes


def reap() -> Reaped | None:
    """Reap one child that has ended; None: no other has, for now.

    One at a time: what follows from its end comes before the next number becomes free for somebody else.
    """
    try:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    rss = usage.ru_maxrss * 1024
    return Reaped(pid, code, None, cpu, rss) if code >= 0 else Reaped(pid, None, -code, cpu, rss)
