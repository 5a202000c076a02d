"""CPU and memory of the runs, measured here and not by minisup: of the visible programs, every two seconds.

One file of the system a run is read, `/proc/PID/stat`: with hundreds of runs anything more is what the screen costs.
"""

import os
import time
from collections.abc import Collection
from typing import Final, NamedTuple

from minisup.core.status import StatusDocument

EACH: Final = 2.0
"""Seconds between two measurements."""

TICK: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class ProcessSample(NamedTuple):
    """A process as it was: when it was started (in ticks since boot), its ticks of CPU so far, and when that was."""

    started: int
    ticks: int
    at: float


class Usage:
    """Knows the processes that it has seen before: a CPU share needs two looks. None everywhere if they are not ours.

    A daemon in another pid namespace (a container, seen from outside) has pids that mean other processes here.
    """

    def __init__(self, daemon: int, started: float) -> None:
        self._processes: dict[int, ProcessSample] = {}
        self._elsewhere = _elsewhere(daemon, started)

    def measure(self, snapshot: StatusDocument, visible: Collection[str]) -> dict[str, tuple[float, int]] | None:
        """CPU (1.0: one processor) and resident bytes by program, of runs in progress; None: cannot be known."""
        if self._elsewhere:
            return None
        found: dict[str, tuple[float, int]] = {}
        seen: dict[int, ProcessSample] = {}
        for program in snapshot["programs"]:
            if program["name"] in visible:
                pids = [slot["pid"] for slot in program["slots"] if slot["pid"]]
                measured = [self._look(pid, seen) for pid in pids]
                found[program["name"]] = (sum(cpu for cpu, _ in measured), sum(memory for _, memory in measured))
        self._processes = seen
        return found

    def _look(self, pid: int, seen: dict[int, ProcessSample]) -> tuple[float, int]:
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                fields = file.read().rpartition(b")")[2].split()
            now = seen[pid] = ProcessSample(int(fields[19]), int(fields[11]) + int(fields[12]), time.monotonic())
        except (OSError, IndexError):
            return 0.0, 0  # it has ended meanwhile
        before = self._processes.get(pid)
        memory = int(fields[21]) * PAGE
        if before is None or before.started != now.started or now.at <= before.at:
            return 0.0, memory
        return (now.ticks - before.ticks) / TICK / (now.at - before.at), memory


def _elsewhere(daemon: int, started: float) -> bool:
    """Whether the process of that number here is not the daemon: another pid namespace, or gone."""
    try:
        with open(f"/proc/{daemon}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:
            up = float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return True
    age = up - ticks / TICK
    return abs(age - started) > 5.0  # noqa: PLR2004 - between its start and its first second of uptime
