"""What the idle waits cost and save: python -m benchmarks.polls [--real]

Simulated, in virtual time: half an hour of messages that arrive at random, jobs of 0.3 s, and polls of an empty queue
that take 0.3 s too (what a PHP application needs to boot). Three policies: no idle rule with the default min_runtime
= 1s, no idle rule with min_runtime = 0, and an idle rule with min_runtime = 0, as a preset has it. The delay is from
the arrival of a message to the start of the run that takes it. The same seed gives the same table.

--real: real processes, 20 slots of a shell script that takes a file from a directory: polls/s of an empty queue
without and with an idle rule, and the delays of messages that come one by one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from math import inf
from pathlib import Path
from random import Random

from minisup.core.model import Idle, Outcome, Policy
from minisup.sim.jobs import Job, Queue
from minisup.sim.world import World

sys.path.append(str(Path(__file__).parents[1] / "tests" / "tools"))

from sim_totals import report

SPAN = 1800.0
SETTLED = 120.0
"""Seconds after which the ladder has been climbed: the rates are of the time after it."""
RATES = (0.0, 0.1, 1.0, 5.0)
SLOTS = (20, 50)
TAKES = 0.3
POLICIES = {
    "no rule, 1s": (1.0, None),
    "no rule, 0": (0.0, None),
    "idle rule, 0": (0.0, Outcome.IDLE),
}


class Arrivals(Queue):
    """A queue that knows how long each message waited."""

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        chance, when = Random(seed), 0.0
        self._coming: deque[float] = deque()
        while rate and (when := when + chance.expovariate(rate)) < SPAN:
            self._coming.append(when)
        self.delays: list[float] = []

    def pop(self, now: float, _chance: Random) -> bool:
        """Take the message that has waited the longest."""
        if not self._coming or self._coming[0] > now:
            return False
        self.delays.append(now - self._coming.popleft())
        return True


def measure(
    slots: int, rate: float, min_runtime: float, says: Outcome | None, seed: int = 1
) -> tuple[float, list[float]]:
    """Polls a second (all starts, whatever they find) and the delays, in order."""
    queue = Arrivals(rate, seed)
    job = Job(lasts=TAKES, idle_lasts=TAKES, idle_code=0, idle_says=says, queue=queue)
    policy = Policy(name="email", numprocs=slots, min_runtime=min_runtime, idle=Idle())
    world = World([policy], {"email": job}, seed=seed)
    world.boot()
    world.run(SPAN)
    return report(world.trace, "email", SETTLED, SPAN).polls_a_second, sorted(queue.delays)


def percentile(values: list[float], share: float) -> float:
    """The value of which `share` of the others are below."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else inf


def table() -> str:
    """All of it, as the documentation shows it."""
    rows = ["| messages/s | slots | policy | polls/s | delay p50 | p95 | most |", "|---|---|---|---|---|---|---|"]
    for rate in RATES:
        for slots in SLOTS:
            for name, (min_runtime, says) in POLICIES.items():
                polls, delays = measure(slots, rate, min_runtime, says)
                rows.append(f"| {rate:g} | {slots} | {name} | {polls:.1f} | {' | '.join(seconds(delays))} |")
    return "\n".join(rows)


def seconds(delays: list[float]) -> list[str]:
    """p50, p95 and the longest."""
    if not delays:
        return ["-"] * 3
    return [f"{value:.2f} s" for value in (percentile(delays, 0.5), percentile(delays, 0.95), delays[-1])]


# --- real processes ---------------------------------------------------------------------------------------------------

SCRIPT = """\
for f in queue/*; do
    if mv "$f" taken/ 2>/dev/null; then
        echo "took ${f#queue/} $(date +%s.%N)"; sleep 0.3; exit 0
    fi
done
"""
CONFIG = """
[supervisor]
socket = "{0}/socket"
state_dir = "{0}/state"
[program.email]
command = ["sh", "job.sh"]
directory = "{0}"
numprocs = 20
{1}
"""
REAL_SPAN = 30.0
BEFORE, AFTER = "", 'min_runtime = 0\nidle.unless_output = "^took "'


def real(keys: str, *, messages: int) -> tuple[float, list[float]]:
    """Polls a second of an empty queue after the ladder was climbed, then the delays of messages, one every 2 s."""
    with tempfile.TemporaryDirectory(prefix="minisup-polls-") as name:
        top = Path(name)
        (top / "queue").mkdir()
        (top / "taken").mkdir()
        (top / "job.sh").write_text(SCRIPT)
        (top / "minisup.toml").write_text(CONFIG.format(name, keys))
        with (top / "out").open("wb") as out:
            command = [sys.executable, "-m", "minisup", "up", "-c", str(top / "minisup.toml")]
            daemon = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        try:
            time.sleep(REAL_SPAN)
            before = total(top)
            time.sleep(REAL_SPAN)
            polls = (total(top) - before) / REAL_SPAN
            for _ in range(messages):
                (top / "queue" / f"{time.time():.6f}").touch()
                time.sleep(2.0)
            time.sleep(21.0)
        finally:
            daemon.terminate()
            daemon.wait(30)
        took = [line.split()[-2:] for line in (top / "out").read_text().splitlines() if " took " in line]
        return polls, sorted(float(start) - float(sent) for sent, start in took)


def total(top: Path) -> int:
    """How many runs have ended."""
    command = [sys.executable, "-m", "minisup", "-s", str(top / "socket"), "status", "--json"]
    said = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "NO_COLOR": "1"}).stdout
    return json.loads(said)["programs"][0]["runs"]["total"]


def main() -> None:
    """Measure and print."""
    if "--real" not in sys.argv:
        print(table())
        return
    for name, keys, messages in (("no rule, 1s", BEFORE, 15), ("idle rule, 0", AFTER, 15)):
        polls, delays = real(keys, messages=messages)
        times = ", ".join(seconds(delays))
        print(f"{name}: 20 slots poll an empty queue {polls:.1f} times a second")
        print(f"    {len(delays)} messages wait (p50, p95, most) {times}")


if __name__ == "__main__":
    main()
