"""Lines that have no end yet, and the cutting of those that grow too long: what all forms of whole lines share."""

from typing import Final

LONGEST_LINE: Final = 1 << 16
"""Bytes after which a line is passed on although its end has not come."""

Taken = tuple[bytes, bytes]
"""What came of a chunk: bytes to pass on, and the lines in them to remember. Both may be empty."""

NOTHING: Final[Taken] = (b"", b"")


class LongLines:
    """Keeps the line that has no end yet. How a piece of it looks, and where it may be cut, is up to the form."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        self._partial = bytearray()

    def take(self, chunk: bytes) -> Taken:
        """Add a chunk, never empty."""
        raise NotImplementedError

    def _piece(self, piece: bytes) -> bytes:
        """A piece of a line that goes on, as it is passed on."""
        raise NotImplementedError

    def _piece_size(self) -> int:
        """Bytes of the next piece; the line has more than that."""
        return LONGEST_LINE

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
            size = self._piece_size()
            piece = bytes(self._partial[:size])
            del self._partial[:size]
            forward += self._piece(piece)
            kept += piece + b"\n"
        return forward, kept
