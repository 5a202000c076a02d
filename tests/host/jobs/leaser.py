"""Holds a lease on a file of its own: whoever executes it waits until the kernel takes the lease away (45 s).

The lease is taken again as often as it is lost. It ends with the test.
"""

import fcntl
import os
import signal
import sys
from contextlib import suppress

PARENT = os.getppid()
AGAIN = 0.05
"""Seconds between two tries to have the lease again."""
NO_LEASES = 77
"""The exit code where the file system does not know them."""

os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
file = open(sys.argv[1], "r+b")  # noqa: SIM115 - it must stay open
try:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError:
    sys.exit(NO_LEASES)
sys.stdout.write("held\n")
sys.stdout.flush()
while os.getppid() == PARENT:
    signal.sigtimedwait({signal.SIGIO}, AGAIN)  # it comes when somebody asks for the file
    if fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_UNLCK:
        with suppress(OSError):  # somebody has it open
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
