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
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.contestants import Contestant, Order, Output

PATIENCE = 30.0
"""Seconds after which something that was expected has failed."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MINISUP_"))}
"""Python's own settings would change what is measured: PYTHONDONTWRITEBYTECODE makes each start compile all modules."""

RECORD = struct.Struct("=QQQ")


class TrialError(Exception):
    """A contestant did not do what it was asked to do."""


class Stamp(NamedTuple):
    """What a run says about itself: its slot, and its first and last moment in nanoseconds."""

    slot: int
    start: int
    end: int


class Trial:
    """Start a contestant with `with`; its process and its directory are gone afterwards."""

    def __init__(self, contestant: Contestant, programs: Path, slots: int, *, job: str, output: Output) -> None:
        self.contestant = contestant
        self.directory = Path(tempfile.mkdtemp(prefix="minisup-bench-"))
        self.facts = self.directory / "facts"
        mode, *arguments = job.split()
        self.facts.write_bytes(b"" if mode == "stamp" else bytes(8))
        command = (str(programs / "job"), mode, str(self.facts), *arguments)
        self.order = Order(self.directory, programs, slots, command, output)
        self.process: subprocess.Popen[bytes]
        self.began = 0

    def __enter__(self) -> Self:
        command = self.contestant.command(self.order)
        with (self.directory / "errors").open("wb") as errors:
            self.began = time.monotonic_ns()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self.directory,
                env=ENVIRONMENT,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
            if error and (text := (self.directory / "errors").read_text(errors="replace").strip()):
                sys.stderr.write(f"{self.contestant.name} said:\n{text[-2000:]}\n")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> float:
        """End the contestant with SIGTERM; returns how long that took, in seconds. Harmless when it has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise TrialError(f"{self.contestant.name} did not end within {PATIENCE:g} s") from None
        return time.monotonic() - began

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
        deadline = self.began + int(PATIENCE * 1e9)
        while (self.count() if self.facts.stat().st_size == 8 else len(self.stamps())) < runs:
            if time.monotonic_ns() > deadline or self.process.poll() is not None:
                raise TrialError(f"{self.contestant.name} did not start {runs} jobs within {PATIENCE:g} s")
            time.sleep(0.002)
        return (time.monotonic_ns() - self.began) / 1e9
