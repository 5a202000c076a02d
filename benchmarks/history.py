"""The history at a million rows: python -m benchmarks.history [--rows N].

Writes a day of runs, of four programs, as minisup's thread does, then asks what people ask, each in a process of its
own from its start to its end: the least of five, in time and, because other work on the machine counts there, in CPU.
"""

import argparse
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contestants import installed
from benchmarks.trial import ENVIRONMENT
from minisup.core.messages import Record
from minisup.core.model import Outcome
from minisup.history.store import Retention
from minisup.history.writer import Scribe
from minisup.host.clock import Clock

BATCH = 750
"""Rows of a quarter of a second at 3,000 runs a second."""

PROGRAMS = ("email", "sms", "invoices", "push")
SLOTS = 8
DAY = 86400.0
REPEATS = 5

ASKED = (
    ("history -n 50", 0.3),
    ("history -n 50 email", 0.3),
    ("history -n 50 --failed", 0.3),
    ("history -n 50 --slower-than 1h", 0.5),
    ("report --since 24h", 2.0),
)
"""What is asked, and within how many seconds it is to be answered."""


def records(rows: int) -> Iterator[tuple[Record, bytes]]:
    """Return a day of runs: most work, some find nothing, few fail and have printed something."""
    chance = random.Random(1)
    begin = Clock.monotonic() - DAY
    for number in range(rows):
        luck = chance.random()
        outcome = Outcome.WORKED if luck < 0.93 else Outcome.IDLE if luck < 0.98 else Outcome.FAILED
        slot = f"{PROGRAMS[number % len(PROGRAMS)]}:{number // len(PROGRAMS) % SLOTS}"
        started = begin + number * DAY / rows
        code = {Outcome.WORKED: 0, Outcome.IDLE: 66}.get(outcome, 1)
        duration = chance.lognormvariate(-1.5, 0.6)
        failed = outcome is Outcome.FAILED
        record = Record(number + 1, slot, started, duration, outcome, code, None, 0.05, 1 << 20, int(failed), "")
        yield record, b"SQLSTATE[HY000] [2002] Connection refused\n" * 4 if failed else b""


def write(file: Path, rows: int) -> float:
    """Return the microseconds of processor time that a row costs the thread that writes it."""
    scribe = Scribe(str(file), Retention(30 * DAY, 10**9), Clock(), lambda sentence, _level: print(sentence))
    source = records(rows)
    used = 0.0
    while batch := [pair for _, pair in zip(range(BATCH), source, strict=False)]:
        began = time.process_time()
        scribe.write(batch, lambda: False)
        used += time.process_time() - began
    scribe.close()
    return used / rows * 1e6


def ask(directory: Path, words: str) -> tuple[float, float]:
    """Return the seconds that a command takes, and those of a processor."""
    command = [installed("minisup"), *words.split()]
    took, used = [], []
    for _ in range(REPEATS):
        began, before = time.monotonic(), processor_seconds()
        subprocess.run(command, cwd=directory, env=ENVIRONMENT, check=True, capture_output=True)
        took.append(time.monotonic() - began)
        used.append(processor_seconds() - before)
    return min(took), min(used)


def processor_seconds() -> float:
    """Return what all commands so far have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="rows of the history (a million)")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="minisup-history-") as name:
        directory = Path(name)
        config = f'[supervisor]\nsocket = "{name}/none"\nstate_dir = "{name}"\n[program.email]\ncommand = "true"\n'
        (directory / "minisup.toml").write_text(config)
        cost = write(directory / "history.db", rows)
        size = (directory / "history.db").stat().st_size
        print(f"{rows:,} rows: {cost:.1f} microseconds of CPU each, {size / 1e6:.0f} MB")
        for words, limit in ASKED:
            took, used = ask(directory, words)
            verdict = "" if took <= limit else "  NOT REACHED"
            print(f"  {took:5.2f} s, {used:.2f} s of CPU  minisup {words}  (to reach: {limit:g} s){verdict}")


if __name__ == "__main__":
    main()
