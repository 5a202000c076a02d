"""Whose run asks: a request that waits must not wait for the end of whoever made it."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from minisup.host.process import processes

MOST_ANCESTORS: Final = 32
"""Processes between a caller and its run that are looked at."""

Runs = Mapping[int, tuple[str, int]]
"""Slot and run by the pid of the leader."""


def slot_of_caller(pid: int, running: Runs, left_by: Callable[[int], str]) -> str:
    """The slot whose run the process belongs to, or which has left it behind; empty: none's.

    It belongs to a run by its session, or by that of an ancestor: a run's children may make sessions of their own.
    `left_by` knows the slots of the sessions whose leader has ended.
    """
    for _ in range(MOST_ANCESTORS):
        seen = processes.stat(pid)
        if seen is None or pid in (1, os.getpid()):
            return ""
        if seen.session in running:
            return running[seen.session][0]
        if slot := left_by(seen.session):
            return slot
        pid = seen.ppid
    return ""
