"""minisup, with the simulator's teller listening to its core, and with the chance of its backoff taken away.

Arguments: the file that gets the lines, the share of its range that every random delay takes (0 to 1), by how much
everything is faster than in the scenario, then minisup's. The first line of the file is the instant of boot, monotonic.
"""

import random
import sys
from pathlib import Path

from minisup.core.fleet import Fleet
from minisup.core.life import launch, notices
from minisup.core.policy import shutdown
from minisup.host.watch import held_files

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from sim_telling import Teller

told = Path(sys.argv.pop(1)).open("w", buffering=1)  # noqa: SIM115 -- until the process ends
share = float(sys.argv.pop(1))
speed = float(sys.argv.pop(1))
teller = Teller()
step = Fleet.step
begun = None


def observed(fleet, event, now):
    """A step of the core, told."""
    global begun  # noqa: PLW0603 -- one minisup a process
    if begun is None:
        begun = now
        teller.follow(fleet)
        told.write(f"{now}\n")
    actions = step(fleet, event, now)
    teller.saw(now - begun, event, actions)
    if teller.lines:
        told.write("".join(f"{line}\n" for line in teller.lines))
        teller.lines.clear()
    return actions


Fleet.step = observed
for module, seconds in ((launch, "RECOVERY_SPREAD"), (shutdown, "LEVEL"), (notices, "EACH"), (held_files, "EACH")):
    setattr(module, seconds, getattr(module, seconds) / speed)  # what no configuration can change
random.uniform = lambda low, high: low + share * (high - low)

from minisup.__main__ import main  # noqa: E402 -- now it can be imported

sys.exit(main())
