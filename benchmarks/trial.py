"""One contestant at work for a bounded time, and what can be observed of it from outside."""

import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from benchmarks import machine
from benchmarks.contestants import Contestant, Order

PATIENCE = 30.0
"""Seconds after which something that was expected has failed."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MINISUP_"))}
"""Python's own settings would change what is measured: PYTHONDONTWRITEBYTECODE makes each start compile all modules."""

RECORD = struct.Struct("=QQQ")


Stdout = int | IO[bytes] | None


class TrialError(Exception):
    """A contestant did not do what it was asked to do."""


class Stamp(NamedTuple):
    """What a run says about itself: its slot, and its first and last moment in nanoseconds."""

    slot: int
    start: int
    end: int


class Trial:
    """Start a contestant with `with`; its processes and its directory are gone afterwards.

    The job of the order is without its program and its file: `print 20`. `stdout` is the contestant's own.
    """

    def __init__(self, contestant: Contestant, order: Order, stdout: Stdout = subprocess.DEVNULL) -> None:
        self.contestant = contestant
        self.directory = order.directory
        self.facts = self.directory / "facts"
        mode, *arguments = order.job
        self._stamped = mode in {"stamp", "flood"}
        self.facts.write_bytes(b"" if self._stamped else bytes(8))
        self.order = replace(order, job=(str(order.programs / machine.JOB), mode, str(self.facts), *arguments))
        if order.user:  # whoever that is counts in the file, too
            self.facts.chmod(0o666)
            self.directory.chmod(0o755)
        self._stdout = stdout
        self.process: subprocess.Popen[bytes]
        self.began = 0

    @classmethod
    def fresh(cls, contestant: Contestant, order: Order, stdout: Stdout = subprocess.DEVNULL) -> Self:
        """Return a trial in a new directory."""
        directory = Path(tempfile.mkdtemp(prefix="minisup-bench-"))
        return cls(contestant, replace(order, directory=directory), stdout)

    def __enter__(self) -> Self:
        command = self.contestant.command(self.order)
        with (self.directory / "errors").open("wb") as errors:
            self.began = time.monotonic_ns()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._stdout,
                stderr=errors,
                cwd=self.directory,
                env=ENVIRONMENT,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                self.stop()
            except TrialError as unstoppable:  # what was measured is true all the same
                sys.stderr.write(f"{unstoppable}\n")
            if error and (text := (self.directory / "errors").read_text(errors="replace").strip()):
                sys.stderr.write(f"{self.contestant.name} said:\n{text[-2000:]}\n")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> float:
        """End the contestant; returns how long it took until all was gone, in seconds. Harmless when it has ended."""
        family = machine.descendants(self.process.pid) if self.contestant.family else {}
        began = time.monotonic()
        self.process.send_signal(self.contestant.stop)
        if self.contestant.stop_all:
            _signal(family, self.contestant.stop)
        try:
            self.process.wait(self.contestant.patience)
            gone = self._wait(lambda: not living(family))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            gone = False
        took = time.monotonic() - began
        if not gone:
            _signal(family, signal.SIGKILL)
            raise TrialError(f"{self.contestant.name} did not end within {self.contestant.patience:g} s")
        return took

    def own(self) -> list[int]:
        """Return the pids of the contestant's own processes: all that are not jobs."""
        if not self.contestant.family:
            return [self.process.pid]
        return [pid for pid in machine.descendants(self.process.pid) if not machine.is_job(pid)]

    def cpu_seconds(self) -> float:
        """Return the processor time that the contestant's own processes have used so far."""
        return sum(machine.cpu_seconds(pid) for pid in self.own())

    def count(self) -> int:
        """Return how many jobs have counted themselves."""
        with self.facts.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as counter:
            return int.from_bytes(counter[:8], sys.byteorder)

    def stamps(self) -> list[Stamp]:
        """Return what the runs have said about themselves, in the order in which they started."""
        data = self.facts.read_bytes()
        whole = len(data) - len(data) % RECORD.size
        return sorted((Stamp(*fields) for fields in RECORD.iter_unpack(data[:whole])), key=lambda stamp: stamp.start)

    def wait_for(self, runs: int) -> float:
        """Wait until so many jobs have counted or stamped themselves; returns seconds since the contestant began."""
        if not self._wait(lambda: (len(self.stamps()) if self._stamped else self.count()) >= runs):
            raise TrialError(f"{self.contestant.name} did not start {runs} jobs")
        return (time.monotonic_ns() - self.began) / 1e9

    def wait_until(self, predicate: Callable[[], bool]) -> None:
        """Wait for something that the contestant is to bring about."""
        if not self._wait(predicate):
            raise TrialError(f"{self.contestant.name} did not do in {PATIENCE:g} s what was expected")

    def _wait(self, predicate: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not predicate():
            dead = self.process.returncode is None and self.process.poll() is not None
            if time.monotonic() > deadline or (dead and not predicate()):
                return False
            time.sleep(0.002)
        return True


def living(family: dict[int, str]) -> list[int]:
    """Return those processes of a family that are still the same and more than zombies."""
    seen = ((pid, began, machine.stat(pid)) for pid, began in family.items())
    return [pid for pid, began, fields in seen if fields and fields[19] == began and fields[0] != "Z"]


def _signal(family: dict[int, str], number: signal.Signals) -> None:
    for pid in living(family):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
