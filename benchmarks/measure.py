"""The measurements. Each runs one contestant once, for a bounded time, and returns a number or a list of numbers."""

import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.contestants import MINISUP, Contestant, Order, Output, minisup
from benchmarks.trial import ENVIRONMENT, Stdout, Trial, TrialError

WARM_UP = 0.3
"""Seconds between the first run and the measurement."""


@dataclass(frozen=True)
class Bench:
    """Where the compiled programs are, how long a measurement takes, in seconds, and whose Python runs minisup."""

    programs: Path
    seconds: float
    python: str

    def trial(
        self, contestant: Contestant, slots: int, job: str, stdout: Stdout = subprocess.DEVNULL, **more: object
    ) -> Trial:
        """Return a contestant that is ready to be started; `more` are fields of the order."""
        order = Order(self.programs, self.programs, slots, tuple(job.split()), python=self.python, **more)
        return Trial.fresh(contestant, order, stdout)


def runs_per_second(bench: Bench, who: Contestant, slots: int, output: Output, user: str = "") -> float:
    """Return the rate at which instant jobs are run."""
    job = "count" if output is Output.INHERIT else "print"
    with bench.trial(who, slots, job, output=output, user=user) as trial:
        trial.wait_for(1)
        time.sleep(WARM_UP)
        runs, began = trial.count(), time.monotonic()
        time.sleep(bench.seconds)
        return (trial.count() - runs) / (time.monotonic() - began)


def gaps(bench: Bench, who: Contestant, slots: int) -> list[float]:
    """Return the milliseconds between the end of each run and the start of the next in its slot, jobs of 50 ms."""
    with bench.trial(who, slots, "stamp 50") as trial:
        trial.wait_for(slots)
        time.sleep(WARM_UP + max(bench.seconds, 1.2))  # some start once a second
        with suppress(TrialError):  # who does not end in time is killed: what was stamped counts
            trial.stop()
        last: dict[int, int] = {}
        found = []
        for stamp in trial.stamps():
            if stamp.slot in last:
                found.append((stamp.start - last[stamp.slot]) / 1e6)
            last[stamp.slot] = stamp.end
        if not found:
            raise TrialError(f"{who.name} started nothing again")
        return found


def cpu_per_run(bench: Bench, who: Contestant, output: Output) -> float:
    """Return the supervisor's own processor time a run in milliseconds: 8 slots, jobs of 20 ms."""
    job = "work 20" if output is Output.INHERIT else "print 20"
    with bench.trial(who, 8, job, output=output) as trial:
        trial.wait_for(8)
        time.sleep(WARM_UP)
        runs, used = trial.count(), trial.cpu_seconds()
        time.sleep(bench.seconds)
        return (trial.cpu_seconds() - used) / max(1, trial.count() - runs) * 1000


def memory(bench: Bench, who: Contestant, slots: int) -> list[float]:
    """Return PSS and RSS of the supervisor, in MiB, with so many sleeping children."""
    with bench.trial(who, slots, "wait") as trial:
        trial.wait_for(slots)
        time.sleep(WARM_UP)
        return list(machine.memory(trial.own()))


def first_exec(bench: Bench, who: Contestant) -> float:
    """Return the milliseconds from the start of the supervisor to the first instruction of a job: median of 3."""
    times = []
    for _ in range(3):
        with bench.trial(who, 1, "stamp") as trial:
            trial.wait_for(1)
            times.append((trial.stamps()[0].start - trial.began) / 1e6)
    return median(times)


def thousand(bench: Bench, who: Contestant) -> list[float]:
    """Return, for 1,000 sleeping children: seconds to start all, wake-ups a second, PSS in MiB, seconds to stop all."""
    with bench.trial(who, 1000, "wait") as trial:
        up = trial.wait_for(1000)
        time.sleep(2)
        own = trial.own()
        woken = machine.wakeups(own)
        time.sleep(bench.seconds)
        woken = machine.wakeups(own) - woken
        pss = machine.memory(own)[0]
        return [up, woken / bench.seconds, pss, trial.stop()]


def status(bench: Bench, who: Contestant) -> float:
    """Return the milliseconds that it takes to ask for the state of 8 children."""
    with bench.trial(who, 8, "wait") as trial:
        assert who.status
        return _time_of(bench, trial, who.status(trial.order))


def health(bench: Bench, who: Contestant) -> float:
    """Return the milliseconds that `minisup health` takes with 8 children."""
    assert who is MINISUP
    with bench.trial(who, 8, "wait") as trial:
        socket = str(trial.directory / "socket")
        return _time_of(bench, trial, minisup(bench.python, "health", "-s", socket))


def _time_of(bench: Bench, trial: Trial, command: list[str]) -> float:
    trial.wait_for(8)
    times = []
    for _ in range(max(3, int(bench.seconds * 4))):
        began = time.monotonic()
        done = subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True)
        times.append((time.monotonic() - began) * 1000)
        if done.returncode:
            raise TrialError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode().strip()}")
    return median(times)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a directory, in memory if that can be had: the disk is not what is measured."""
    return tempfile.TemporaryDirectory(prefix="minisup-bench-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
