"""Stops each new child of a minisup in the moment in which it has become this user's, and until it has executed."""

import os
import signal
import sys

minisup, parent = sys.argv[1], os.getppid()
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
sys.stdout.write("ready\n")
sys.stdout.flush()
while os.getppid() == parent:  # it ends with the test, if not with its minisup
    try:
        with open(f"/proc/{minisup}/task/{minisup}/children") as file:
            children = file.read().split()
    except OSError:
        break
    for child in children:
        try:
            with open(f"/proc/{child}/cmdline", "rb") as file:
                fresh = b"minisup" in file.read()  # its command is still minisup's
            if fresh:
                os.kill(int(child), signal.SIGSTOP)
        except OSError:
            pass  # it is root's, still or again, or has ended
