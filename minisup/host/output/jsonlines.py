"""Lines as JSON, an object each: for whoever collects the output of many programs in one place."""

from collections.abc import Callable
from json.encoder import encode_basestring as quoted
from typing import Final

from minisup.core.policy.timestamp import stamp
from minisup.host.output.longlines import LongLines, Taken

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

    def _whole(self, chunk: bytes, end: int) -> Taken:
        partial = self._partial
        with memoryview(chunk) as view:
            whole = b"".join((partial, view[:end]))
            partial[:] = view[end:]
        return self._objects(whole[:-1]), whole

    def _opening(self) -> str:
        return f'{{"timestamp":"{stamp(self._wall())}",{self._head}'

    def _objects(self, lines: bytes, tail: str = "}\n") -> bytes:
        opening = self._opening()
        texts = lines.decode("utf-8", "replace").split("\n")
        return (opening + (tail + opening).join(map(quoted, texts)) + tail).encode()

    def _piece(self, piece: bytes) -> bytes:
        return self._objects(piece, ',"partial":true}\n')

    def _last(self, line: bytes) -> bytes:
        return self._objects(line)
