"""Executes a command for which the kernel refuses these system calls, as the filter of a container may.

`refusing.py CALL[,CALL...] COMMAND...`; on other machines than those of `NUMBERS` nothing is refused, and it exits 77.
"""

import ctypes
import os
import struct
import sys

NUMBERS = {
    "x86_64": {
        "getpriority": 140,
        "sched_getscheduler": 145,
        "sched_setattr": 314,
        "prlimit64": 302,
        "inotify_init1": 294,
        "inotify_add_watch": 254,
        "timerfd_create": 283,
        "pidfd_open": 434,
    },
    "aarch64": {
        "getpriority": 141,
        "sched_getscheduler": 120,
        "sched_setattr": 274,
        "prlimit64": 261,
        "inotify_init1": 26,
        "inotify_add_watch": 27,
        "timerfd_create": 85,
        "pidfd_open": 434,
    },
}

NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # EPERM


def main() -> None:
    """Set the filter and become the command."""
    known = NUMBERS.get(os.uname().machine)
    if known is None:
        sys.exit(77)
    calls = [known[name] for name in sys.argv[1].split(",")]
    steps = [(LOAD, 0, 0, 0)]
    steps += [(EQUAL, len(calls) - place, 0, number) for place, number in enumerate(calls)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
        sys.exit(77)
    os.execvp(sys.argv[2], sys.argv[2:])


main()
