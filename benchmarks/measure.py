"""The measurements. Each runs one contestant once, for a bounded time, and returns a number or a list of numbers."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.contestants import MINISUP, SUPERVISORD, Contestant, Output, installed
from benchmarks.trial import ENVIRONMENT, Trial, TrialError

WARM_UP = 0.3
"""Seconds between the first run and the measurement."""


@dataclass(frozen=True)
class Bench:
    """Where the compiled programs are, and how long a measurement takes, in seconds."""

    programs: Path
    seconds: float

    def trial(self, contestant: Contestant, slots: int, job: str, output: Output = Output.INHERIT) -> Trial:
        """Return a contestant that is ready to be started."""
        return Trial(contestant, self.programs, slots, job=job, output=output)


def runs_per_second(bench: Bench, who: Contestant, slots: int, output: Output) -> float:
    """Return the rate at which instant jobs are run."""
    with bench.trial(who, slots, "count" if output is Output.INHERIT else "print", output) as trial:
        trial.wait_for(1)
        time.sleep(WARM_UP)
        runs, began = trial.count(), time.monotonic()
        time.sleep(bench.seconds)
        return (trial.count() - runs) / (time.monotonic() - began)


def gaps(bench: Bench, who: Contestant, slots: int) -> list[float]:
    """Return the milliseconds between the end of each run and the start of the next in its slot, jobs of 50 ms."""
    with bench.trial(who, slots, "stamp 50") as trial:
        trial.wait_for(1)
        time.sleep(WARM_UP + bench.seconds)
        trial.stop()
        last: dict[int, int] = {}
        found = []
        for stamp in trial.stamps():
            if stamp.slot in last:
                found.append((stamp.start - last[stamp.slot]) / 1e6)
            last[stamp.slot] = stamp.end
        return found


def cpu_per_run(bench: Bench, who: Contestant, output: Output) -> float:
    """Return the supervisor's own processor time a run in milliseconds: 8 slots, jobs of 20 ms."""
    job = "work 20" if output is Output.INHERIT else "print 20"
    with bench.trial(who, 8, job, output) as trial:
        trial.wait_for(8)
        time.sleep(WARM_UP)
        runs, used = trial.count(), machine.cpu_seconds(trial.process.pid)
        time.sleep(bench.seconds)
        return (machine.cpu_seconds(trial.process.pid) - used) / max(1, trial.count() - runs) * 1000


def memory(bench: Bench, who: Contestant, slots: int) -> list[float]:
    """Return PSS and RSS of the supervisor, in MiB, with so many sleeping children."""
    with bench.trial(who, slots, "wait") as trial:
        trial.wait_for(slots)
        time.sleep(WARM_UP)
        return list(machine.memory(trial.process.pid))


def first_exec(bench: Bench, who: Contestant) -> float:
    """Return the milliseconds from the start of the supervisor to the first instruction of a job: median of 5."""
    times = []
    for _ in range(5):
        with bench.trial(who, 1, "stamp") as trial:
            trial.wait_for(1)
            times.append((trial.stamps()[0].start - trial.began) / 1e6)
    return median(times)


def thousand(bench: Bench, who: Contestant) -> list[float]:
    """Return, for 1,000 sleeping children: seconds to start all, wake-ups a second, PSS in MiB, seconds to stop all."""
    with bench.trial(who, 1000, "wait") as trial:
        up = trial.wait_for(1000)
        time.sleep(2)
        pid = trial.process.pid
        woken = machine.wakeups(pid)
        time.sleep(bench.seconds)
        woken = machine.wakeups(pid) - woken
        pss = machine.memory(pid)[0]
        return [up, woken / bench.seconds, pss, trial.stop()]


def latency(bench: Bench, who: Contestant, words: tuple[str, ...]) -> float:
    """Return the milliseconds that a command of `who` takes, from its start to its end, with 8 children up."""
    with bench.trial(who, 8, "wait") as trial:
        trial.wait_for(8)
        command = _asking(who, trial, words)
        environment = dict(ENVIRONMENT, MINISUP_SOCKET=str(trial.directory / "socket"))
        times = []
        for _ in range(max(3, int(bench.seconds * 4))):
            began = time.monotonic()
            done = subprocess.run(command, env=environment, check=False, capture_output=True)
            times.append((time.monotonic() - began) * 1000)
            if done.returncode:
                raise TrialError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode().strip()}")
        return median(times)


def _asking(who: Contestant, trial: Trial, words: tuple[str, ...]) -> list[str]:
    if who is MINISUP:
        return [installed("minisup"), *words]
    assert who is SUPERVISORD
    return [installed("supervisorctl"), "-c", str(trial.directory / "supervisord.conf"), *words]
