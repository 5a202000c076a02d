"""A hostile user of the machine: plants links, second names and FIFOs where minisup keeps a log file, in a loop.

Arguments: the directory of the log, the log's name, a directory of root with a file `victim`, and the user's number,
which is taken here because a Python of root's may not be everybody's to start.
"""

import itertools
import os
import sys
from contextlib import suppress

LOGS, NAME, ROOTS, USER = sys.argv[1:]
PARENT = os.getppid()
NAMES = [NAME, f"{NAME}.1", f"{NAME}.2", f"{NAME}.1.gz", f"{NAME}.gz.tmp"]


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


def swap_the_directory(number: int) -> None:
    """Let the directory be a link for a moment. What minisup makes in its place is moved away: it is not ours."""
    hidden = f"{LOGS}.{number}"
    os.rename(LOGS, hidden)
    with suppress(OSError):
        os.symlink(ROOTS, LOGS)
        os.unlink(LOGS)
    try:
        os.rename(hidden, LOGS)
    except OSError:
        os.rename(LOGS, f"{hidden}.made")
        os.rename(hidden, LOGS)


def own_the_directory(number: int) -> None:
    if os.path.islink(LOGS):
        os.unlink(LOGS)
    if os.path.isdir(LOGS) and os.lstat(LOGS).st_uid != int(USER):
        os.rename(LOGS, f"{LOGS}.{number}.theirs")
    if not os.path.isdir(LOGS):
        os.mkdir(LOGS)


os.setgroups([])
os.setgid(int(USER))
os.setuid(int(USER))
sys.stdout.write("ready\n")
sys.stdout.flush()
for number in itertools.takewhile(lambda _: os.getppid() == PARENT, itertools.count()):  # it ends with the test
    with suppress(OSError):
        replace(f"{LOGS}/{NAMES[number % len(NAMES)]}", number // len(NAMES))
    with suppress(OSError):
        swap_the_directory(number)
    with suppress(OSError):
        own_the_directory(number)
    if number % 3 == 0:  # let the log be one now and then, so that it is rotated
        for name in NAMES:
            with suppress(OSError):
                if os.path.islink(f"{LOGS}/{name}") or number % 9 == 0:
                    os.unlink(f"{LOGS}/{name}")
