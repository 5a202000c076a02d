"""The only wait in the program."""

import os
from typing import NamedTuple

BATCH = 8
"""Children to reap at once: what follows from an end may take a while."""


class Ended(NamedTuple):
    """A child that has been reaped."""

    pid: int
    code: int | None
    signal: int | None
    cpu: float  # seconds
    max_rss: int | None  # bytes


def reap(limit: int) -> list[Ended]:
    """Reap what has ended, at most `limit` children; fewer than `limit` means that no other had ended."""
    ended: list[Ended] = []
    for _ in range(limit):
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        rss = usage.ru_maxrss * 1024
        ended.append(Ended(pid, code, None, cpu, rss) if code >= 0 else Ended(pid, None, -code, cpu, rss))
    return ended
