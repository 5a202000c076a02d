"""The machine: build the C programs on it, describe it, and read from /proc what processes have used."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
JOB = "job"


def build(directory: Path, *, dynamic: bool) -> None:
    """Compile `job` and `pool` into `directory`: static, unless asked otherwise or there is no static C library."""
    for name in (JOB, "pool"):
        command = ["gcc", "-O2", "-o", str(directory / name), str(HERE / f"{name}.c")]
        if dynamic or subprocess.run([*command, "-static"], check=False, stderr=subprocess.DEVNULL).returncode:
            subprocess.run(command, check=True)


def describe(python: str) -> str:
    """Say in one line what the numbers were measured on, and when."""
    cores = len(os.sched_getaffinity(0))
    today = datetime.now(UTC).date().isoformat()
    version = subprocess.run([python, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{cores} cores ({_processor()}), Linux {platform.release()}, {version}, {today}"


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used itself, without its children, in seconds; 0 when it is gone."""
    try:
        files = [task / "schedstat" for task in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9
    except (FileNotFoundError, ProcessLookupError):  # a kernel without schedstat tells hundredths of a second
        fields = stat(pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def memory(pids: Iterable[int]) -> tuple[float, float]:
    """Return PSS and RSS of some processes in MiB."""
    pss = rss = 0.0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        sizes = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith("kB")}
        pss, rss = pss + sizes["Pss:"], rss + sizes["Rss:"]
    return pss, rss


def highest(pids: Iterable[int]) -> float:
    """Return the highest RSS that each of some processes ever had, added up, in MiB."""
    return sum(_from_status(Path(f"/proc/{pid}"), "VmHWM") for pid in pids) / 1024


def wakeups(pids: Iterable[int]) -> int:
    """Return how often the threads of some processes have slept and woken."""
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(_from_status(task, "voluntary_ctxt_switches") for task in tasks)


def stat(pid: int) -> list[str]:
    """Return the fields of `/proc/PID/stat` from the state on; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(root: int) -> dict[int, str]:
    """Return the pids of a process and all that descend from it, with their start times."""
    everybody = {int(entry): stat(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
    children: dict[int, list[int]] = {}
    for pid, fields in everybody.items():
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    found, queue = {}, [root]
    while queue:
        pid = queue.pop()
        if fields := everybody.get(pid):
            found[pid] = fields[19]
            queue += children.get(pid, [])
    return found


def is_job(pid: int) -> bool:
    """Whether a process is a job, or gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == JOB
    except (FileNotFoundError, ProcessLookupError):
        return True


def _from_status(directory: Path, name: str) -> int:
    for line in (directory / "status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
