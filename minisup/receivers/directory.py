"""A directory as a queue. The kernel tells of new files; looking at them all is for the start and for what it missed.

Leases do not believe any clock: who sees a message in work that shows no sign of life for its whole lease, by his own
patience, gives it back. So a clock that jumps, or another machine's that is wrong, takes nobody's message away.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush, nsmallest
from typing import Any, Final

from minisup.receivers.channel import Channel
from minisup.receivers.inotify import Inotify
from minisup.receivers.protocol import Message
from minisup.receivers.receiver import COUNT_EACH, Receiver
from minisup.receivers.spool import Envelope, Spool, UnusableError, envelope_of

MOST_NAMES: Final = 10_000
"""Names that are remembered; the directory has all of them."""

A_TURN: Final = 64
"""Messages taken before minisup is listened to again."""

LOOK_EACH: Final = 60.0
"""Seconds between two looks at everything, where the kernel tells what is new."""

POLL_EACH: Final = 1.0
"""Seconds between two looks where it does not, and between two tries of what failed."""

SKIPPED: Final = 10.0
"""Seconds until a file that cannot be moved is tried again."""

LONGEST_PATROL: Final = 30.0
"""Seconds between two looks at what is in work, at most; else a quarter of the lease."""


class DirectoryReceiver(Receiver):
    """Receives the messages of one directory."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        super().__init__(channel, settings)
        self._spool = Spool(settings["directory"], settings.get("dead_letter"))
        try:
            self._spool.begin()
        except OSError:
            pass  # the first look says it, with the reason
        self._inotify: Inotify | None = None
        self._place: tuple[int, int] | None = None  # device and inode of `new`, as it is watched
        self._names: deque[bytes] = deque()  # to be taken, in this order
        self._later: list[tuple[float, bytes]] = []  # not before this moment of the wall clock
        self._more = True  # there may be others
        self._look_at = self._patrol_at = self._retry_at = self._count_at = 0.0
        self._counted = False
        self._held: dict[str, Envelope] = {}
        self._seen: dict[Envelope, tuple[int, float]] = {}  # in work by others: sign of life, since when it is that
        self._pending: dict[str, Callable[[], None]] = {}  # settlements that failed
        self._refused: set[bytes] = set()

    def descriptors(self) -> Iterable[int]:
        """See `Receiver`."""
        return () if self._inotify is None or self._inotify.descriptor < 0 else (self._inotify.descriptor,)

    def work(self) -> float | None:
        """See `Receiver`."""
        now = time.monotonic()
        try:
            if now >= self._retry_at:
                self._retry()
                self._turn(now)
                self._retry_at = 0.0
                self.well()
        except OSError as error:
            self._fail(error)
            self._retry_at = now + POLL_EACH
            self._place = None
        return self._due(now)

    def _due(self, now: float) -> float:
        if self._retry_at:
            return self._retry_at - now
        if self.credit and self._names:
            return 0.0
        moments = [self._look_at - now, self._patrol_at - now]
        if self.credit and self._later:
            moments.append(self._later[0][0] - time.time())
        if self._pending:
            moments.append(POLL_EACH)
        if not self._counted:
            moments.append(self._count_at - now)
        return max(0.0, min(moments))

    # --- what there is ------------------------------------------------------------------------------------------------

    def _turn(self, now: float) -> None:
        self._watch(now)
        if now >= self._look_at or (self._more and not self._names):
            self._look(now)
        if now >= self._patrol_at:
            self._patrol(now)
        wall = time.time()
        while self._later and self._later[0][0] <= wall:
            self._names.append(heappop(self._later)[1])
        for _ in range(min(self.credit, len(self._names), A_TURN)):
            self._take(self._names.popleft())
            self._counted = False
        if not self._counted and now >= self._count_at:
            self.count(self._spool.waiting())
            self._counted = True
            self._count_at = now + max(COUNT_EACH, 50 * (time.monotonic() - now))

    def _watch(self, now: float) -> None:
        """Be told of new files by the kernel, in the directory that has the name now."""
        told = None if self._inotify is None or self._place is None else self._inotify.read()
        if told is not None:
            for name in told:
                self._note(name)
            if now < self._look_at:
                return
        self._spool.make()
        about = os.stat(self._spool.new)
        if self._place == (about.st_dev, about.st_ino) and told is not None:
            return
        if self._inotify is not None:
            self._inotify.close()
        self._inotify = Inotify(os.environ)
        told_of = (self._inotify.watch(self._spool.base, names=False), self._inotify.watch(self._spool.new, names=True))
        if not all(told_of):
            self._inotify.close()
        self._place = about.st_dev, about.st_ino
        self._look_at = now

    def _note(self, name: bytes) -> None:
        if name.startswith(b"."):
            return
        self._counted = False
        found = envelope_of(name)
        if len(self._names) + len(self._later) >= MOST_NAMES:
            self._more = True
        elif found and found.number > time.time() * 1000:
            heappush(self._later, (found.number / 1000, name))
        else:
            self._names.append(name)

    def _look(self, now: float) -> None:
        """At everything: the oldest first."""
        ready: list[tuple[float, bytes]] = []
        later: list[tuple[float, bytes]] = []
        wall = time.time()
        with os.scandir(self._spool.new) as entries:
            for entry in entries:
                if not entry.name.startswith(b".") and (moment := _moment(entry)) is not None:
                    (later if envelope_of(entry.name) and moment > wall else ready).append((moment, entry.name))
        self._more = len(ready) > MOST_NAMES
        self._names = deque(name for _, name in nsmallest(MOST_NAMES, ready))
        self._later = nsmallest(MOST_NAMES, later)
        self._counted = False
        told = self._inotify is not None and self._inotify.descriptor >= 0
        self._look_at = now + (LOOK_EACH if told else POLL_EACH)

    def _patrol(self, now: float) -> None:
        """Give back what others have in work and show no sign of life for."""
        own = set(self._held.values())
        seen: dict[Envelope, tuple[int, float]] = {}
        for name in os.listdir(self._spool.work):
            found = envelope_of(name)
            if found is None or found in own:
                continue
            try:
                alive = os.stat(os.path.join(self._spool.work, name)).st_mtime_ns
            except FileNotFoundError:
                continue
            was = self._seen.get(found)
            since = was[1] if was and was[0] == alive else now
            if now - since < found.number / 1000:
                seen[found] = alive, since
            elif self._spool.recover(found):
                self._note(Envelope(found.id, found.receives, 0).name)
        self._seen = seen
        shortest = min([self.lease, *(found.number / 1000 for found in seen)])
        self._patrol_at = now + min(max(shortest / 4, 0.05), LONGEST_PATROL)

    # --- a message ----------------------------------------------------------------------------------------------------

    def _take(self, name: bytes) -> None:
        try:
            taken = self._spool.take(name, self.lease)
        except PermissionError as error:
            heappush(self._later, (time.time() + SKIPPED, name))
            self._refuse(name, f"cannot take {name.decode(errors='backslashreplace')}: {_words(error)}")
            return
        except OSError:
            self._names.appendleft(name)
            raise
        if taken is None:
            return
        try:
            found = self._spool.open(taken)
        except UnusableError as problem:
            if self._spool.reject(taken, str(problem)):
                self.aside(name.decode(errors="backslashreplace"), str(problem))
            return
        except OSError:
            self._spool.give_back(taken, POLL_EACH)
            raise
        self._held[taken.id] = taken
        receipt = taken.name.decode()
        self.give(Message(taken.id, found.body, taken.receives, found.sent, found.attributes, receipt))

    def _refuse(self, name: bytes, words: str) -> None:
        if name not in self._refused and len(self._refused) < MOST_NAMES:
            self._refused.add(name)
            self.ill(words)

    # --- minisup's words ----------------------------------------------------------------------------------------------

    def know(self, receipts: Mapping[str, str]) -> None:
        """See `Receiver`."""
        for which, receipt in receipts.items():
            found = envelope_of(os.fsencode(receipt))
            if found is None or found.id != which:
                self.lose(which)
                continue
            self._held[which] = found
            try:
                self._held[which] = self._spool.find(found) or found
            except OSError as error:
                self._fail(error)

    def ack(self, ids: tuple[str, ...]) -> None:
        """See `Receiver`."""
        for which in ids:
            self._settle(which, self._spool.ack, None)

    def give_back(self, which: str, delay: float) -> None:
        """See `Receiver`."""
        self._settle(which, lambda taken: self._spool.give_back(taken, delay), self._spool.new)

    def reject(self, which: str, reason: str) -> None:
        """See `Receiver`."""
        self._settle(which, lambda taken: self._spool.reject(taken, reason), self._spool.failed)

    def keep(self, ids: tuple[str, ...], lease: float) -> None:
        """See `Receiver`."""
        for which in ids:
            taken = self._held.get(which)
            try:
                kept = None if taken is None else self._spool.keep(taken, lease)
            except OSError as error:
                self._fail(error)
                continue
            if kept is not None:
                self._held[which] = kept
            elif which not in self._pending:
                self._held.pop(which, None)
                self.lose(which)

    def leave(self) -> None:
        """See `Receiver`."""
        self._retry()

    def _settle(self, which: str, how: Callable[[Envelope], bool], place: bytes | None) -> None:
        if which not in self._held:
            self.lose(which)
            return
        self._pending[which] = lambda: self._try(which, how, place)
        self._pending[which]()

    def _try(self, which: str, how: Callable[[Envelope], bool], place: bytes | None) -> None:
        taken = self._held[which]
        try:
            done = how(taken) or self._spool.was_settled(taken, place)
        except OSError as error:
            self._fail(error)
            return
        del self._pending[which], self._held[which]
        if done:
            self.settle(which)
        else:
            self.lose(which)

    def _retry(self) -> None:
        for again in list(self._pending.values()):
            again()

    def _fail(self, error: OSError) -> None:
        self.ill(f"{os.fsdecode(self._spool.base)}: {_words(error)}")


def _moment(entry: os.DirEntry[bytes]) -> float | None:
    """From when on a message can be taken, or since when it lies there; None: it is none."""
    found = envelope_of(entry.name)
    try:
        if found:
            return found.number / 1000 if entry.is_dir(follow_symlinks=False) else None
        if entry.is_file(follow_symlinks=False):
            return entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        pass
    return None


def _words(error: OSError) -> str:
    where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
    return f"{error.strerror or error}{where}"
