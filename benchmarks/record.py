"""What the record of the runs in progress costs a run: python -m benchmarks.record.

Three notes a run (about to start, started, ended), by the mapping and by the system call that stands in for it.
"""

import tempfile
import time
from unittest import mock

from minisup.host.process import run_record

RUNS = 100_000
ROUNDS = 7


def microseconds(record: run_record.Running) -> float:
    """CPU time of the notes of one run; the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for run in range(RUNS):
            record.intend("email:0", run)
            record.started("email:0", 4711)
            record.ended("email:0")
        best = min(best, time.process_time() - began)
    return best / RUNS * 1e6


def main() -> None:
    """Measure both ways."""
    for name, in_place in (("mapped", True), ("by system call", False)):
        with (
            tempfile.TemporaryDirectory(prefix="minisup-record-") as directory,
            mock.patch.object(run_record, "overwrites_in_place", return_value=in_place),
        ):
            record = run_record.Running()
            record.open(directory, "state", [f"email:{number}" for number in range(8)])
            print(f"{name}: {microseconds(record):.2f} microseconds a run")


if __name__ == "__main__":
    main()
