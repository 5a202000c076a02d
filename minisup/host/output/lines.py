"""From chunks, as a pipe gives them, to whole lines, as a console that many slots share needs them.

A chunk holds hundreds of lines when speed matters, so nothing here looks at single lines: one `replace` writes the
prefixes of all of them, one `join` puts the pieces together.
"""

from collections.abc import Callable
from typing import Final

from minisup.core.policy.timestamp import stamp
from minisup.escapes import RESET, visible_but_colours
from minisup.host.characters import last_lines
from minisup.host.output.longlines import LongLines, Taken
from minisup.host.output.tails import KEPT_BYTES, Tail

CONTINUED: Final = b" [...]"
"""Ends a piece of a line that was too long; the next piece follows as a line of its own."""


class Raw(LongLines):
    """Lines as they are. One that is too long is passed on in pieces: no byte is added, but others may come between."""

    __slots__ = ()

    growth = 1

    def _whole(self, chunk: bytes, end: int) -> Taken:
        partial = self._partial
        if end == len(chunk) and not partial:
            return chunk, chunk
        with memoryview(chunk) as view:
            whole = b"".join((partial, view[:end]))
            partial[:] = view[end:]
        return whole, whole

    def _piece(self, piece: bytes) -> bytes:
        return piece

    def _last(self, line: bytes) -> bytes:
        return line


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

    def _whole(self, chunk: bytes, end: int) -> Taken:
        partial = self._partial
        if end == len(chunk) and not partial:
            return b"".join((self._prefix, chunk[:-1].replace(b"\n", self._newline), b"\n")), chunk
        text = chunk.replace(b"\n", self._newline)
        with memoryview(text) as view, memoryview(chunk) as plain:
            # The last newline was given a prefix too: the next line brings its own.
            forward = b"".join((self._prefix, partial, view[: len(text) - len(self._prefix) - len(chunk) + end]))
            if end <= KEPT_BYTES or (self._tail is not None and self._tail.listener is not None):
                kept = b"".join((partial, plain[:end]))
            else:
                kept = last_lines(chunk[:end], KEPT_BYTES)
            partial[:] = plain[end:]
        return forward, kept

    def _piece(self, piece: bytes) -> bytes:
        return b"".join((self._prefix, piece, CONTINUED, b"\n"))

    def _last(self, line: bytes) -> bytes:
        return b"".join((self._prefix, line, b"\n"))


class Timed(Prefixed):
    """Prefixed, and the time before the prefix: when the end of the line was read."""

    __slots__ = ("_name", "_wall")

    def __init__(self, prefix: bytes, tail: Tail | None, wall: Callable[[], float]) -> None:
        self._name = prefix
        self._wall = wall
        super().__init__(self._now(), tail)

    def take(self, chunk: bytes) -> Taken:
        """See `LongLines`."""
        self._look()
        return super().take(chunk)

    def end(self) -> Taken:
        """See `LongLines`."""
        self._look()
        return super().end()

    def _look(self) -> None:
        self._prefix = self._now()
        self._newline = b"\n" + self._prefix

    def _now(self) -> bytes:
        return b"%b %b" % (stamp(self._wall()).encode(), self._name)


class OnTerminal(LongLines):
    """Other lines, for a terminal: the colours of jobs work, and all else that would command it is written out."""

    __slots__ = ("_lines", "growth")

    def __init__(self, lines: LongLines) -> None:
        self._lines = lines
        self.growth = lines.growth + len(RESET)

    def take(self, chunk: bytes) -> Taken:
        """See `LongLines`."""
        return _shown(self._lines.take(chunk))

    def end(self) -> Taken:
        """See `LongLines`."""
        return _shown(self._lines.end())


def _shown(taken: Taken) -> Taken:
    forward, kept = taken
    lines = forward.decode(errors="replace").split("\n")
    return "\n".join(map(visible_but_colours, lines)).encode(), kept
