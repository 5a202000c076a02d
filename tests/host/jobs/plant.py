"""A hostile user of the machine: plants links, second names and FIFOs where minisup keeps a log file, in a loop.

Arguments: the directory of the log, the log's name, a directory of root with a file `victim`, and the user's number,
which is taken here because a Python of root's may not be everybody's to start.
"""

import itertools
import os
import sys
from contextlib import suppress

LOGS, NAME, ROOTS, USER = sys.argv[1:]
NAMES = [NAME, f"{NAME}.1", f"{NAME}.2", f"{NAME}.1.gz", f"{NAME}.gz.tmp"]
HIDDEN = f"{LOGS}.hidden"


def replace(path: str, number: int) -> None:
    spare = f"{os.path.dirname(LOGS)}/spare"
    with suppress(OSError):
        os.unlink(spare)
    target = f"{ROOTS}/victim" if number % 2 else f"{ROOTS}/new"
    match number % 4:
        case 0 | 1:
            os.symlink(target, spare)
        case 2:
            os.link(f"{ROOTS}/victim", spare)
        case _:
            os.mkfifo(spare)
    os.rename(spare, path)


def swap_the_directory() -> None:
    os.rename(LOGS, HIDDEN)
    try:
        os.symlink(ROOTS, LOGS)
        os.unlink(LOGS)
    finally:
        os.rename(HIDDEN, LOGS)


os.setgroups([])
os.setgid(int(USER))
os.setuid(int(USER))
sys.stdout.write("ready\n")
sys.stdout.flush()
for number in itertools.count():
    with suppress(OSError):
        replace(f"{LOGS}/{NAMES[number % len(NAMES)]}", number // len(NAMES))
    with suppress(OSError):
        swap_the_directory()
    if number % 3 == 0:  # let the log be one now and then, so that it is rotated
        for name in NAMES:
            with suppress(OSError):
                if os.path.islink(f"{LOGS}/{name}") or number % 9 == 0:
                    os.unlink(f"{LOGS}/{name}")
