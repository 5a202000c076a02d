"""Who reads minisup's stdout: stalls and goes on, and looks whether every line is whole and none is lost."""

import os
import random
import re
import threading

from kit import pause

HEAD = re.compile(rb"[a-z]+\d+:\d+ \| ")
DONE = re.compile(rb"[a-z]+\d+:\d+ \| done (\d+)")


class Reader(threading.Thread):
    """Reads a pipe to its end. `calm` ends the stalls."""

    def __init__(self, fd: int, chance: random.Random) -> None:
        super().__init__(name="reader", daemon=True)
        self.calm = threading.Event()
        self.done: set[str] = set()  # runs whose last line has come
        self.odd: list[bytes] = []
        self.bytes = 0
        self.stalls = 0
        self._fd = fd
        self._chance = chance

    def run(self) -> None:
        rest = b""
        while data := os.read(self._fd, 1 << 16):
            self.bytes += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(line)
            if not self.calm.is_set() and self._chance.random() < 0.01:
                self.stalls += 1
                self.calm.wait(self._chance.uniform(0.2, 2.0))
        if rest:
            self.odd.append(rest)
        os.close(self._fd)

    def _take(self, line: bytes) -> None:
        if found := DONE.fullmatch(line):
            self.done.add(found[1].decode())
        elif not HEAD.match(line) and len(self.odd) < 10:
            self.odd.append(line[:80])


def settle(reader: Reader) -> None:
    """Let what is on its way arrive."""
    reader.calm.set()
    pause(0.1)
