"""Lines as JSON, an object each: for whoever collects the output of many programs in one place."""

from collections.abc import Callable
from json.encoder import encode_basestring as quoted
from typing import Final

from minisup.host.longlines import LONGEST_LINE, NOTHING, LongLines, Taken
from minisup.host.stamp import stamp

ESCAPE: Final = 6
"""Bytes that one byte of a line may become, as a control character does."""

_STAMP_SIZE: Final = len(stamp(0))


class Json(LongLines):
    """One object a line: `timestamp`, `program`, `slot`, `run`, `stream`, `line`.

    Bytes that are not UTF-8 are replaced. A line that is too long comes in pieces; all but the last have `partial`.
    The time is when the line, or the piece, was whole.
    """

    __slots__ = ("_head", "_wall", "growth")

    def __init__(self, slot: str, run: int, stream: str, wall: Callable[[], float]) -> None:
        super().__init__()
        program = slot.rpartition(":")[0]
        self._head = f'"program":{quoted(program)},"slot":{quoted(slot)},"run":{run},"stream":{quoted(stream)},"line":'
        self._wall = wall
        self.growth = len(self._opening()) + ESCAPE

    def take(self, chunk: bytes) -> Taken:
        """See `Lines`."""
        end = chunk.rfind(b"\n") + 1
        partial = self._partial
        if not end:
            partial += chunk
            return self._cut()
        if partial and len(partial) + chunk.find(b"\n") > LONGEST_LINE:
            return self._take_long(chunk)
        with memoryview(chunk) as view:
            whole = b"".join((partial, view[:end]))
            partial[:] = view[end:]
        return self._objects(whole[:-1]), whole

    def end(self) -> Taken:
        """See `Lines`."""
        if not self._partial:
            return NOTHING
        rest = bytes(self._partial)
        self._partial.clear()
        return self._objects(rest), rest

    def _opening(self) -> str:
        return f'{{"timestamp":"{stamp(self._wall())}",{self._head}'

    def _objects(self, lines: bytes, tail: str = "}\n") -> bytes:
        opening = self._opening()
        texts = lines.decode("utf-8", "replace").split("\n")
        return (opening + (tail + opening).join(map(quoted, texts)) + tail).encode()

    def _piece(self, piece: bytes) -> bytes:
        return self._objects(piece, ',"partial":true}\n')

    def _piece_size(self) -> int:
        return _whole_characters(self._partial, LONGEST_LINE)


def _whole_characters(data: bytearray, size: int) -> int:
    """At most `size`, so that no character of UTF-8 is cut there."""
    for back in range(4):
        if data[size - back] & 0xC0 != 0x80:  # noqa: PLR2004 - 10xxxxxx goes on with a character
            return size - back
    return size
