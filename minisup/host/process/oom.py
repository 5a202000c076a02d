"""Tells a kill by the kernel's memory killer from any other SIGKILL: by the count that the cgroup keeps of them."""

from collections.abc import Iterable
from typing import Final

CGROUPS: Final = "/proc/self/cgroup"
MOUNT: Final = "/sys/fs/cgroup"


class OomKills:
    """The count of our cgroup, v2 or v1, and how much of it has been explained."""

    def __init__(self, cgroups: str = CGROUPS, mount: str = MOUNT) -> None:
        self._files = tuple(counters(_lines(cgroups), mount))
        self._explained = self._read()

    def took_one(self) -> bool:
        """To be asked when a run died of a SIGKILL that was not ours: whether memory was the reason.

        Each kill that the kernel has counted explains one death.
        """
        if self._read() <= self._explained:
            return False
        self._explained += 1
        return True

    def _read(self) -> int:
        for file in self._files:
            for line in _lines(file):
                name, _, count = line.partition(" ")
                if name == "oom_kill" and count.strip().isdigit():
                    return int(count)
        return 0


def counters(cgroups: Iterable[str], mount: str) -> Iterable[str]:
    """The files in which the count may be, for the lines of `/proc/self/cgroup` (see cgroups(7)).

    In a container the path is often that of the host and the files are at the root of the mount, so both are tried.
    """
    for line in cgroups:
        _, _, rest = line.strip().partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield f"{mount}{path.rstrip('/')}/memory.events"
            yield f"{mount}/memory.events"
        elif "memory" in controllers.split(","):
            yield f"{mount}/memory{path.rstrip('/')}/memory.oom_control"
            yield f"{mount}/memory/memory.oom_control"


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="ascii", errors="replace") as opened:
            return opened.readlines()
    except OSError:
        return []
