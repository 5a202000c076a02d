"""Takes MIB of memory, says so, and keeps it; as much in each of some children: `eat_memory.py MIB [CHILDREN]`.

Ignores TERM if IGNORE_TERM is set.
"""

import os
import signal
import sys

if os.environ.get("IGNORE_TERM"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
children = int(sys.argv[2]) if len(sys.argv) > 2 else 0
for _ in range(children):
    if os.fork() == 0:
        os.setpgid(0, 0)  # a group of its own, but the same session
        break
memory = bytearray(int(sys.argv[1]) << 20)
memory[::4096] = b"1" * len(memory[::4096])
os.write(1, b"eaten\n")
while True:
    signal.pause()
