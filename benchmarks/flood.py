"""The output of one child that prints lines of 100 bytes faster than anybody takes them."""

import os
import subprocess
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.contestants import MINISUP, Contestant, Output
from benchmarks.measure import Bench, scratch
from benchmarks.trial import PATIENCE, Stdout, Trial

RATE = 150
"""Megabytes for each second that a measurement is to last; the slowest contestants take a few times longer."""

ENDLESS = 100_000
"""Megabytes that nobody takes while we look."""

PREFIX = "job:0 | "
LINES = 10_000
"""In a megabyte."""


def to_file(bench: Bench, who: Contestant, *, prefix: bool) -> list[float]:
    """Return MB/s, CPU seconds a GB, and growth in MiB, when the output goes to a file in memory."""
    megabytes = round(RATE * bench.seconds)
    with scratch() as directory:
        file = Path(directory) / "current"  # as the loggers of s6 and runit call it
        file.touch()
        with _trial(bench, who, megabytes, prefix, subprocess.DEVNULL, file) as trial:
            before = _used(trial)
            trial.wait_until(lambda: file.stat().st_size >= _total(who, megabytes, prefix))
            return _since(before, trial, megabytes)


def to_stdout(bench: Bench, who: Contestant, *, prefix: bool) -> list[float]:
    """Return the same, when it goes to a pipe that somebody empties."""
    megabytes = round(RATE * bench.seconds)
    count = ["head", "-c", str(_total(who, megabytes, prefix))]
    with (
        subprocess.Popen(count, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader,
        _trial(bench, who, megabytes, prefix, reader.stdin) as trial,
    ):
        before = _used(trial)
        reader.wait(PATIENCE)
        return _since(before, trial, megabytes)


def stalled(bench: Bench, who: Contestant) -> float:
    """Return the growth in MiB while it goes to a pipe that nobody empties."""
    read_end, write_end = os.pipe()
    with (
        open(read_end, "rb") as reader,
        open(write_end, "wb") as stdout,
        _trial(bench, who, ENDLESS, True, stdout) as trial,
    ):
        stdout.close()
        _, before = _used(trial)
        time.sleep(0.3 + bench.seconds)
        grown = machine.highest(trial.own()) - before
        reader.close()  # or some would never end
        return grown


def _trial(
    bench: Bench, who: Contestant, megabytes: int, prefix: bool, stdout: Stdout, file: Path | None = None
) -> Trial:
    return bench.trial(who, 1, f"flood {megabytes}", stdout, output=Output.PIPED, prefix=prefix, file=file)


def _total(who: Contestant, megabytes: int, prefix: bool) -> int:
    return megabytes * LINES * (100 + (len(PREFIX) if prefix and who is MINISUP else 0))


def _used(trial: Trial) -> tuple[float, float]:
    """What has been used before the first line: CPU seconds, MiB."""
    trial.wait_for(1)
    return trial.cpu_seconds(), machine.memory(trial.own())[1]


def _since(before: tuple[float, float], trial: Trial, megabytes: int) -> list[float]:
    seconds = (time.monotonic_ns() - trial.stamps()[1].start) / 1e9
    cpu = trial.cpu_seconds() - before[0]
    return [megabytes / seconds, cpu / megabytes * 1000, machine.highest(trial.own()) - before[1]]
