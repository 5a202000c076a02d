"""What the kernel says about processes, read from `/proc`."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path


def pids() -> Iterable[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def stat_of(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` from the state (field 3) on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    return (stat_of(pid) or ["X"])[0] not in "ZX"


def state_of(pid: int) -> str:
    return (stat_of(pid) or ["X"])[0]


def started_of(pid: int) -> str:
    """When the process started, in ticks since boot: with the pid it names a process for good."""
    return (stat_of(pid) or [""] * 20)[19]


def children_of(pid: int) -> list[int]:
    return [child for child in pids() if (fields := stat_of(child)) and int(fields[1]) == pid]


def session_of(pid: int) -> int:
    return int((stat_of(pid) or ["", "", "", "-1"])[3])


def cpu_of(pid: int) -> float:
    """CPU seconds that the process itself has used."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_of(pid: int) -> int:
    """Bytes of memory that the process holds."""
    return int(stat_of(pid)[21]) * os.sysconf("SC_PAGE_SIZE")


def descriptors_of(pid: int) -> int:
    """How many descriptors the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def wake_ups_of(pid: int) -> int:
    """How often the threads of the process have gone to sleep so far."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return sum(int(line.split()[1]) for line in lines)


def environ_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or another user's
        return b""


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def describe(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "gone"
