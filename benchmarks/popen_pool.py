"""What Python itself costs: `python popen_pool.py SLOTS COMMAND ARGUMENT...` keeps `subprocess.Popen` objects going."""

import os
import signal
import subprocess
import sys
from types import FrameType

command = sys.argv[2:]
environment = dict(os.environ)
slots: dict[int, int] = {}


def spawn(slot: int) -> None:
    """Start a run in `slot`."""
    environment["MINISUP_SLOT"] = str(slot)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
    process.returncode = 0  # the loop below does the waiting
    slots[process.pid] = slot


def end(_signal: int, _frame: FrameType | None) -> None:
    """End the children and leave."""
    for pid in slots:
        try:
            os.killpg(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    for _ in slots:
        try:
            os.wait()
        except ChildProcessError:
            break
    os._exit(0)


signal.signal(signal.SIGTERM, end)
for number in range(int(sys.argv[1])):
    spawn(number)
while True:
    pid, _ = os.wait()
    spawn(slots.pop(pid))
