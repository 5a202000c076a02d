"""The machine: build the C programs on it, describe it, and read from /proc what a process has used."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


def build(directory: Path, *, dynamic: bool) -> None:
    """Compile `job` and `pool` into `directory`: static, unless asked otherwise or there is no static C library."""
    for name in ("job", "pool"):
        command = ["gcc", "-O2", "-o", str(directory / name), str(HERE / f"{name}.c")]
        if dynamic or subprocess.run([*command, "-static"], check=False, stderr=subprocess.DEVNULL).returncode:
            subprocess.run(command, check=True)


def describe() -> str:
    """Say in one line what the numbers were measured on, and when."""
    cores = len(os.sched_getaffinity(0))
    today = datetime.now(UTC).date().isoformat()
    return f"{cores} cores ({_processor()}), Linux {platform.release()}, Python {platform.python_version()}, {today}"


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used itself, without its children, in seconds."""
    try:
        files = [task / "schedstat" for task in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9
    except FileNotFoundError:  # a kernel without schedstat: a hundredth of a second is what it tells
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """Return PSS and RSS of a process in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith("kB")}
    return sizes["Pss:"], sizes["Rss:"]


def wakeups(pid: int) -> int:
    """Return how often the threads of a process have slept and woken."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
