"""Messages as files: what lies where, and how it moves. Every move is one rename, so only one of many can make it.

    DIR/new/NAME                      a message that nobody has had; names that begin with a dot are not looked at
    DIR/new/ID~RECEIVES~DUE/NAME      one that was given back; DUE: milliseconds since 1970, not to be taken before
    DIR/work/ID~RECEIVES~LEASE/NAME   in work; LEASE: milliseconds that may pass without a sign of life, which is the
                                      time of the directory's change
    DIR/failed/ID~RECEIVES~SINCE/NAME set aside, and beside it ID~RECEIVES~SINCE.reason

A message that was taken once lies in a directory of its own, its envelope: whatever its name is, nothing is ever
overwritten, and the name stays. `.attributes` in the envelope has the attributes as JSON.
"""

import errno
import json
import os
import stat
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from minisup.receivers.protocol import LONGEST_BODY

NEW: Final = b"new"
WORK: Final = b"work"
FAILED: Final = b"failed"
ATTRIBUTES: Final = b".attributes"
REASON: Final = b".reason"

_TOKEN: Final = 22
_HEX: Final = frozenset(b"0123456789abcdef")


class UnusableError(Exception):
    """A file is no message that could be given to anybody. The text says why."""


class Envelope(NamedTuple):
    """A directory with one message. `number`: milliseconds, of what depends on where it lies."""

    id: str
    receives: int
    number: int

    @property
    def name(self) -> bytes:
        """Of its directory."""
        return f"{self.id}~{self.receives}~{self.number}".encode()


class Found(NamedTuple):
    """What an envelope in work holds."""

    body: bytes
    sent: float
    attributes: Mapping[str, str]


def envelope_of(name: bytes) -> Envelope | None:
    """What the name of a directory says; None: it is none of ours."""
    which, *numbers = name.rsplit(b"~", 2)
    if len(numbers) != 2 or not is_id(which) or not all(part.isdigit() and len(part) < _TOKEN for part in numbers):  # noqa: PLR2004 - receives and number
        return None
    return Envelope(which.decode(), *map(int, numbers))


def is_id(name: bytes) -> bool:
    """Whether a name is an id as `fresh_id` makes them."""
    return len(name) == _TOKEN and _HEX.issuperset(name)


def fresh_id() -> str:
    """An id that nobody else has; those made later sort after it."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(5).hex()}"


def milliseconds(seconds: float) -> int:
    """Rounded up."""
    return -int(-seconds * 1000 // 1)


class Spool:
    """One directory with its `new`, `work` and `failed`. Every function may raise OSError."""

    def __init__(self, directory: str, failed: str | None = None) -> None:
        self.base = os.fsencode(directory)
        self.new, self.work = os.path.join(self.base, NEW), os.path.join(self.base, WORK)
        self.failed = os.fsencode(failed) if failed else os.path.join(self.base, FAILED)

    def begin(self) -> None:
        """Make what the directory lies in. At a start alone: what goes away later may be a disk that is not mounted."""
        os.makedirs(os.path.dirname(os.path.abspath(self.base)), exist_ok=True)

    def make(self) -> None:
        """Make the directories that are not there; what the first of them lies in must be."""
        for path in (self.base, self.new, self.work, self.failed):
            try:
                os.mkdir(path)
            except FileExistsError:
                continue
            self._own(path)

    def close(self) -> None:
        """Nothing is open."""

    # --- in -----------------------------------------------------------------------------------------------------------

    def push(self, body: bytes, attributes: Mapping[str, str], name: bytes = b"message") -> str:
        """Put a message in; returns its id. It appears whole, and is on the disk before."""
        which = fresh_id()
        fresh = os.path.join(self.new, b"." + which.encode())
        if not attributes:
            self._write(fresh, body)
            os.rename(fresh, os.path.join(self.new, which.encode()))
            return which
        os.mkdir(fresh)
        self._own(fresh)
        self._write(os.path.join(fresh, name), body)
        self._write(os.path.join(fresh, ATTRIBUTES), json.dumps(dict(attributes)).encode())
        os.rename(fresh, os.path.join(self.new, Envelope(which, 0, 0).name))
        return which

    def _write(self, path: bytes, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
        self._own(path)

    def _own(self, path: bytes) -> None:
        """What root makes belongs to whom the directory that it is made in belongs to."""
        if os.geteuid() == 0:
            around = os.stat(os.path.dirname(path))
            if around.st_uid:
                os.chown(path, around.st_uid, around.st_gid)

    # --- out ----------------------------------------------------------------------------------------------------------

    def take(self, name: bytes, lease: float) -> Envelope | None:
        """Move a message from `new` to `work`; None: somebody else has, or it is none."""
        at, number = os.path.join(self.new, name), milliseconds(lease)
        if returned := envelope_of(name):
            taken = Envelope(returned.id, returned.receives + 1, number)
            return taken if self._rename(at, os.path.join(self.work, taken.name), alive=True) else None
        try:
            if not stat.S_ISREG(os.lstat(at).st_mode):
                return None
        except FileNotFoundError:
            return None
        taken = self._envelope(name, number)
        place = os.path.join(self.work, taken.name)
        try:
            if self._rename(at, os.path.join(place, name)):
                return taken
        except OSError:
            os.rmdir(place)
            raise
        os.rmdir(place)
        return None

    def _envelope(self, name: bytes, number: int) -> Envelope:
        if is_id(name):
            made = Envelope(name.decode(), 1, number)
            try:
                os.mkdir(os.path.join(self.work, made.name))
            except FileExistsError:
                pass  # a name that was there before
            else:
                return made
        made = Envelope(fresh_id(), 1, number)
        os.mkdir(os.path.join(self.work, made.name))
        return made

    def open(self, taken: Envelope) -> Found:
        """The message. Raises UnusableError."""
        place = os.path.join(self.work, taken.name)
        names = _messages(place)
        if len(names) != 1:
            raise UnusableError(f"its directory has {len(names)} files")
        body, sent = _read(os.path.join(place, names[0]), LONGEST_BODY)
        attributes = {} if is_id(names[0]) else {"name": names[0].decode(errors="backslashreplace")}
        return Found(body, sent, {**attributes, **_attributes(os.path.join(place, ATTRIBUTES))})

    # --- in work ------------------------------------------------------------------------------------------------------

    def keep(self, taken: Envelope, lease: float) -> Envelope | None:
        """Give a sign of life, good for so long; returns the envelope as it is now, None: it is not there any more."""
        kept = taken._replace(number=milliseconds(lease))
        if kept != taken and not self._rename(os.path.join(self.work, taken.name), os.path.join(self.work, kept.name)):
            return None
        try:
            os.utime(os.path.join(self.work, kept.name))
        except FileNotFoundError:
            return None
        return kept

    def find(self, taken: Envelope) -> Envelope | None:
        """The same message in work, perhaps with another lease by now."""
        found = map(envelope_of, os.listdir(self.work))
        return next((one for one in found if one and one[:2] == taken[:2]), None)

    def ack(self, taken: Envelope) -> bool:
        """Remove it; false: it was not there."""
        place = os.path.join(self.work, taken.name)
        try:
            for name in _messages(place):
                os.unlink(os.path.join(place, name))
            _clear(place)
        except FileNotFoundError:
            return False
        return True

    def give_back(self, taken: Envelope, delay: float) -> bool:
        """Move it to `new`, not to be taken before `delay` seconds are over; false: it was not there."""
        due = milliseconds(time.time() + delay) if delay > 0 else 0
        place = Envelope(taken.id, taken.receives, due)
        return self._rename(os.path.join(self.work, taken.name), os.path.join(self.new, place.name))

    def reject(self, taken: Envelope, reason: str) -> bool:
        """Move it to `failed`, with the reason beside it if the disk has room; false: it was not there."""
        place = os.path.join(self.failed, Envelope(taken.id, taken.receives, time.time_ns() // 1_000_000).name)
        if not self._rename(os.path.join(self.work, taken.name), place):
            return False
        try:
            self._write(place + REASON, reason.encode(errors="replace") + b"\n")
        except OSError:
            pass
        return True

    def was_settled(self, taken: Envelope, place: bytes | None) -> bool:
        """Whether what is not in work any more was moved to this place, or (None) is nowhere: an earlier try worked."""
        if place is not None and _holds(place, f"{taken.id}~{taken.receives}~"):
            return True
        return not any(_holds(one, f"{taken.id}~") for one in (self.new, self.work, self.failed))

    def recover(self, dead: Envelope) -> bool:
        """Move what nobody gives a sign of life for to `new`; an envelope without a message is removed."""
        place = os.path.join(self.work, dead.name)
        try:
            if not _messages(place):
                _clear(place)
                return False
        except FileNotFoundError:
            return False
        return self.give_back(dead, 0.0)

    def redrive(self) -> int:
        """Bring back what was set aside, as if it had never been received; returns how many."""
        brought = 0
        for name in sorted(os.listdir(self.failed)):
            found = envelope_of(name)
            at = os.path.join(self.failed, name)
            if found and self._rename(at, os.path.join(self.new, Envelope(found.id, 0, 0).name)):
                brought += 1
                try:
                    os.unlink(at + REASON)
                except FileNotFoundError:
                    pass
        return brought

    def waiting(self) -> int:
        """How many messages could be taken now."""
        now = time.time() * 1000
        found = (envelope_of(name) for name in os.listdir(self.new) if not name.startswith(b"."))
        return sum(one is None or one.number <= now for one in found)

    def _rename(self, at: bytes, to: bytes, *, alive: bool = False) -> bool:
        if alive:  # before it is in work, so that nobody takes it for forsaken
            try:
                os.utime(at)
            except FileNotFoundError:
                return False
        try:
            os.rename(at, to)
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(to)):
                return False
            raise
        return True


def _holds(place: bytes, start: str) -> bool:
    beginning = start.encode()
    return any(name.startswith(beginning) for name in os.listdir(place))


def _messages(place: bytes) -> list[bytes]:
    return [name for name in os.listdir(place) if not name.startswith(b".")]


def _clear(place: bytes) -> None:
    for name in os.listdir(place):
        os.unlink(os.path.join(place, name))
    os.rmdir(place)


def _attributes(path: bytes) -> Mapping[str, str]:
    try:
        data, _ = _read(path, LONGEST_BODY)
        found = json.loads(data)
    except (OSError, ValueError, RecursionError, UnusableError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: bytes, longest: int) -> tuple[bytes, float]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO}:
            raise UnusableError(f"it cannot be read: {error.strerror}") from None
        raise
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnusableError("it is no regular file")
        if about.st_size > longest:
            raise UnusableError(f"it has {about.st_size:,} bytes, more than {longest:,}")
        pieces, left = [], longest + 1
        while left and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
        if not left:
            raise UnusableError(f"it has more than {longest:,} bytes")
        return b"".join(pieces), about.st_mtime
    finally:
        os.close(descriptor)
