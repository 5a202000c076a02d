"""Run by a test: one minisup after another, each killed at a random moment.

    many_lives.py SEED KILLS IDS CONFIG...

Each is a fork of this process, which has imported everything, so that a life begins within milliseconds. One in four is
killed while it comes up, the others when some of their jobs have written to the file IDS. It prints the number of lives
that did not last until they were killed.
"""

import os
import random
import signal
import sys
import time

from minisup.cli.daemon.up import up
from minisup.config import load
from minisup.host import daemon

UNDER_LOAD = 0.15
"""Seconds at most from a life's first job to its end."""

COMING_UP = 0.1
"""Seconds at most of a life that ends before it has begun."""


def live(config):
    try:
        os._exit(up(config, None, [], exit_when_done=False))
    except BaseException as error:  # noqa: BLE001 - it must not go on as this process
        os.write(2, f"Traceback: {error!r}\n".encode())
    finally:
        os._exit(1)


def runs():
    """How many runs have begun, in all lives."""
    if not os.path.exists(ids):
        return 0
    with open(ids, "rb") as file:
        return file.read().count(b"\n")


def wait_for_runs(count):
    """However busy the machine is, a life has had some runs before it is killed. Bounded, in case it has none."""
    for _ in range(2000):
        if runs() >= count:
            return
        time.sleep(0.01)


seed, kills, ids, *configs = sys.argv[1:]
chance = random.Random(int(seed))
assert load.load
assert daemon.run
ended = 0
for _ in range(int(kills)):
    config = chance.choice(configs)
    comes_up, wanted = chance.random() < 0.25, runs() + chance.randrange(1, 12)
    pid = os.fork()
    if not pid:
        live(config)
    if not comes_up:
        wait_for_runs(wanted)
    time.sleep(chance.random() * (COMING_UP if comes_up else UNDER_LOAD))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    ended += status != signal.SIGKILL
print(ended)  # noqa: T201 - what the test reads
