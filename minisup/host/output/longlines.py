"""Lines that have no end yet, and the cutting of those that grow too long: what all forms of lines share."""

from typing import Final

from minisup.host.characters import cut_before

LONGEST_LINE: Final = 1 << 16
"""Bytes after which a line is passed on although its end has not come."""

Taken = tuple[bytes, bytes]
"""What came of a chunk: bytes to pass on, and the lines in them to remember. Both may be empty."""

NOTHING: Final[Taken] = (b"", b"")


class LongLines:
    """Keeps the line that has no end yet, and cuts one that is too long between two characters.

    How whole lines, a piece of one and the last one look is up to the form.
    """

    __slots__ = ("_partial",)

    growth: int
    """Bytes that one byte may become."""

    def __init__(self) -> None:
        self._partial = bytearray()

    def take(self, chunk: bytes) -> Taken:
        """Add a chunk, never empty."""
        end = chunk.rfind(b"\n") + 1
        partial = self._partial
        if not end:
            partial += chunk
            return self._cut()
        if partial and len(partial) + chunk.find(b"\n") > LONGEST_LINE:
            return self._take_long(chunk)
        return self._whole(chunk, end)

    def end(self) -> Taken:
        """The run is over: what is left is its last line."""
        if not self._partial:
            return NOTHING
        rest = bytes(self._partial)
        self._partial.clear()
        return self._last(rest), rest

    def _whole(self, chunk: bytes, end: int) -> Taken:
        """Take the line so far and the first `end` bytes of `chunk`, whole lines; the rest becomes the line so far."""
        raise NotImplementedError

    def _piece(self, piece: bytes) -> bytes:
        """A piece of a line that goes on, as it is passed on."""
        raise NotImplementedError

    def _last(self, line: bytes) -> bytes:
        """The last line, which has no end, as it is passed on."""
        raise NotImplementedError

    def _take_long(self, chunk: bytes) -> Taken:
        """Add a chunk whose first line, with what there is of it, is too long."""
        first = chunk.find(b"\n")
        self._partial += memoryview(chunk)[:first]
        cut = self._cut()
        rest = self.take(chunk[first:])
        return cut[0] + rest[0], cut[1] + rest[1]

    def _cut(self) -> Taken:
        """The pieces of the line that has no end yet, as long as it is too long."""
        forward = kept = b""
        while len(self._partial) > LONGEST_LINE:
            size = cut_before(self._partial, LONGEST_LINE)
            piece = bytes(self._partial[:size])
            del self._partial[:size]
            forward += self._piece(piece)
            kept += piece + b"\n"
        return forward, kept
