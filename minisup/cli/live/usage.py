"""CPU and memory of the runs, measured here and not by minisup: of the visible programs, every two seconds."""

import os
from collections.abc import Collection, Mapping
from typing import Any, Final

EACH: Final = 2.0
"""Seconds between two measurements."""


class Usage:
    """Knows the processes that it has seen before: a CPU share needs two looks. None everywhere if they are not ours.

    A daemon in another pid namespace (a container, seen from outside) has pids that mean other processes here.
    """

    def __init__(self, daemon: int, started: float) -> None:
        self._processes: dict[int, Any] = {}
        self._psutil = None if _elsewhere(daemon, started) else _load()

    def measure(self, snapshot: Mapping[str, Any], visible: Collection[str]) -> dict[str, tuple[float, int]] | None:
        """CPU (1.0: one processor) and resident bytes by program, of runs in progress; None: cannot be known."""
        if self._psutil is None:
            return None
        found: dict[str, tuple[float, int]] = {}
        seen: dict[int, Any] = {}
        for program in snapshot["programs"]:
            if program["name"] in visible:
                pids = [slot["pid"] for slot in program["slots"] if slot["pid"]]
                measured = [self._look(pid, seen) for pid in pids]
                found[program["name"]] = (sum(cpu for cpu, _ in measured), sum(memory for _, memory in measured))
        self._processes = seen
        return found

    def _look(self, pid: int, seen: dict[int, Any]) -> tuple[float, int]:
        assert self._psutil is not None
        try:
            process = self._processes.get(pid) or self._psutil.Process(pid)
            seen[pid] = process
            with process.oneshot():
                return process.cpu_percent() / 100, process.memory_info().rss
        except self._psutil.Error:
            return 0.0, 0


def _load() -> Any:  # noqa: ANN401 - a module, or nothing
    try:
        import psutil  # noqa: PLC0415 - only a screen that is wide enough needs it
    except ImportError:
        return None
    return psutil


def _elsewhere(daemon: int, started: float) -> bool:
    """Whether the process of that number here is not the daemon: another pid namespace, or gone."""
    try:
        with open(f"/proc/{daemon}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:
            up = float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return True
    age = up - ticks / os.sysconf("SC_CLK_TCK")
    return abs(age - started) > 5.0  # noqa: PLR2004 - between its start and its first second of uptime
