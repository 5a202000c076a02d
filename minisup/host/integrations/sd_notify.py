"""What systemd is told (sd_notify): ready, stopping, how it goes, and, if it asked for it, that the loop is alive.

A datagram each, never waited for. The variables are taken out of the environment: they speak to minisup, and a job that
inherited them would speak for it. When there is nobody to tell, nothing is done and nothing wakes up.
"""

import errno
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

from minisup import narrate
from minisup.core import facts
from minisup.core.fleet import Fleet
from minisup.core.model import Seconds
from minisup.host.loop import Loop

STATUS_EACH: Final[Seconds] = 5.0
"""At least so long between two sentences about how it goes."""

AGAIN: Final[Seconds] = 0.5
"""When what a full queue did not take is sent again."""

NAMES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_MICRO: Final = 1_000_000
_STATUS: Final = "STATUS="
_READY: Final = "READY=1"
_RELOADING: Final = "RELOADING=1"
_MOST_NAMED: Final = 5
_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})


class SdNotifier:
    """The way to the service manager. `warn` is told, once, when there is none although one was named."""

    def __init__(
        self, loop: Loop, environ: MutableMapping[str, str], fleet: Fleet, warn: Callable[[str], None]
    ) -> None:
        self._address, every, meant = (environ.pop(name, "") for name in NAMES)
        self._loop = loop
        self._fleet = fleet
        self._warn = warn
        self._beat = beat(every, meant, os.getpid())
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        self._unsent: list[str] = []  # at most one of a kind
        self._waiting = False  # until systemd reads again
        self._stopping = False
        self._told = ""  # the last sentence
        self._told_at = 0.0
        self._due = False  # another sentence may be due soon

    def ready(self) -> None:
        """The socket is there and the first runs have been started."""
        if self._socket is not None:
            self._send(_READY)
            self._say(status(self._fleet))
            if self._beat:
                self._alive()

    def reloading(self) -> None:
        """The configuration is being read again. `Type=notify-reload` waits for this and for what follows."""
        if self._socket is not None:
            over = (_READY, _RELOADING)  # of an earlier reload: what follows says the same
            self._unsent = [text for text in self._unsent if not text.startswith(over)]
            self._send(f"{_RELOADING}\nMONOTONIC_USEC={self._loop.clock.monotonic() * _MICRO:.0f}")

    def ready_again(self) -> None:
        """The reload is over: another configuration counts, or the old one still does."""
        if self._socket is not None:
            self._send(_READY)

    def take(self, fact: object) -> None:
        """Something has happened that may change what there is to say."""
        if self._socket is None:
            return
        if isinstance(fact, facts.ShutdownStep):
            if not self._stopping:
                self._stopping = True
                self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={self._fleet.shutdown_timeout * _MICRO:.0f}")
            self._say(narrate.sentence(fact))
        elif not self._due and not self._stopping:
            self._due = True
            self._loop.at(self._told_at + STATUS_EACH, self._say_again)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say_again(self) -> None:
        self._due = False
        if not self._stopping:
            self._say(status(self._fleet))

    def _say(self, sentence: str) -> None:
        if sentence != self._told:
            self._told, self._told_at = sentence, self._loop.clock.monotonic()
            self._unsent = [text for text in self._unsent if not text.startswith(_STATUS)]  # it is out of date
            self._send(_STATUS + sentence)

    def _alive(self) -> None:
        if not self._unsent:  # else systemd hears of us as soon as it reads again
            self._send("WATCHDOG=1")
        self._loop.after(self._beat, self._alive)

    def _send(self, text: str) -> None:
        self._unsent.append(text)
        if not self._waiting:
            self._flush()

    def _flush(self) -> None:
        self._waiting = False
        while self._unsent and self._socket is not None:
            try:
                self._socket.sendto(self._unsent[0].encode(), socket.MSG_DONTWAIT, where(self._address))
            except OSError as error:
                if error.errno in _FULL:
                    self._waiting = True
                    self._loop.after(AGAIN, self._flush)
                    return
                self._warn(f"cannot notify {self._address}: {error.strerror or error}")
                self.close()
                return
            del self._unsent[0]


def where(address: str) -> bytes:
    """The address of a notification socket: a path, or an abstract name behind `@`. OSError: neither."""
    name = address.encode(errors="surrogateescape")
    if name[:1] == b"@":
        return b"\0" + name[1:]
    if name[:1] != b"/":
        raise OSError(errno.EAFNOSUPPORT, "only paths and abstract sockets are supported")
    return name


def beat(every: str, meant: str, pid: int) -> Seconds:
    """Seconds between two signs of life: half of what systemd waits; 0: it does not wait for ours."""
    if not every.isdigit() or meant not in ("", str(pid)):
        return 0.0
    return int(every) / _MICRO / 2


def status(fleet: Fleet) -> str:
    """How it goes, in a sentence: `3 programs, 7 slots; failing: sms`."""
    what = narrate.extent(len(fleet.programs), len(fleet.slots))
    ill = [
        name
        for name, program in fleet.programs.items()
        if program.failing.since is not None or program.failing.given_up
    ]
    if not ill:
        return f"{what}; all is well"
    more = f" and {len(ill) - _MOST_NAMED} more" if len(ill) > _MOST_NAMED else ""
    return f"{what}; failing: {', '.join(ill[:_MOST_NAMED])}{more}"
