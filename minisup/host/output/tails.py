"""The last lines of a slot, each with the run that wrote it.

Chunks are kept as they came and looked at only when somebody asks: an append is all that a run pays.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from minisup.host.characters import cut_before, last_lines

KEPT_LINES: Final = 200
KEPT_BYTES: Final = 32 << 10

LONGEST_CAUSE: Final = 200
"""Characters of a last line that is shown as the cause of a failure."""

CONSIDERED: Final = 4096
"""Bytes of a last line that are looked at: a line may be 64 KiB of control characters."""

RECENT: Final = KEPT_BYTES - CONSIDERED
"""Bytes of a run that `recent` looks at: less than is kept, because a piece that is cut ends at a line."""

_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # window titles, links
    r"|\x1b[ -/]*[0-~]?"
)


class TailLine(NamedTuple):
    """One line of output, without its newline. `time` is the wall clock, seconds, when it was read."""

    run: int
    stream: str
    text: str
    time: float


Listener = Callable[[int, str, float, bytes], None]
"""Told run, stream, wall-clock seconds and whole lines, as they come."""

Block = tuple[int, str, float, bytes]
"""Run, stream, wall-clock seconds, whole lines."""


class Tail:
    """What one slot printed last: at most `KEPT_LINES` lines and `KEPT_BYTES` bytes, whichever is less.

    `listener` is told everything that is kept, before it is made to fit.
    """

    __slots__ = ("_blocks", "_cut", "_size", "listener")

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener = listener
        self._blocks: deque[Block] = deque()
        self._size = 0
        self._cut = 0  # the last run of which something is not kept

    def keep(self, run: int, stream: str, time: float, data: bytes) -> None:
        """Keep `data`: whole lines, or the end of a run's output."""
        if self.listener is not None:
            self.listener(run, stream, time, data)
        if len(data) > KEPT_BYTES:
            self._cut = run
            data = last_lines(data, KEPT_BYTES)
        blocks = self._blocks
        blocks.append((run, stream, time, data))
        self._size += len(data)
        while self._size - len(blocks[0][3]) >= KEPT_BYTES or len(blocks) > KEPT_LINES:
            self._cut, _, _, dropped = blocks.popleft()
            self._size -= len(dropped)

    def lines(self, limit: int = KEPT_LINES, run: int | None = None) -> list[TailLine]:
        """The last `limit` lines, oldest first; of one run if `run` is given."""
        wanted = (item for item in self._newest_first() if run in (None, item[0][0]))
        newest = list(islice(wanted, limit))
        return [
            TailLine(run, stream, line.decode(errors="replace"), time)
            for (run, stream, time, _), line in reversed(newest)
        ]

    def text(self, run: int, limit: int) -> bytes:
        """The last lines of `run`, at most `limit` bytes."""
        pieces: list[bytes] = []
        for block in reversed(self._blocks):
            if block[0] == run and limit > 0:
                data = block[3] if block[3].endswith(b"\n") else block[3] + b"\n"
                pieces.append(last_lines(data, limit))
                limit -= len(block[3])
        return b"".join(reversed(pieces))

    def last_line(self, run: int) -> str:
        """The last line of `run` that says something, as one printable line of at most `LONGEST_CAUSE` characters."""
        for block, line in self._newest_first():
            if block[0] == run and (text := _printable(line)):
                return text if len(text) <= LONGEST_CAUSE else text[: LONGEST_CAUSE - 3] + "..."
        return ""

    def recent(self, run: int) -> tuple[list[str], bool]:
        """The last lines of `run`, newest first, at most `RECENT` bytes; whether that is all that it printed.

        Colours are taken out. Of a line that is longer than `CONSIDERED` bytes only the beginning is looked at.
        """
        found: list[str] = []
        room, whole = RECENT, self._cut != run
        for block, line in self._newest_first():
            if block[0] != run:
                continue
            room -= len(line) + 1
            if room < 0 and found:
                return found, False
            text = _beginning(line)
            found.append(_ESCAPES.sub("", text) if "\x1b" in text else text)
            whole = whole and len(line) <= CONSIDERED
        return found, whole and len(found) < KEPT_LINES

    def _newest_first(self) -> Iterator[tuple[Block, bytes]]:
        count, room = KEPT_LINES, KEPT_BYTES + 1
        for block in reversed(self._blocks):
            for line in reversed(block[3].removesuffix(b"\n").split(b"\n")):
                count -= 1
                room -= len(line) + 1
                if count < 0 or room < 0:
                    return
                yield block, line


def _beginning(line: bytes) -> str:
    return line[: cut_before(line, CONSIDERED)].decode(errors="replace")


def _printable(line: bytes) -> str:
    words = _ESCAPES.sub("", _beginning(line)).split()
    return "".join(filter(str.isprintable, " ".join(words))).strip()
