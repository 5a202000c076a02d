"""minisup's end of a receiver's socket, driven by a test: says its words, and notes what the receiver says."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from kit import SOON, Stage

from minisup.receivers import protocol
from minisup.receivers.protocol import Connected, Lines, Lost, Message, Said, Settled, Stopped, Trouble, Waiting

START = (sys.executable, "-I", "-m", "minisup.receivers")


class Receiving:
    """One receiver and what it has said. `settings` are its first line."""

    def __init__(
        self,
        stage: Stage,
        settings: Mapping[str, Any],
        *,
        known: Mapping[str, str] | None = None,
        command: tuple[str, ...] = START,
        env: Mapping[str, str] | None = None,
        before: tuple[str, ...] = (),
        **popen: Any,
    ) -> None:
        self.said: list[Said] = []
        self._lines = Lines()
        self.closed = False
        self.socket, childs = socket.socketpair()
        log = stage.path("receivers.log").open("ab")
        with childs, log:
            self.process = stage.popen((*before, *command), env=env, stdin=childs, stdout=childs, stderr=log, **popen)
        self.socket.setblocking(False)
        self.tell(protocol.source(settings) + protocol.known(known or {}))

    def tell(self, lines: bytes) -> None:
        self.socket.setblocking(True)
        self.socket.sendall(lines)
        self.socket.setblocking(False)

    def credit(self, messages: int) -> None:
        self.tell(protocol.credit(messages, len(self.messages)))

    def read(self) -> None:
        try:
            while data := self.socket.recv(1 << 16):
                self.said += map(protocol.said, self._lines.feed(data))
            self.closed = True
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.closed = True

    def until(self, predicate: Callable[[], Any], what: str, limit: float = SOON) -> Any:
        deadline = time.monotonic() + limit
        while True:
            self.read()
            if found := predicate():
                return found
            assert time.monotonic() < deadline, f"not within {limit} s: {what}; it said {self.said[-10:]}"
            time.sleep(0.002)

    @property
    def messages(self) -> list[Message]:
        return [one for one in self.said if isinstance(one, Message)]

    @property
    def settled(self) -> list[str]:
        return [which for one in self.said if isinstance(one, Settled) for which in one.ids]

    @property
    def lost(self) -> list[str]:
        return [one.id for one in self.said if isinstance(one, Lost)]

    @property
    def troubles(self) -> list[str]:
        return [one.words for one in self.said if isinstance(one, Trouble)]

    @property
    def waiting(self) -> int | None:
        return next((one.messages for one in reversed(self.said) if isinstance(one, Waiting)), None)

    def take(self, count: int = 1, limit: float = SOON) -> list[Message]:
        """The next messages, with credit for so many."""
        before = len(self.messages)
        self.credit(count)
        self.until(lambda: len(self.messages) >= before + count, f"{count} messages", limit)
        return self.messages[before:]

    def ready(self) -> "Receiving":
        self.until(lambda: any(isinstance(one, Connected) for one in self.said), "it has seen the queue")
        return self

    def until_lost(self, which: str) -> None:
        self.until(lambda: which in self.lost, f"{which} is lost")

    def ack(self, *ids: str) -> None:
        self._until_answered(protocol.ack(ids), *ids)

    def give_back(self, which: str, delay: float = 0.0) -> None:
        self._until_answered(protocol.give_back(which, delay), which)

    def reject(self, which: str, reason: str) -> None:
        self._until_answered(protocol.reject(which, reason), which)

    def _until_answered(self, line: bytes, *ids: str) -> None:
        self.read()
        before = {which: self.settled.count(which) for which in ids}
        self.tell(line)
        self.until(lambda: all(self.settled.count(which) > before[which] for which in ids), f"{ids} are settled")

    def stop(self, seconds: float) -> None:
        self.tell(protocol.stop(seconds))
        self.until(lambda: any(isinstance(one, Stopped) for one in self.said), "it has stopped", seconds + SOON)

    def end(self, limit: float = SOON) -> int:
        """Close the socket; its exit code."""
        self.socket.close()
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the receiver did not end within {limit} s after its socket") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.close()

    def receipts(self) -> dict[str, str]:
        """Of what is not settled."""
        gone = {*self.settled, *self.lost}
        return {one.id: one.receipt for one in self.messages if one.id not in gone}

    def pss(self) -> float:
        """MiB."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def raw(line: object) -> bytes:
    return json.dumps(line).encode() + b"\n"
