"""Where a run's time goes in the supervisor: python -m benchmarks.where [SLOTS [SECONDS]].

Keeps `/bin/true` going with inherited output and divides the wall time by run: inside the call that starts the process
(blocked in vfork until the child has executed its command), waiting for something to happen, and all the rest.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from minisup.config.load import load
from minisup.host import daemon
from minisup.host.loop import Loop
from minisup.host.signals import prepare
from minisup.host.start.spawn import Spawner
from minisup.host.time_slice import ask_for_short_slice

CONFIG = """
[supervisor]
socket = "{0}/socket"
state_dir = "{0}"
[program.job]
command = "/bin/true"
numprocs = {1}
min_runtime = 0
log = {{ to = "inherit" }}
"""


class Stopwatch:
    """Seconds spent in a function, and how often."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds, self.calls = 0.0, 0
        setattr(owner, name, self.timed(getattr(owner, name)))

    def timed(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return the function with its time taken."""

        def call(*arguments: object, **keywords: object) -> object:
            began = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                self.seconds += time.perf_counter() - began
                self.calls += 1

        return call


def main(slots: int, seconds: float) -> None:
    """Run for `seconds` and print microseconds a run."""
    signals = prepare()
    ask_for_short_slice()
    spawning, waiting = Stopwatch(Spawner, "spawn"), Stopwatch(Loop, "wait")
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with tempfile.TemporaryDirectory(prefix="minisup-where-") as directory:
        file = Path(directory) / "minisup.toml"
        file.write_text(CONFIG.format(directory, slots))
        began = time.perf_counter()
        daemon.run(load(file), (), exit_when_done=False, signals=signals)
        total = time.perf_counter() - began
    runs = spawning.calls
    print(f"{slots} slots: {runs / total:.0f} runs/s; microseconds a run: {total / runs * 1e6:.0f} in all")
    print(f"  {spawning.seconds / runs * 1e6:4.0f} starting the process, blocked until it has executed its command")
    print(f"  {waiting.seconds / runs * 1e6:4.0f} waiting for something to happen, {waiting.calls / runs:.2f} times")
    print(f"  {(total - spawning.seconds - waiting.seconds) / runs * 1e6:4.0f} all the rest: reap, decide, record")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 8, float(sys.argv[2]) if len(sys.argv) > 2 else 3.0)
