"""What minisup itself does for a run, without processes: python -m benchmarks.inside [inherit|console|rules].

The start of a process, its end and the look for leftovers are replaced by nothing; all the rest is real, with
`console` also the pipes, a line of output and the history, with `rules` also the rules of preset laravel-once. The
least of many short rounds in microseconds a run, which hardly moves when the machine is busy; caches are warm, so in
life it is several times more (docs/explanation/performance.md).
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from minisup.config.load import load
from minisup.core.messages import Booted
from minisup.host.clock import Clock
from minisup.host.process import processes
from minisup.host.process.reap import Reaped
from minisup.host.signals import Signals
from minisup.host.start.spawn import Spawner
from minisup.host.supervisor import Supervisor

CONFIG = """
[supervisor]
socket = "{0}/socket"
state_dir = "{0}"
history = {{ {2} }}
[program.job]
command = "/bin/true"
numprocs = 8
min_runtime = 0
log = {{ to = "{1}" }}
{3}
"""
ROUNDS = 300
RUNS = 50
LINE = b"x" * 94 + b" DONE\n"


class Nobody(Spawner):
    """Starts nothing, and says that it did."""

    pid = 1 << 22  # above all that are real

    def spawn(
        self,
        _recipe: object,
        _run: int,
        _failures: int,
        stdout_fd: int,
        _stderr_fd: int,
        started: Callable[[int], None],
        *,
        stdin_fd: int | None = None,  # noqa: ARG002 -- as it is called
    ) -> int:
        self.pid += 1
        if stdout_fd > 2:
            os.write(stdout_fd, LINE)
        started(self.pid)
        return self.pid


def end_all(supervisor: Supervisor) -> None:
    """End `RUNS` runs, the oldest first; each starts the next in its slot."""
    for _ in range(RUNS):
        pid = next(iter(supervisor.running))
        slot, run = supervisor.running.pop(pid)
        supervisor.exits.ended(Reaped(pid, 0, None, 0.001, 1 << 20), slot, run)


def main(to: str) -> None:
    """Measure and print."""
    processes.group_lives = lambda _leader: False
    with tempfile.TemporaryDirectory(prefix="minisup-inside-") as directory:
        file = Path(directory) / "minisup.toml"
        history = "max_rows = 0" if to == "inherit" else ""
        rules = 'preset = "laravel-once"\nworked.output = "x"' if to == "rules" else ""
        file.write_text(CONFIG.format(directory, "console" if to == "rules" else to, history, rules))
        supervisor = Supervisor(load(file), Signals(), Clock(), exit_when_done=False, reread=lambda: load(file))
        supervisor.launcher.spawner = Nobody()
        supervisor.open()
        supervisor.feed(Booted(()))
        least = float("inf")
        for _ in range(ROUNDS):
            supervisor.loop.serve(supervisor.loop.wait(0.0), time.monotonic() + 1)
            began = time.perf_counter()
            end_all(supervisor)
            least = min(least, (time.perf_counter() - began) / RUNS)
    sys.stderr.write(f"{least * 1e6:.1f} microseconds a run, output {to}\n")


main(sys.argv[1] if len(sys.argv) > 1 else "inherit")
