"""From chunks, as a pipe gives them, to whole lines, as a console that many slots share needs them.

A chunk holds hundreds of lines when speed matters, so nothing here looks at single lines: one `replace` writes the
prefixes of all of them, one `join` puts the pieces together.
"""

from collections.abc import Callable
from typing import Final, Protocol

from minisup.host.longlines import LONGEST_LINE, NOTHING, LongLines, Taken
from minisup.host.stamp import stamp
from minisup.host.tails import KEPT_BYTES, Tail

CONTINUED: Final = b" [...]"
"""Ends a piece of a line that was too long; the next piece follows as a line of its own."""


class Lines(Protocol):
    """One stream's line that has no end yet."""

    growth: int
    """Bytes that one byte may become."""

    def take(self, chunk: bytes) -> Taken:
        """Add a chunk, never empty."""

    def end(self) -> Taken:
        """The run is over: what is left is its last line."""


class Raw:
    """Lines as they are. One that is too long is passed on in pieces: no byte is added, but others may come between."""

    __slots__ = ("_partial",)

    growth = 1

    def __init__(self) -> None:
        self._partial = bytearray()

    def take(self, chunk: bytes) -> Taken:
        """See `Lines`."""
        end = chunk.rfind(b"\n") + 1
        partial = self._partial
        if not end:
            partial += chunk
            return self.end() if len(partial) > LONGEST_LINE else NOTHING
        if end == len(chunk) and not partial:
            return chunk, chunk
        with memoryview(chunk) as view:
            whole = b"".join((partial, view[:end]))
            partial[:] = view[end:]
        return whole, whole

    def end(self) -> Taken:
        """See `Lines`."""
        rest = bytes(self._partial)
        self._partial.clear()
        return rest, rest


class Prefixed(LongLines):
    """Each line after a prefix; the last one gets a newline if it has none; lines that are too long are cut.

    `tail` says whether all lines are wanted to be remembered, because somebody follows them, or only the last ones.
    """

    __slots__ = ("_newline", "_prefix", "_tail", "growth")

    def __init__(self, prefix: bytes, tail: Tail | None = None) -> None:
        super().__init__()
        self.growth = len(prefix) + 1
        self._tail = tail
        self._prefix = prefix
        self._newline = b"\n" + prefix

    def take(self, chunk: bytes) -> Taken:
        """See `Lines`."""
        end = chunk.rfind(b"\n") + 1
        partial = self._partial
        if not end:
            partial += chunk
            return self._cut()
        if end == len(chunk) and not partial:
            return b"".join((self._prefix, chunk[:-1].replace(b"\n", self._newline), b"\n")), chunk
        if partial and len(partial) + chunk.find(b"\n") > LONGEST_LINE:
            return self._take_long(chunk)
        text = chunk.replace(b"\n", self._newline)
        with memoryview(text) as view, memoryview(chunk) as plain:
            # The last newline was given a prefix too: the next line brings its own.
            forward = b"".join((self._prefix, partial, view[: len(text) - len(self._prefix) - len(chunk) + end]))
            if end <= KEPT_BYTES or (self._tail is not None and self._tail.listener is not None):
                kept = b"".join((partial, plain[:end]))
            else:
                # From the beginning of a line on: half a line would mislead.
                begin = chunk.find(b"\n", end - KEPT_BYTES - 1, end - 1) + 1
                kept = chunk[begin or end - KEPT_BYTES : end]
            partial[:] = plain[end:]
        return forward, kept

    def end(self) -> Taken:
        """See `Lines`."""
        if not self._partial:
            return NOTHING
        rest = bytes(self._partial)
        self._partial.clear()
        return b"".join((self._prefix, rest, b"\n")), rest

    def _piece(self, piece: bytes) -> bytes:
        return b"".join((self._prefix, piece, CONTINUED, b"\n"))


class Timed(Prefixed):
    """Prefixed, and the time before the prefix: when the end of the line was read."""

    __slots__ = ("_name", "_wall")

    def __init__(self, prefix: bytes, tail: Tail | None, wall: Callable[[], float]) -> None:
        self._name = prefix
        self._wall = wall
        super().__init__(self._now(), tail)

    def take(self, chunk: bytes) -> Taken:
        """See `Lines`."""
        self._look()
        return super().take(chunk)

    def end(self) -> Taken:
        """See `Lines`."""
        self._look()
        return super().end()

    def _look(self) -> None:
        self._prefix = self._now()
        self._newline = b"\n" + self._prefix

    def _now(self) -> bytes:
        return b"%b %b" % (stamp(self._wall()).encode(), self._name)
