"""How a run gets its message: on its stdin, or in a file, with what is known about it in its environment.

A run that is started with its message reads it from sealed memory: the whole body, then the end; nothing to block on,
and it may seek. One that is ready reads from a pipe that the loop fills as far as it takes it, and before the first
byte finds the facts in `MINISUP_MESSAGE_META`. Both ends of that pipe stay open here until the run has ended: what is
left in it then was never read, and a child that does not read, reads late or closes its end harms nobody.
"""

import array
import fcntl
import json
import os
import shutil
import tempfile
import termios
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from minisup.host.loop import Loop
from minisup.receivers.protocol import Message

SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
MOST_ATTRIBUTES: Final = 1 << 15
"""Bytes of all attributes in an environment: below what the system takes for one entry, so each message can start."""

_AT_ONCE: Final = 1 << 16


PASSABLE: Final = 0o711
"""Whoever knows the name of a file may open it, if the file lets him; nobody sees which there are."""


class Places:
    """A directory for the files of messages: others may pass through it, nobody but minisup may write there."""

    def __init__(self) -> None:
        self._path = ""

    def file(self, name: str) -> str:
        """The path of a file of this name; OSError: the directory cannot be made."""
        if not os.path.isdir(self._path):  # the first one, or somebody tidies up
            above = "/run" if os.geteuid() == 0 and os.access("/run", os.W_OK) else None
            self._path = tempfile.mkdtemp(prefix="minisup-messages-", dir=above)
            os.chmod(self._path, PASSABLE)
        return f"{self._path}/{name}"

    def remove(self) -> None:
        """Minisup leaves: so do the files."""
        if self._path:
            shutil.rmtree(self._path, ignore_errors=True)


class ReadyRun:
    """The pipe of a run that waits for its message, or has it."""

    __slots__ = ("_body", "_loop", "_meta", "_reader", "_size", "_writer", "delivered")

    def __init__(self, loop: Loop, meta: str) -> None:
        self._loop = loop
        self._meta = meta
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._writer, False)
        self._body = memoryview(b"")
        self._size = 0
        self.delivered = False

    @property
    def stdin(self) -> int:
        """The end that the run reads."""
        return self._reader

    def deliver(self, message: Message, queue: str, owner: tuple[int, int] | None) -> None:
        """Write the facts, then the body, as far as it is taken. OSError: the facts cannot be written."""
        write_file(self._meta, json.dumps(facts(message, queue)).encode() + b"\n", owner)
        self.delivered = True
        self._body, self._size = memoryview(message.body), len(message.body)
        self._write()

    def fail(self) -> None:
        """Its message cannot be handed over: it reads the end of its stdin, and has read nothing of it."""
        self._hang_up()
        self._body, self._size = memoryview(b"?"), 1

    def close(self) -> bool:
        """The run has ended; whether it had a message and has read nothing of it."""
        unread = self._size > 0 and self._left() >= self._size
        self._hang_up()
        os.close(self._reader)
        if self.delivered:
            remove_file(self._meta)
        return unread

    def _left(self) -> int:
        """The bytes that nobody has read: those in the pipe, and those that did not fit."""
        size = array.array("i", [0])
        fcntl.ioctl(self._reader, termios.FIONREAD, size)
        return size[0] + len(self._body)

    def _write(self) -> None:
        while self._body:
            try:
                written = os.write(self._writer, self._body[:_AT_ONCE])
            except BlockingIOError:
                self._loop.on_writable(self._writer, self._write)
                return
            self._body = self._body[written:]
        self._hang_up()

    def _hang_up(self) -> None:
        if self._writer >= 0:
            self._loop.forget(self._writer)
            os.close(self._writer)
            self._writer = -1


def in_memory(body: bytes, owner: tuple[int, int] | None) -> int:
    """A descriptor from which the body is read, that nobody can change. Raises OSError."""
    fd = os.memfd_create("message", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.lseek(fd, 0, os.SEEK_SET)
        if owner is not None:
            os.fchown(fd, *owner)  # he may open it by name
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_file(path: str, content: bytes, owner: tuple[int, int] | None) -> None:
    """A file for its owner alone, whole from the first moment. Raises OSError."""
    new = f"{path}.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if owner is not None:
            os.fchown(fd, *owner)
    except BaseException:
        os.unlink(new)
        raise
    finally:
        os.close(fd)
    os.rename(new, path)


def remove_file(path: str) -> None:
    """Remove it if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass  # the run itself may have removed it


def facts(message: Message, queue: str) -> dict[str, object]:
    """What is known about a message beside its body."""
    return {
        "id": message.id,
        "receives": message.receives,
        "sent_at": None if message.sent is None else iso(message.sent),
        "queue": queue,
        "attributes": dict(message.attributes),
    }


def variables(message: Message, queue: str) -> list[bytes]:
    """The same for an environment."""
    made = [
        f"MINISUP_MESSAGE_ID={message.id}",
        f"MINISUP_MESSAGE_RECEIVES={message.receives}",
        f"MINISUP_MESSAGE_QUEUE={queue}",
    ]
    if message.sent is not None:
        made.append(f"MINISUP_MESSAGE_SENT_AT={iso(message.sent)}")
    room = MOST_ATTRIBUTES
    for name, value in variable_names(message.attributes).items():
        entry = f"MINISUP_MESSAGE_ATTR_{name}={value}"
        room -= len(entry.encode("utf-8", "replace"))
        if room >= 0:
            made.append(entry)
    return [entry.replace("\0", "").encode("utf-8", "replace") for entry in made]


def variable_names(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes by the end of the variable that tells them: what a shell does not take becomes `_`."""
    return {
        "".join(one if one.isascii() and one.isalnum() else "_" for one in name): attributes[name]
        for name in attributes
    }


def iso(seconds: float) -> str:
    """A time as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
