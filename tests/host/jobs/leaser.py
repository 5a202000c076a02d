"""Holds a lease on a file of its own: whoever executes it waits until the kernel takes the lease away (45 s)."""

import fcntl
import os
import signal
import sys
import time

os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = open(sys.argv[1], "r+b")  # noqa: SIM115 - it must stay open
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
sys.stdout.write("held\n")
sys.stdout.flush()
time.sleep(60)
