"""Limits that this minisup may not set: known when the configuration is read, so said there and not at each start."""

import os
import resource
from typing import Final, NamedTuple

from minisup.config.keys.tables import Limits

_CAP_SYS_NICE: Final = 23
_CAP_SYS_RESOURCE: Final = 24
_LOWEST: Final = 20  # RLIMIT_NICE counts down from it


class Rights(NamedTuple):
    """What a process may ask for: the lowest nice value, and the most open files; its own values for the words."""

    lowest_nice: int
    nice: int
    most_files: int


def our_rights() -> Rights:
    """What minisup itself may set, and so what it can give to its children. Where the system does not say: all."""
    capabilities = _capabilities()
    try:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        floor = min(nice, _LOWEST - resource.getrlimit(resource.RLIMIT_NICE)[0])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    except OSError:  # a filter of system calls: the start of a run will tell
        return Rights(-_LOWEST, 0, 2**31)
    return Rights(
        -_LOWEST if capabilities >> _CAP_SYS_NICE & 1 else floor,
        nice,
        2**31 if capabilities >> _CAP_SYS_RESOURCE & 1 or hard == resource.RLIM_INFINITY else hard,
    )


def refused(limits: Limits, rights: Rights) -> list[tuple[str, str]]:
    """The keys of `limits` that these rights do not allow, each with the reason."""
    found: list[tuple[str, str]] = []
    files, nice = limits.nofile, limits.nice
    if files is not None and files > rights.most_files:
        words = f"{files} is above minisup's own hard limit {rights.most_files}; raise that where minisup is started"
        found.append(("nofile", words))
    if nice is not None and nice < rights.lowest_nice:
        words = f"{nice} is before minisup's own priority {rights.nice}, which needs root or CAP_SYS_NICE"
        found.append(("nice", words))
    return found


def _capabilities() -> int:
    """The effective capabilities of this process as bits; all of them if the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return -1
